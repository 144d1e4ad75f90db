"""One Parquet file with everything of a batch, checked before any of it is sent.

BigQuery gets one wide table per batch. It has every column of every target, and ``kind`` names the target of a row. The
columns of other targets are null and cost nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from errors import BatchRefused
from messages import SealedWindow, SpoolFile
from tables import (
    CALLS,
    INT64,
    QUARANTINE,
    QUARANTINE_COLUMNS,
    RUNS,
    STATE_TABLES,
    STRING,
    Column,
    Table,
    arrow_schema,
    spool_columns,
)
from warehouses.sql.batch_rows import BatchRows, Row

KIND = Column("kind", STRING, "Table that the row is for.", True)
PLACE = Column("place", INT64, "Order of the calls in the batch, the latest read last.")
ROWS_PER_GROUP = 100_000
DICTIONARY = ["kind", "source_key", "campaign", "client_id", "client_name", "direction", "status", "source_report"]


def staging_columns(*, lead_fields: bool) -> tuple[Column, ...]:
    """Return every column of the new rows of every target, each once."""
    found = [KIND, PLACE, *spool_columns(lead_fields=lead_fields), *QUARANTINE_COLUMNS]
    found += [column for table in STATE_TABLES for column in table.columns]
    return tuple({column.name: column for column in reversed(found)}.values())[::-1]


@dataclass(slots=True)
class Staged:
    """One file with all rows of a batch, and their properties that shape the commit."""

    path: Path
    rows: int = 0
    kinds: set[str] = field(default_factory=set)
    calls: int = 0
    reports: set[str] = field(default_factory=set)
    copies: bool = False
    """True if several sources or windows show the same leg."""
    first_day: date = date.max
    last_day: date = date.min
    days_of_hours: tuple[date, date] = (date.max, date.min)


@dataclass(slots=True)
class RowGroups:
    """Gathers small tables into large row groups. Thousands of small ones would make a file many times larger."""

    writer: pq.ParquetWriter
    tables: list[pa.Table] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        self.tables.append(table)
        if sum(each.num_rows for each in self.tables) >= ROWS_PER_GROUP:
            self.write()

    def write(self) -> None:
        if self.tables:
            self.writer.write_table(pa.concat_tables(self.tables))
        self.tables = []


def write_staging(path: Path, rows: BatchRows, runs: Sequence[Row], *, lead_fields: bool) -> Staged:
    """Write the staging file of a batch. Raise BatchRefused for a spool file that differs from its window."""
    staged = Staged(path, days_of_hours=rows.days_of_hours)
    columns = staging_columns(lead_fields=lead_fields)
    schema = arrow_schema(columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=DICTIONARY) as writer:
            groups = RowGroups(writer)
            for kind, table in _tables(staged, rows, runs, lead_fields=lead_fields):
                staged.kinds.add(kind)
                staged.rows += table.num_rows
                groups.add(_widen(table, kind, schema))
            groups.write()
    except (pa.ArrowException, OSError) as exc:
        raise BatchRefused(f"a file of the spool cannot be read: {type(exc).__name__}") from None
    return staged


def _tables(
    staged: Staged, rows: BatchRows, runs: Sequence[Row], *, lead_fields: bool
) -> Iterator[tuple[str, pa.Table]]:
    yield from ((CALLS.name, table) for table in _calls(staged, rows.windows_with_calls, lead_fields=lead_fields))
    for window in rows.windows_with_quarantine:
        for file in window.quarantine_files:
            yield QUARANTINE.name, _read(file, QUARANTINE_COLUMNS)
    state: Mapping[Table, Sequence[Row]] = rows.state_rows()
    for table, new in state.items():
        yield table.name, pa.Table.from_pylist(list(new), schema=arrow_schema(table.columns))
    if runs:
        yield RUNS.name, pa.Table.from_pylist(list(runs), schema=arrow_schema(RUNS.columns))


def _calls(staged: Staged, windows: Sequence[SealedWindow], *, lead_fields: bool) -> Iterator[pa.Table]:
    """Yield the calls file by file, the latest read last. Note their bounds and copies in ``staged``."""
    columns = spool_columns(lead_fields=lead_fields)
    keys: list[pa.ChunkedArray] = []
    for window in windows:
        for file in window.call_files:
            table = _read(file, columns)
            days = pc.min_max(table["call_date"]).as_py()
            first, last = window.first_day, window.last_day
            if first is None or last is None or not (days["min"] or last) >= first or (days["max"] or first) > last:
                raise BatchRefused("the spool is not as it was sealed: it has calls of other days")
            staged.first_day, staged.last_day = min(staged.first_day, first), max(staged.last_day, last)
            staged.reports.update(pc.unique(table["source_report"]).to_pylist())
            place = pa.array(range(staged.calls, staged.calls + table.num_rows), pa.int64())
            staged.calls += table.num_rows
            keys.append(table["call_key"])
            yield table.append_column(PLACE.name, place)
    if keys:
        together = pa.chunked_array([chunk for key in keys for chunk in key.chunks])
        staged.copies = pc.count_distinct(together).as_py() < staged.calls


def _read(file: SpoolFile, columns: Sequence[Column]) -> pa.Table:
    """Read a spool file. Check its columns and types, its number of rows, and required values."""
    table = pq.read_table(file.path, memory_map=False)
    expected = arrow_schema(tuple(columns))
    if not table.schema.equals(expected):
        raise BatchRefused("the spool has other columns than the table")
    if table.num_rows != file.rows:
        raise BatchRefused("the spool is not as it was sealed: it has another number of rows")
    empty = [column.name for column in columns if column.required and table[column.name].null_count]
    if empty:
        raise BatchRefused(f"NOT NULL: a row without {', '.join(empty)}")
    return table


def _widen(table: pa.Table, kind: str, schema: pa.Schema) -> pa.Table:
    """Return the same rows with every column of the staging table."""
    present = set(table.schema.names)
    arrays = [
        table[name.name]
        if name.name in present
        else pa.array([kind] * table.num_rows, pa.string())
        if name.name == KIND.name
        else pa.nulls(table.num_rows, name.type)
        for name in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
