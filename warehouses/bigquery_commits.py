"""One commit in BigQuery: a load job into a table of its own, then one script; after any doubt the ledger decides."""

import itertools
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from google.cloud import bigquery

from config import Settings
from errors import BatchRefused, SyncError, WarehouseHeld, full_disk_named
from messages import Batch, ClientResult
from tables import CALLS
from utils import utc_now
from warehouses.batch_rows import COUNTED, BatchRows
from warehouses.bigquery_leases import SMALL_SECONDS, BigQueryLease
from warehouses.bigquery_schemas import Place, schema_of
from warehouses.bigquery_script import LEASE_LOST, BigQueryScript
from warehouses.bigquery_service import LABELS, NO_END, BigQueryService, Done, Value
from warehouses.bigquery_staging import Staged, staged_columns, write_staging
from warehouses.bigquery_tables import BigQueryTables
from warehouses.bigquery_troubles import Kind, Trouble

LOG = logging.getLogger(__name__)

STAGING_LIFE = timedelta(hours=6)
MOST_OVERDUE = 2
Counted = Mapping[str, Mapping[str, int]]
T = TypeVar("T")


class CommitInBigQuery:
    """The attempts to commit one batch; ``deadline`` is a moment of the monotonic clock."""

    def __init__(
        self, service: BigQueryService, tables: BigQueryTables, lease: BigQueryLease, batch: Batch, deadline: float
    ) -> None:
        self._service = service
        self._tables = tables
        self._lease = lease
        self._batch = batch
        self._deadline = deadline
        self._started = time.monotonic()
        self._overdue = 0
        self._rows = BatchRows(batch)

    def run(self, settings: Settings) -> list[ClientResult]:
        """One result per client of the batch.

        Raises:
            BatchRefused: what is in it cannot be committed.
            WarehouseUnreachable: not now. It may have taken effect all the same; then the next cycle finds it done.
            ConfigError: not before somebody changes something.
        """
        path = settings.data_dir / "temporary" / f"{self._batch.batch_id}.parquet"
        try:
            runs = self._rows.runs(self._rows.results({}))
            with full_disk_named(path.parent):
                staged = write_staging(path, self._rows, runs, lead_fields=self._tables.lead_fields)
            if CALLS.name in staged.kinds:
                self._tables.check_calls()
            return self._rows.results(self._committed(staged))
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _committed(self, staged: Staged) -> Counted:
        loaded = self._tried(lambda number: self._loaded(staged, number)) if staged.rows else None
        script = BigQueryScript(
            name=self._tables.name,
            calls=self._tables.calls.quoted,
            staging=loaded.quoted if loaded else None,
            staged=staged,
            lead_fields=self._tables.lead_fields,
        )
        try:
            return self._tried(lambda number: self._applied(script, number))
        except WarehouseHeld:
            raise
        except SyncError:  # even a refusal may be the answer to a question that came after the script
            done = self._known_in_the_end(script)
            if done is None:
                raise
            return done
        finally:
            if loaded is not None:
                self._service.drop_table(loaded.reference)

    def _tried(self, attempt: Callable[[int], T]) -> T:
        """Attempts, each with a number of its own, until one succeeds or there is no time left."""
        numbers = itertools.count(1)
        try:
            return self._service.retrying(self._deadline)(lambda: attempt(next(numbers)))
        except Trouble as trouble:
            if trouble.kind is Kind.INVALID:
                raise BatchRefused(str(trouble)) from None
            rights = self._tables.rights(self._tables.calls)
            raise self._service.error(trouble, rights.change, self._started) from None

    def _loaded(self, staged: Staged, number: int) -> Place:
        """The staging table of one attempt, with every row in it. A load of unknown fate is left to itself."""
        place = self._tables.place(f"staging_{self._batch.batch_id}_{number}")
        columns = staged_columns(lead_fields=self._tables.lead_fields)
        table = bigquery.Table(place.reference, schema=schema_of(columns, required=False))
        table.expires = utc_now() + max(STAGING_LIFE, timedelta(seconds=2 * (self._deadline - time.monotonic())))
        table.labels = LABELS
        table.description = "Rows on their way; expires by itself."
        self._service.make_table(table, self._tables.rights().make_table)
        job_id = f"load_{self._batch.batch_id}_{number}"
        rows = _doubtful_if_there(lambda: self._service.load(staged.path, place.reference, job_id, table.schema))
        if rows != staged.rows:
            raise Trouble(Kind.PASSING, "load incomplete", f"{rows} of {staged.rows} rows")
        return place

    def _applied(self, script: BigQueryScript, number: int) -> Counted:
        """What the rows were counted as. Before an attempt that follows a doubt, the ledger is asked."""
        with self._lease.commit():
            done = self._decided(script) if number > 1 or self._lease.in_doubt else None
            return done if done is not None else self._run(script, number)

    def _run(self, script: BigQueryScript, number: int) -> Counted:
        parameters: dict[str, Value] = {
            **self._known, **self._lease.parameters, "lease_seconds": self._lease.seconds,
            "batch_id": self._batch.batch_id,
        }  # fmt: skip
        job_id = f"commit_{self._batch.batch_id}_{number}"
        rows = self._ended_in_time(lambda: self._service.run(script.text, parameters, job_id)).rows
        if not rows:
            raise Trouble(Kind.PASSING, "no answer", "the script's result is missing")
        if any(row["outcome"] == LEASE_LOST for row in rows):
            raise self._lease.lost()
        return _counts(rows)

    def _ended_in_time(self, run: Callable[[], Done]) -> Done:
        """Twice past BIGQUERY_JOB_TIMEOUT: the batch is too much for it, and half of it may do."""
        try:
            return _doubtful_if_there(run)
        except Trouble as trouble:
            self._overdue += trouble.reason == NO_END
            if self._overdue < MOST_OVERDUE or trouble.reason != NO_END:
                raise
            raise Trouble(Kind.INVALID, trouble.reason, trouble.message) from None

    @property
    def _known(self) -> dict[str, Value]:
        return {"run_id": self._batch.run_id, "now": self._batch.committed_at}

    def _decided(self, script: BigQueryScript) -> Counted | None:
        """What the ledger says of the attempts so far, once none of them can take effect any more; None: not done."""
        try:
            return self._read_ledger(script)
        except Trouble as trouble:
            if trouble.passes:
                raise
            raise self._service.error(trouble, self._tables.rights().change, self._started) from None

    def _read_ledger(self, script: BigQueryScript) -> Counted | None:
        self._lease.fence()
        ledger = self._tables.name("ledger")
        asked = f"SELECT batch_id FROM {ledger} WHERE batch_id = @batch_id"
        if not self._service.run(
            asked, {"batch_id": self._batch.batch_id}, self._read_id("ledger"), seconds=SMALL_SECONDS
        ).rows:
            return None
        LOG.info("A commit whose answer was lost had been done")
        counted = self._service.run(script.counts, self._known, self._read_id("counts"), seconds=SMALL_SECONDS)
        return _counts(counted.rows)

    def _known_in_the_end(self, script: BigQueryScript) -> Counted | None:
        """There will be no other attempt; perhaps the ledger can be asked all the same."""
        try:
            with self._lease.commit():
                return self._decided(script)
        except WarehouseHeld:
            raise
        except (Trouble, SyncError):
            return None

    def _read_id(self, kind: str) -> str:
        return f"{kind}_{self._batch.batch_id}_{time.monotonic_ns()}"


def _doubtful_if_there(submit: Callable[[], T]) -> T:
    """An id that is taken: its job was sent before, by a request that was sent twice. It is as good as unanswered."""
    try:
        return submit()
    except Trouble as trouble:
        if trouble.kind is Kind.EXISTS:
            raise Trouble(Kind.PASSING, trouble.reason, trouble.message) from None
        raise


def _counts(rows: list[dict[str, object]]) -> Counted:
    return {
        str(row["source_key"]): {name: int(str(row[name])) for name in COUNTED} for row in rows if row["source_key"]
    }
