"""The credentials table of a DuckDB file, as the operator keeps it."""

from collections.abc import Callable, Mapping, Sequence

import duckdb

from config import Settings
from errors import TableRefused
from messages import RowsMerged
from tables import CREDENTIALS
from utils import fold_name
from warehouses.duckdb.reader import as_text
from warehouses.duckdb.tables import DuckDBTables, quote_name
from warehouses.sql.table_checks import find_lost_columns

Row = Mapping[str, str | None]


def put_credential_rows(
    db: duckdb.DuckDBPyConnection, settings: Settings, tables: DuckDBTables, rows: Sequence[Row],
    key_of: Callable[[Row], str],
) -> RowsMerged:  # fmt: skip
    """Add or change rows inside the caller's transaction. ``key_of`` returns the source of a row."""
    added = changed = left = 0
    table = tables.credentials
    names = list(tables.columns(db, settings.credentials_table))
    ours = {fold_name(column.name): column.name for column in CREDENTIALS.columns}
    columns = {name: ours[fold_name(name)] for name in names if fold_name(name) in ours}
    _refuse_loss(db, settings, tables, rows, set(columns.values()))
    stored = db.execute(f"SELECT rowid, {', '.join(map(quote_name, columns))} FROM {table}").fetchall()
    known = {key_of(_by_our_names(row[1:], columns)): row for row in stored}
    for row in rows:
        values = [row.get(name) for name in columns.values()]
        before = known.get(key_of(row))
        if before is None:
            marks = ", ".join("?" for _ in values)
            db.execute(f"INSERT INTO {table} ({', '.join(map(quote_name, columns))}) VALUES ({marks})", values)
            added += 1
        elif _by_our_names(before[1:], columns) == _by_our_names(values, columns):
            left += 1
        else:
            changes = ", ".join(f"{quote_name(name)} = ?" for name in columns)
            db.execute(f"UPDATE {table} SET {changes} WHERE rowid = ?", [*values, before[0]])
            changed += 1
    return RowsMerged(added=added, changed=changed, left=left)


def _refuse_loss(
    db: duckdb.DuckDBPyConnection, settings: Settings, tables: DuckDBTables, rows: Sequence[Row], columns: set[str]
) -> None:
    """Raise TableRefused if the table cannot hold a value of the rows."""
    lost = find_lost_columns(rows, columns)
    table = f"{settings.dataset_id}.{settings.credentials_table}"
    if lost:
        raise TableRefused(table, f"it has no column for {', '.join(lost)}; add it as text, or leave it empty")
    if tables.is_view(db, settings.credentials_table):
        raise TableRefused(table, "it is a view; change its rows where they come from")


def _by_our_names(values: Sequence[object], columns: Mapping[str, str]) -> dict[str, str | None]:
    """Return the values under our names, as text."""
    texts = [None if value in (None, "") else as_text(value) for value in values]
    return dict(zip(columns.values(), texts, strict=True))
