"""The BigQuery warehouse: tables in BigQuery, written by one process that holds the lease."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta

from config import Settings
from errors import CommitAbandoned
from messages import (
    Batch,
    ClientResult,
    Finding,
    PhoneForms,
    RefusedAccount,
    RowsMerged,
    RunEnd,
)
from shutdown import COMMIT_SECONDS, Stop
from utils import utc_now
from warehouses.bigquery.checks import BigQueryChecks
from warehouses.bigquery.clocks import BigQueryClock
from warehouses.bigquery.commits import CommitInBigQuery
from warehouses.bigquery.credentials import BigQueryCredentials, Row
from warehouses.bigquery.leases import BigQueryLease
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.reader import BigQueryReader
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.statements import BigQueryStatements
from warehouses.bigquery.tables import BigQueryTables
from warehouses.sql.batch_rows import run_row_values
from warehouses.sql.erasure_script import build_erasures, erasure_parameters
from warehouses.sql.retention_script import build_deletions


class BigQueryWarehouse:
    """Keeps the promises of ``database.Warehouse`` in one dataset, and so has a method for each of them."""

    def __init__(self, settings: Settings, stop: Stop, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._stop = stop
        self._clock = clock
        self._service = BigQueryService(settings, stop)
        self._names = BigQueryNames(settings, self._service.connection)
        self._tables = BigQueryTables(settings, self._service, self._names)
        self._statements = BigQueryStatements(self._service, self._names)
        self._server_clock = BigQueryClock(clock, self._statements.query_time)
        self._lease = BigQueryLease(settings, self._service, self._names, self._tables)
        self._credentials = BigQueryCredentials(self._service, self._names, self._server_clock)
        self.reader = BigQueryReader(
            self._service, self._names, self._tables.dataset, self._credentials, clock=self._server_clock
        )
        self._billed_before = 0
        self.patient_until: datetime | None = None
        self.commits_after = settings.bigquery_commit_after

    @property
    def clock_gap(self) -> timedelta | None:
        return self._server_clock.gap

    def describe(self) -> str:
        return self._names.credentials.reference

    def prepare(self) -> None:
        self._tables.make()

    def lease(self) -> AbstractContextManager[None]:
        return self._lease.hold()

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        return self._credentials.put(rows, key_of)

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        if refusals:
            self._statements.execute(
                f"DELETE FROM {self._names.sql_name('accounts')} WHERE fingerprint IN UNNEST(@fingerprints)",
                {"fingerprints": [refusal.fingerprint for refusal in refusals]},
            )

    def commit(self, batch: Batch) -> list[ClientResult]:
        """Commit until the end of the cycle, and at least for BIGQUERY_RETRY_SECONDS after a cycle that overran."""
        if not self._stop.seconds_left(COMMIT_SECONDS):
            raise CommitAbandoned(self._stop.grace.total_seconds())  # the commit before has used up the time
        deadline = time.monotonic() + self._patience.total_seconds()
        commit = CommitInBigQuery(
            self._settings, self._service, batch, deadline,
            names=self._names, tables=self._tables, lease=self._lease, clock=self._server_clock,
        )  # fmt: skip
        return commit.run()

    @property
    def _patience(self) -> timedelta:
        """Return at most a cycle's length. If the clock was set back since the cycle began, it would be a day."""
        interval = self._settings.cycle_interval
        left = self.patient_until - self._clock() if self.patient_until else interval
        return max(min(left, interval), self._settings.bigquery_retry)

    def end_backfill(self, backfill_id: str) -> None:
        self._statements.execute(
            f"DELETE FROM {self._names.sql_name('backfills')} WHERE backfill_id = @backfill_id",
            {"backfill_id": backfill_id},
        )

    def end_run(self, end: RunEnd) -> int:
        """Record the run's own row with the bytes billed. The MERGE under the run's name can be repeated."""
        billed = self._service.jobs.bytes_billed - self._billed_before
        values = run_row_values("@") | {"bytes_billed": "@billed"}
        self._statements.execute(
            f"""
            MERGE INTO {self._names.sql_name("runs")} t USING (SELECT @run_id AS run_id) s
            ON t.run_id = s.run_id AND t.job_id = '' AND t.committed_at >= TIMESTAMP_SUB(@now, INTERVAL 1 DAY)
            WHEN NOT MATCHED THEN INSERT ({", ".join(values)}) VALUES ({", ".join(values.values())})""",
            {**asdict(end), "now": utc_now(), "billed": billed},
        )
        self._billed_before += billed
        return billed

    def delete_old(self, now: datetime) -> dict[str, int]:
        deletions = build_deletions(self._settings, now, name=self._names.sql_name, calls=self._names.calls.quoted)
        return self._statements.execute_together(deletions, {}) if deletions else {}

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        calls = self._names.calls
        found = self._service.catalog.find_table(calls.reference, self._names.rights(calls).read)
        columns = [field.name for field in found.schema] if found is not None else []
        statements = build_erasures(columns, name=self._names.sql_name, calls=calls.quoted, mark="@")
        return self._statements.execute_together(statements, erasure_parameters(number, now))

    def checks(self) -> Iterator[Finding]:
        return BigQueryChecks(
            self._settings, self._service, names=self._names, tables=self._tables, lease=self._lease,
            credentials=self._credentials, clock=self._server_clock,
        ).findings()  # fmt: skip

    def close(self) -> None:
        self._service.close()
