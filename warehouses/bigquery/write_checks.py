"""Tries of every write that a run makes, taken back at once."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from messages import Finding
from tables import LEDGER, arrow_schema
from utils import utc_now
from warehouses.bigquery.clocks import BigQueryClock
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.rights import Rights
from warehouses.bigquery.schemas import LABELS, build_schema
from warehouses.bigquery.service import BigQueryService
from warehouses.findings import run_check

STAGING_LIFE = timedelta(hours=1)


class WriteChecks:
    """Makes and drops a staging table, loads one row into it, and rolls a transaction back."""

    def __init__(self, service: BigQueryService, names: BigQueryNames, clock: BigQueryClock) -> None:
        self._service = service
        self._names = names
        self._clock = clock
        self._staging = names.name(f"staging_check_{uuid.uuid4().hex[:16]}")

    def findings(self, *, transactions: bool) -> Iterator[Finding]:
        """Try each write. Leave transactions out if no query can run."""
        made = run_check("make a table", self._make)
        yield made
        if made.ok:
            yield run_check("load a file", self._load)
        if transactions:
            yield run_check("change data", lambda: self._change(self._staging if made.ok else None))
        if made.ok:
            yield run_check("drop a table", self._drop)

    def _make(self) -> str:
        table = bigquery.Table(self._staging.reference, schema=build_schema(LEDGER.columns, required=False))
        table.expires = self._clock.last_known_now() + STAGING_LIFE
        table.labels = LABELS
        table.description = "Made by `main.py check`, which drops it again; expires by itself."
        self._service.catalog.make_table(table, self._rights.make_table)
        return f"{self._staging.table} was made for the moment"

    def _load(self) -> str:
        row = {"batch_id": "check", "run_id": "check", "committed_at": utc_now()}
        parquet = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row], schema=arrow_schema(LEDGER.columns)), parquet)
        content, target = parquet.getvalue(), self._staging.reference
        schema = build_schema(LEDGER.columns, required=False)
        self._service.retries.retry(
            lambda: self._service.jobs.load(content, target, f"load_{uuid.uuid4().hex}", schema), self._rights.load
        )
        return "one row was loaded into it"

    def _change(self, staging: TableName | None) -> str:
        """Insert into the ledger, where this conflicts with nobody. Use the staging table if there is no ledger yet."""
        ledger = self._names.name(LEDGER.name)
        is_there = self._service.catalog.find_table(ledger.reference, self._rights.read) is not None
        target = ledger if is_there else staging
        if target is None:
            return "is tried once there is a table"
        self._service.jobs.query(
            f"BEGIN TRANSACTION;\nINSERT INTO {target.quoted} ({', '.join(LEDGER.names)})"
            " VALUES ('check', 'check', CURRENT_TIMESTAMP());\nROLLBACK TRANSACTION",
            {},
            self._rights.change,
        )
        return f"a row was written to {target.table} and taken back"

    def _drop(self) -> str:
        right = replace(self._rights.make_table, purpose=f"drop tables in {self._staging.dataset_name}")
        self._service.catalog.delete_table(self._staging.reference, right)
        return f"{self._staging.table} was dropped"

    @property
    def _rights(self) -> Rights:
        return self._names.rights()
