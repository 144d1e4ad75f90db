"""Reads of a BigQuery warehouse. A table that is not there yet has no rows."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

import pyarrow as pa
from google.cloud import bigquery

from messages import CallChoice, HourRead, QuarantinedRecord, RefusedAccount, WatermarkRead
from status_records import Overview
from tables import ACCOUNTS, CALLS, CREDENTIALS, HOURS, arrow_schema
from warehouses.bigquery.clocks import COLUMN, NOW, BigQueryClock
from warehouses.bigquery.credentials import BigQueryCredentials
from warehouses.bigquery.datasets import BigQueryDataset
from warehouses.bigquery.jobs import Value
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.prefetch import Prefetch
from warehouses.bigquery.schemas import build_schema
from warehouses.bigquery.service import BigQueryService
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

CYCLE_TABLES = ("watermarks", "accounts", "forgotten")
"""State tables which every run reads in full before it plans."""
BATCH_ROWS = 20_000
"""Calls of one batch: some 20 MB, in several answers."""
Rows = list[dict[str, Any]]


class BigQueryReader:
    """Lists small tables free of charge, and queries the large ones."""

    def __init__(
        self, service: BigQueryService, names: BigQueryNames, dataset: BigQueryDataset,
        credentials: BigQueryCredentials, *, clock: BigQueryClock,
    ) -> None:  # fmt: skip
        self._service = service
        self._names = names
        self._dataset = dataset
        self._credentials = credentials
        self._clock = clock
        self._prefetch = Prefetch()
        self.batch_rows = BATCH_ROWS

    @contextmanager
    def read_together(self) -> Iterator[None]:
        """Fetch the credentials table and the small state tables side by side. The hours follow, by one query."""
        self._dataset.is_there()  # finds the location before several threads need it
        with self._prefetch.start({name: partial(self._fetch, name) for name in (CREDENTIALS.name, *CYCLE_TABLES)}):
            yield

    def credential_rows(self) -> list[dict[str, str | None]]:
        return self._rows(CREDENTIALS.name)

    def watermarks(self) -> dict[str, WatermarkRead]:
        return {row["source_key"]: WatermarkRead.from_row(row) for row in self._rows("watermarks")}

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        """Read the hours, and BigQuery's time in one more row, which comes even if there are no hours."""
        table = self._names.name("hours")
        query = (
            f"SELECT {', '.join(HOURS.names)}, {NOW} AS {COLUMN} FROM {table.quoted}"
            f" WHERE day >= DATE '{since.isoformat()}'"
        )
        parameters: dict[str, Value] = {}
        if everything_of:
            query += " OR source_key IN UNNEST(@everything_of)"
            parameters = {"everything_of": list(everything_of)}
        query += f" UNION ALL SELECT {', '.join('NULL' for _ in HOURS.names)}, {NOW}"
        rows = self._clock.compare(lambda: self._select(table, query, parameters))
        return [HourRead(**row) for row in rows if row["source_key"] is not None]

    def account_refusals(self) -> list[RefusedAccount]:
        rows = self._rows("accounts")
        return [RefusedAccount(**{name: row[name] for name in ACCOUNTS.names}) for row in rows]

    def quarantine(self) -> list[QuarantinedRecord]:
        return [QuarantinedRecord.from_row(row) for row in self._rows("quarantine")]

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        calls = self._names.calls
        rows = self._select(calls, select_call_groups(calls.quoted, days)) if days else []
        return {(row["client_id"], row["name"]) for row in rows}

    def calls(self, choice: CallChoice) -> Generator[pa.RecordBatch, None, None]:
        calls = self._names.calls
        table = self._find(calls)
        columns = choose_columns(choice, [field.name for field in table.schema] if table else CALLS.names)
        schema = arrow_schema(columns)
        if table is None:
            yield pa.RecordBatch.from_pylist([], schema=schema)
            return
        query = select_calls(calls.quoted, choice, schema.names, "@{}".format)
        fields = build_schema(columns, required=False)
        right = self._names.rights(calls).read
        for block in self._service.jobs.stream(query, choice_values(choice), fields, right, self.batch_rows):
            yield from block.cast(schema).to_batches() or [pa.RecordBatch.from_pylist([], schema=schema)]

    def call_days(self, choice: CallChoice) -> dict[date, int]:
        calls = self._names.calls
        query = count_calls_by_day(calls.quoted, choice, "@{}".format)
        rows = self._select(calls, query, choice_values(replace(choice, newest=None)))
        return {row["call_date"]: row["calls"] for row in rows}

    def first_day_read(self, source_keys: Collection[str] = ()) -> date | None:
        table = self._names.name("hours")
        query = select_first_day_read(table.quoted, "UNNEST(@source_keys)" if source_keys else None)
        rows = self._select(table, query, {"source_keys": list(source_keys)} if source_keys else {})
        return rows[0]["day"] if rows else None

    def days_read(self, choice: CallChoice, source_keys: Collection[str] = ()) -> set[date]:
        table = self._names.name("hours")
        query = select_days_read(table.quoted, choice, "UNNEST(@source_keys)" if source_keys else None)
        rows = self._select(table, query, {"source_keys": list(source_keys)} if source_keys else {})
        return {row["day"] for row in rows}

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        calls = self._names.calls
        query = select_call_hashes(calls.quoted, days, "UNNEST(@keys)")
        rows = self._select(calls, query, {"keys": list(keys)}) if days else []
        return {row["call_key"]: row["row_hash"] for row in rows}

    def backfill_progress(self, backfill_id: str) -> set[tuple[str, date]]:
        table = self._names.name("backfills")
        query = f"SELECT source_key, day FROM {table.quoted} WHERE backfill_id = @backfill_id"
        rows = self._select(table, query, {"backfill_id": backfill_id})
        return {(row["source_key"], row["day"]) for row in rows}

    def forgotten_numbers(self) -> dict[str, str]:
        return {row["phone_hash"]: row["key_id"] for row in self._rows("forgotten")}

    def overview(self, now: datetime) -> Overview:
        right = self._names.rights().read
        runs = self._find(self._names.name("runs"))
        if runs is None:
            return Overview()
        columns = [field.name for field in runs.schema]
        script = OverviewScript(name=self._names.sql_name, calls=self._names.calls.quoted, now=now, run_columns=columns)
        return build_overview([self._service.jobs.query(text, {}, right).rows for text in script.queries])

    def _rows(self, name: str) -> Rows:
        """Return all rows of the credentials table or of a state table, free of charge."""
        return self._prefetch.take(name, partial(self._fetch, name))

    def _fetch(self, name: str) -> Rows:
        if name == CREDENTIALS.name:
            return self._credentials.rows() if self._dataset.is_there() else []
        return self._service.catalog.list_rows_if_there(self._names.name(name).reference, self._names.rights().read)

    def _select(self, table: TableName, query: str, parameters: Mapping[str, Value] | None = None) -> Rows:
        """Return the rows of a query on one table, or none if the table does not exist yet."""
        if self._find(table) is None:
            return []
        return self._service.jobs.query(query, parameters or {}, self._names.rights(table).read).rows

    def _find(self, table: TableName) -> bigquery.Table | None:
        """Return the description of a table, or None if it does not exist yet."""
        if not self._dataset.is_there():
            return None
        return self._service.catalog.find_table(table.reference, self._names.rights(table).read)
