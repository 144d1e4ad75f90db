"""The tables and views that a DuckDB file has: one look at its catalog, which takes as long as for one table."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

Database = duckdb.DuckDBPyConnection

COLUMNS = """
    SELECT lower(table_name), column_name, data_type, NOT is_nullable AND column_default IS NULL
    FROM duckdb_columns()
    WHERE database_name = current_database() AND lower(schema_name) = lower(?)
    ORDER BY table_name, column_index
"""
VIEWS = "SELECT lower(view_name), coalesce(comment, '') FROM duckdb_views() WHERE database_name = current_database()" \
    " AND lower(schema_name) = lower(?)"  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTables:
    """The tables and views of a schema at one moment. Names match without regard to case."""

    _columns: Mapping[str, dict[str, str]]
    _demanding: Mapping[str, list[str]]
    _views: Mapping[str, str]

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types. A missing table has none."""
        return self._columns.get(table.lower(), {})

    def demanding_columns(self, table: str) -> list[str]:
        """Return the columns of a table that refuse null and have no default."""
        return self._demanding.get(table.lower(), [])

    def is_view(self, name: str) -> bool:
        return name.lower() in self._views

    def view_comment(self, name: str) -> str:
        """Return the comment on a view. Anything else has none."""
        return self._views.get(name.lower(), "")


def find_stored_tables(db: Database, schema: str) -> StoredTables:
    columns: defaultdict[str, dict[str, str]] = defaultdict(dict)
    demanding: defaultdict[str, list[str]] = defaultdict(list)
    for table, column, kind, demands_value in db.execute(COLUMNS, [schema]).fetchall():
        columns[table][column] = kind
        if demands_value:
            demanding[table].append(column)
    views = dict(db.execute(VIEWS, [schema]).fetchall())
    return StoredTables(columns, demanding, views)
