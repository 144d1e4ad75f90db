"""Reads of a DuckDB warehouse."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from config import Settings
from messages import CallChoice, HourRead, QuarantinedRecord, RefusedAccount, WatermarkRead
from status_records import Overview
from tables import ACCOUNTS, CALLS, HOURS, arrow_schema
from warehouses.duckdb.files import DuckDBFile
from warehouses.duckdb.tables import DuckDBTables
from warehouses.sql.call_queries import (
    choice_values,
    choose_columns,
    count_calls_by_day,
    select_call_groups,
    select_call_hashes,
    select_calls,
    select_days_read,
    select_first_day_read,
)
from warehouses.sql.status_queries import OverviewScript, build_overview

BATCH_ROWS = 20_000
"""Calls of one batch: some 20 MB."""


class DuckDBReader:
    """Opens the file for each read, or once for a block of reads. ``deadline`` returns the end of the patience."""

    def __init__(
        self, settings: Settings, file: DuckDBFile, tables: DuckDBTables, deadline: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._file = file
        self._tables = tables
        self._deadline = deadline
        self.batch_rows = BATCH_ROWS

    def read_together(self) -> AbstractContextManager[None]:
        return self._file.read_together()

    def credential_rows(self) -> list[dict[str, str | None]]:
        rows = self._select(self._settings.credentials_table, "SELECT * FROM {table}")  # in the order of the table
        return [{name: None if value is None else as_text(value) for name, value in row.items()} for row in rows]

    def watermarks(self) -> dict[str, WatermarkRead]:
        rows = self._select("watermarks", "SELECT * FROM {table}")
        return {row["source_key"]: WatermarkRead.from_row(row) for row in rows}

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        query = f"SELECT {', '.join(HOURS.names)} FROM {{table}} WHERE day >= ? OR list_contains(?, source_key)"
        rows = self._select("hours", query, [since, list(everything_of)])
        return [HourRead(**row) for row in rows]

    def account_refusals(self) -> list[RefusedAccount]:
        rows = self._select("accounts", f"SELECT {', '.join(ACCOUNTS.names)} FROM {{table}}")
        return [RefusedAccount(**row) for row in rows]

    def quarantine(self) -> list[QuarantinedRecord]:
        rows = self._select("quarantine", "SELECT * FROM {table}")
        return [QuarantinedRecord.from_row(row) for row in rows]

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        rows = self._select(self._tables.output_table, select_call_groups("{table}", days)) if days else []
        return {(row["client_id"], row["name"]) for row in rows}

    def calls(self, choice: CallChoice) -> Generator[pa.RecordBatch, None, None]:
        if self._settings.duckdb_path.exists():
            with self._file.reading(self._deadline()) as db:
                found = self._tables.columns(db, self._tables.output_table)
                if found:
                    yield from self._stream(db, choice, arrow_schema(choose_columns(choice, found)))
                    return
        yield _empty_batch(arrow_schema(choose_columns(choice, CALLS.names)))

    def _stream(self, db: duckdb.DuckDBPyConnection, choice: CallChoice, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        query = select_calls(self._tables.calls, choice, schema.names, "${}".format)
        is_empty = True
        for batch in db.sql(query, params=choice_values(choice)).to_arrow_reader(self.batch_rows):
            yield batch.cast(schema)
            is_empty = False
        if is_empty:
            yield _empty_batch(schema)

    def call_days(self, choice: CallChoice) -> dict[date, int]:
        query = count_calls_by_day("{table}", choice, "${}".format)
        rows = self._select(self._tables.output_table, query, choice_values(replace(choice, newest=None)))
        return {row["call_date"]: row["calls"] for row in rows}

    def first_day_read(self, source_keys: Collection[str] = ()) -> date | None:
        query = select_first_day_read("{table}", "(SELECT unnest(?))" if source_keys else None)
        rows = self._select("hours", query, [list(source_keys)] if source_keys else [])
        return rows[0]["day"] if rows else None

    def days_read(self, choice: CallChoice, source_keys: Collection[str] = ()) -> set[date]:
        query = select_days_read("{table}", choice, "(SELECT unnest(?))" if source_keys else None)
        return {row["day"] for row in self._select("hours", query, [list(source_keys)] if source_keys else [])}

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        query = select_call_hashes("{table}", days, "(SELECT unnest(?))")
        rows = self._select(self._tables.output_table, query, [list(keys)]) if days else []
        return {row["call_key"]: row["row_hash"] for row in rows}

    def backfill_progress(self, backfill_id: str) -> set[tuple[str, date]]:
        rows = self._select("backfills", "SELECT source_key, day FROM {table} WHERE backfill_id = ?", [backfill_id])
        return {(row["source_key"], row["day"]) for row in rows}

    def forgotten_numbers(self) -> dict[str, str]:
        rows = self._select("forgotten", "SELECT phone_hash, key_id FROM {table}")
        return {row["phone_hash"]: row["key_id"] for row in rows}

    def overview(self, now: datetime) -> Overview:
        if not self._settings.duckdb_path.exists():
            return Overview()
        with self._file.reading(self._deadline()) as db:
            columns = self._tables.columns(db, "runs")
            if not columns:
                return Overview()
            script = OverviewScript(
                name=self._tables.name, calls=self._tables.calls, now=now, run_columns=columns.keys()
            )
            return build_overview([db.sql(text).to_arrow_table().to_pylist() for text in script.queries])

    def _select(
        self, table: str, query: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[dict[str, Any]]:
        """Return the rows of a query on one table, or none if the file or the table is not there yet."""
        if not self._settings.duckdb_path.exists():
            return []
        with self._file.reading(self._deadline()) as db:
            values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
            try:
                found = db.sql(query.format(table=self._tables.name(table)), params=values)
            except duckdb.CatalogException:  # the table is not there yet
                return []
            rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows


def as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)
