"""One commit in BigQuery: a load job into a staging table, then one script. After any doubt the ledger decides."""

import itertools
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from google.cloud import bigquery

from config import Settings
from errors import BatchRefused, SyncError, WarehouseHeld, raise_disk_full
from messages import Batch, ClientResult
from tables import CALLS
from warehouses.bigquery.clocks import BigQueryClock
from warehouses.bigquery.failures import Kind, RequestFailed
from warehouses.bigquery.jobs import NO_END, QueryResult, Value
from warehouses.bigquery.leases import SMALL_SECONDS, BigQueryLease
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.schemas import LABELS, build_schema
from warehouses.bigquery.script import LEASE_LOST, BigQueryScript
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.staging import Staged, staging_columns, write_staging
from warehouses.bigquery.tables import BigQueryTables
from warehouses.sql.batch_rows import COUNTED, BatchRows

LOG = logging.getLogger(__name__)

STAGING_LIFE = timedelta(hours=6)
MOST_OVERDUE = 2
Counts = Mapping[str, Mapping[str, int]]
"""By source_key and name of the count."""
T = TypeVar("T")


class CommitInBigQuery:
    """The attempts to commit one batch. ``deadline`` is a moment of the monotonic clock."""

    def __init__(
        self, settings: Settings, service: BigQueryService, batch: Batch, deadline: float, *, names: BigQueryNames,
        tables: BigQueryTables, lease: BigQueryLease, clock: BigQueryClock,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._service = service
        self._names = names
        self._tables = tables
        self._lease = lease
        self._clock = clock
        self._batch = batch
        self._deadline = deadline
        self._started = time.monotonic()
        self._overdue = 0
        self._rows = BatchRows(batch)

    def run(self) -> list[ClientResult]:
        """Commit the batch and return one result per client.

        Raises:
            BatchRefused: its content cannot be committed.
            WarehouseUnreachable: not now. It may have taken effect all the same; then the next cycle finds it done.
            ConfigError: not before somebody changes something.
        """
        path = self._settings.data_dir / "temporary" / f"{self._batch.batch_id}.parquet"
        try:
            runs = self._rows.runs(self._rows.results({}))
            with raise_disk_full(path.parent):
                staged = write_staging(path, self._rows, runs, lead_fields=self._settings.include_lead_fields)
            if CALLS.name in staged.kinds:
                self._tables.check_calls()
            return self._rows.results(self._commit(staged))
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _commit(self, staged: Staged) -> Counts:
        staging = self._retry(lambda number: self._load(staged, number)) if staged.rows else None
        script = BigQueryScript(
            name=self._names.sql_name,
            calls=self._names.calls.quoted,
            staging=staging.quoted if staging else None,
            staged=staged,
            lead_fields=self._settings.include_lead_fields,
        )
        try:
            return self._retry(lambda number: self._apply(script, number))
        except WarehouseHeld:
            raise
        except SyncError:  # even a refusal may be the answer to a question that came after the script
            counts = self._read_final_counts(script)
            if counts is None:
                raise
            return counts
        finally:
            if staging is not None:
                self._service.catalog.drop_table(staging.reference)

    def _retry(self, attempt: Callable[[int], T]) -> T:
        """Repeat an attempt, each time with a new number, until it succeeds or the deadline is over."""
        numbers = itertools.count(1)
        try:
            return self._service.retries.until(self._deadline)(lambda: attempt(next(numbers)))
        except RequestFailed as failure:
            if failure.kind is Kind.INVALID:
                raise BatchRefused(str(failure)) from None
            right = self._names.rights(self._names.calls).change
            raise self._service.retries.build_error(failure, right, self._started) from None

    def _load(self, staged: Staged, number: int) -> TableName:
        """Load every row into the staging table of this attempt. A load with a lost answer is left to itself."""
        name = self._names.name(f"staging_{self._batch.batch_id}_{number}")
        columns = staging_columns(lead_fields=self._settings.include_lead_fields)
        table = bigquery.Table(name.reference, schema=build_schema(columns, required=False))
        life = max(STAGING_LIFE, timedelta(seconds=2 * (self._deadline - time.monotonic())))
        table.expires = self._clock.now() + life
        table.labels = LABELS
        table.description = "Rows on their way; expires by itself."
        self._service.catalog.make_table(table, self._names.rights().make_table)
        job_id = f"load_{self._batch.batch_id}_{number}"
        rows = _submit(lambda: self._service.jobs.load(staged.path, name.reference, job_id, table.schema))
        if rows != staged.rows:
            raise RequestFailed(Kind.TRANSIENT, "load incomplete", f"{rows} of {staged.rows} rows")
        return name

    def _apply(self, script: BigQueryScript, number: int) -> Counts:
        """Run the script and return its counts. Ask the ledger first if an attempt before is in doubt."""
        with self._lease.commit():
            counts = self._read_counts(script) if number > 1 or self._lease.in_doubt else None
            return counts if counts is not None else self._run(script, number)

    def _run(self, script: BigQueryScript, number: int) -> Counts:
        parameters: dict[str, Value] = {
            **self._run_parameters, **self._lease.parameters, "lease_seconds": self._lease.seconds,
            "batch_id": self._batch.batch_id,
        }  # fmt: skip
        job_id = f"commit_{self._batch.batch_id}_{number}"
        rows = self._limit_overdue(lambda: self._service.jobs.run(script.text, parameters, job_id)).rows
        if not rows:
            raise RequestFailed(Kind.TRANSIENT, "no answer", "the script's result is missing")
        if any(row["outcome"] == LEASE_LOST for row in rows):
            raise self._lease.loss_error()
        return _parse_counts(rows)

    def _limit_overdue(self, run: Callable[[], QueryResult]) -> QueryResult:
        """Refuse a batch whose job passed BIGQUERY_JOB_TIMEOUT twice. Half of it may be small enough."""
        try:
            return _submit(run)
        except RequestFailed as failure:
            self._overdue += failure.reason == NO_END
            if self._overdue < MOST_OVERDUE or failure.reason != NO_END:
                raise
            raise RequestFailed(Kind.INVALID, failure.reason, failure.message) from None

    @property
    def _run_parameters(self) -> dict[str, Value]:
        return {"run_id": self._batch.run_id, "now": self._batch.committed_at}

    def _read_counts(self, script: BigQueryScript) -> Counts | None:
        """Return the counts of an earlier attempt, or None if none has taken effect and none can any more."""
        try:
            return self._read_ledger(script)
        except RequestFailed as failure:
            if failure.is_transient:
                raise
            right = self._names.rights().change
            raise self._service.retries.build_error(failure, right, self._started) from None

    def _read_ledger(self, script: BigQueryScript) -> Counts | None:
        self._lease.fence()
        query = f"SELECT batch_id FROM {self._names.sql_name('ledger')} WHERE batch_id = @batch_id"
        if not self._service.jobs.run(
            query, {"batch_id": self._batch.batch_id}, self._new_read_id("ledger"), seconds=SMALL_SECONDS
        ).rows:
            return None
        LOG.info("A commit whose answer was lost had been done")
        counted = self._service.jobs.run(
            script.counts, self._run_parameters, self._new_read_id("counts"), seconds=SMALL_SECONDS
        )
        return _parse_counts(counted.rows)

    def _read_final_counts(self, script: BigQueryScript) -> Counts | None:
        """Ask the ledger after the last attempt. Return None if it cannot answer either."""
        try:
            with self._lease.commit():
                return self._read_counts(script)
        except WarehouseHeld:
            raise
        except (RequestFailed, SyncError):
            return None

    def _new_read_id(self, kind: str) -> str:
        return f"{kind}_{self._batch.batch_id}_{time.monotonic_ns()}"


def _submit(job: Callable[[], T]) -> T:
    """Submit a job. An id in use means a request sent twice, so that the job is treated as unanswered."""
    try:
        return job()
    except RequestFailed as failure:
        if failure.kind is Kind.EXISTS:
            raise RequestFailed(Kind.TRANSIENT, failure.reason, failure.message) from None
        raise


def _parse_counts(rows: list[dict[str, object]]) -> Counts:
    return {
        str(row["source_key"]): {name: int(str(row[name])) for name in COUNTED} for row in rows if row["source_key"]
    }
