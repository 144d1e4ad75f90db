"""Calls to BigQuery: each with a time limit, retries of our own with a total time, and errors that say what to do.

The library's own retries are off everywhere: they would retry for ten minutes what we retry as well, and never what
only waits for a quota. Hidden calls are avoided: each request that is sent is one that stands here.
"""

import io
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from google.cloud import bigquery
from google.cloud.bigquery.job import LoadJob, QueryJob
from tenacity import RetryCallState, Retrying, retry_if_exception

from config import Settings
from errors import (
    BigQueryRefused,
    BillTooHigh,
    GoogleAccountMissing,
    NotInBigQuery,
    ProjectNotReady,
    SyncError,
    WarehouseUnreachable,
)
from stops import Stop
from warehouses.bigquery_rights import Right
from warehouses.bigquery_sessions import open_client
from warehouses.bigquery_troubles import NOT_LET_IN, Kind, Trouble, sorted_out, trouble_of

LOG = logging.getLogger(__name__)

LABELS = {"program": "vicidial-to-warehouse"}
PAUSES = {Kind.PASSING: (1.0, 32.0), Kind.CONFLICT: (0.5, 8.0), Kind.QUOTA: (15.0, 120.0)}
"""Seconds before the second try, and at most; doubled in between, with jitter."""
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.05, 2.0
WAKE_SECONDS = 0.2
ROLES_MISSING = ("accessDenied", "forbidden", "HTTP 403")
"""Reasons of a refusal that a role mends; others are of the project, such as no billing, or an API that is off."""
NO_END = "no end in time"
PAGE_ROWS = 10_000  # with the first page asked for at once, a small result is one request
T = TypeVar("T")
Value = str | int | float | bool | datetime | Sequence[str]


@dataclass(frozen=True, slots=True)
class Done:
    """A query job that has ended well: its rows, and how many a DML statement changed."""

    rows: list[dict[str, Any]]
    affected: int | None


class BigQueryService:
    """One client, made at its first use, in the process that uses it; several threads may call.

    Once ``stop`` is set, nothing is tried again, and what is under way is abandoned soon after its grace.
    """

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._opened: tuple[bigquery.Client, str] | None = None
        self._lock = threading.Lock()
        self.location: str | None = settings.bigquery_location
        self.bytes_billed = 0

    @property
    def client(self) -> bigquery.Client:
        with self._lock:
            if self._opened is None:
                self._opened = open_client(self._settings, self._stop)
            return self._opened[0]

    @property
    def account(self) -> str:
        """As Google's commands write it."""
        _ = self.client
        return self._opened[1] if self._opened else ""

    @property
    def project(self) -> str:
        return str(self.client.project)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None

    # One request each

    def dataset(self, name: str, right: Right) -> bigquery.Dataset | None:
        """A dataset (project.dataset), or None."""
        found = self._or_missing(lambda: self.client.get_dataset(name, **self._once()), right)
        return found if isinstance(found, bigquery.Dataset) else None

    def make_dataset(self, dataset: bigquery.Dataset, right: Right) -> None:
        self._unless_there(lambda: self.client.create_dataset(dataset, **self._once()), right)

    def table(self, reference: str, right: Right) -> bigquery.Table | None:
        """A table or view (project.dataset.table), or None."""
        found = self._or_missing(lambda: self.client.get_table(reference, **self._once()), right)
        return found if isinstance(found, bigquery.Table) else None

    def make_table(self, table: bigquery.Table, right: Right) -> bool:
        """False if it is there already."""
        return self._unless_there(lambda: self.client.create_table(table, **self._once()), right)

    def change_table(self, table: bigquery.Table, fields: Sequence[str], right: Right) -> None:
        self.retried(lambda: self.client.update_table(table, list(fields), **self._once()), right)

    def drop_table(self, reference: str) -> None:
        """Once; what cannot be dropped expires by itself."""
        try:
            self.client.delete_table(reference, not_found_ok=True, **self._once())
        except Exception as exc:
            if trouble_of(exc) is None:
                raise
            LOG.debug("%s could not be dropped and expires by itself: %s", reference, trouble_of(exc))

    def delete_table(self, reference: str, right: Right) -> None:
        """For who must know whether it can be dropped; one that is gone already will do."""
        self.retried(lambda: self.client.delete_table(reference, not_found_ok=True, **self._once()), right)

    def rows(self, table: bigquery.Table, right: Right) -> list[dict[str, Any]]:
        """All rows of a table, which costs nothing; not for views."""
        listed = self.retried(lambda: list(self.client.list_rows(table, **self._once())), right)
        return [dict(row.items()) for row in listed]

    # Jobs

    def query(self, sql: str, parameters: Mapping[str, Value], right: Right) -> Done:
        """Run a statement that may be run twice; each try is a job of its own."""
        return self.retried(lambda: self.run(sql, parameters, f"query_{uuid.uuid4().hex}"), right)

    def run(self, sql: str, parameters: Mapping[str, Value], job_id: str, *, seconds: float | None = None) -> Done:
        """One try; raises Trouble. Whether it took effect is unknown where the trouble came after sending.

        ``seconds``: less time than BIGQUERY_JOB_TIMEOUT, for a statement that must be quick.
        """
        config = bigquery.QueryJobConfig(
            query_parameters=[_parameter(name, value) for name, value in parameters.items()],
            maximum_bytes_billed=self._settings.bigquery_max_bytes_billed,
            labels=LABELS,
            use_legacy_sql=False,
            job_timeout_ms=self._job_milliseconds,
        )
        return self.once(lambda: self._run(sql, config, job_id, seconds))

    def _run(self, sql: str, config: bigquery.QueryJobConfig, job_id: str, seconds: float | None) -> Done:
        job = self.client.query(
            sql, job_config=config, job_id=job_id, location=self.location, job_retry=None, **self._once()
        )
        try:
            self._wait(job, seconds)
        finally:
            self.bytes_billed += int(job.total_bytes_billed or 0)
        rows = self._rows_of(job)
        if not rows and job.statement_type in ("SELECT", "SCRIPT"):
            rows = self._rows_of(job)  # asked once more where the answer said that the job had not ended, and it has
        return Done(rows, job.num_dml_affected_rows)

    def _rows_of(self, job: QueryJob) -> list[dict[str, Any]]:
        return [dict(row.items()) for row in job.result(page_size=PAGE_ROWS, job_retry=None, **self._once())]

    def load(self, parquet: Path | bytes, reference: str, job_id: str, schema: Sequence[bigquery.SchemaField]) -> int:
        """One try to fill a table with a Parquet file, or what one would hold; the number of rows. Raises Trouble."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=list(schema),
            labels=LABELS,
            job_timeout_ms=self._job_milliseconds,
        )
        return self.once(lambda: self._load(parquet, reference, job_id, config))

    def _load(self, parquet: Path | bytes, reference: str, job_id: str, config: bigquery.LoadJobConfig) -> int:
        size = len(parquet) if isinstance(parquet, bytes) else parquet.stat().st_size
        with io.BytesIO(parquet) if isinstance(parquet, bytes) else parquet.open("rb") as file:
            job = self.client.load_table_from_file(
                file,
                reference,
                size=size,
                num_retries=0,
                job_id=job_id,
                job_config=config,
                location=self.location,
                timeout=self._settings.bigquery_request_timeout.total_seconds(),
            )
        self._wait(job)
        return int(job.output_rows or 0)

    def _wait(self, job: QueryJob | LoadJob, seconds: float | None = None) -> None:
        """Look until the job has ended, with growing pauses; a look that fails is repeated."""
        limit = self._settings.bigquery_job_timeout.total_seconds()
        deadline, allowance = time.monotonic() + min(limit, seconds or limit), self._stop.allowance()
        pause = FIRST_LOOK_SECONDS
        while job.state != "DONE":
            left = self._stop.seconds_left(allowance)
            if time.monotonic() > deadline or not left:
                self._cancel(job)
                raise Trouble(Kind.PASSING, NO_END, f"its job was {str(job.state).lower()} to the last")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
            try:
                self.once(lambda: job.reload(**self._once()))
            except Trouble as trouble:
                if not trouble.passes:
                    raise
                LOG.debug("a look at the job %s failed: %s", job.job_id, trouble)
        if job.error_result:
            raise sorted_out(str(job.error_result.get("reason") or ""), str(job.error_result.get("message") or ""))

    def _cancel(self, job: QueryJob | LoadJob) -> None:
        """A wish: the ledger decides what became of the job."""
        try:
            self.once(lambda: job.cancel(**self._once()))
        except Trouble as trouble:
            LOG.debug("the job %s could not be cancelled: %s", job.job_id, trouble)

    # Retries

    def once(self, call: Callable[[], T]) -> T:
        """Run a call; whatever goes wrong with BigQuery becomes a Trouble."""
        try:
            return call()
        except SyncError:
            raise
        except Exception as exc:
            trouble = trouble_of(exc)
            if trouble is None:
                raise
            raise trouble from None

    def retried(self, call: Callable[[], T], right: Right) -> T:
        """Run a call that may be repeated until it succeeds, or BIGQUERY_RETRY_SECONDS are over.

        Raises:
            WarehouseUnreachable: it may succeed later.
            ConfigError: it will not before somebody changes something.
        """
        started = time.monotonic()
        try:
            return self.retrying(started + self._settings.bigquery_retry.total_seconds())(lambda: self.once(call))
        except Trouble as trouble:
            raise self.error(trouble, right, started) from None

    def retrying(self, deadline: float) -> Retrying:
        """Tries while a Trouble passes, until a moment of the monotonic clock."""
        return Retrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, Trouble) and exc.passes),
            wait=_pause,
            stop=lambda state: self._stop.is_set() or time.monotonic() + state.upcoming_sleep > deadline,
            sleep=self._sleep,
            before_sleep=_told,
            reraise=True,
        )

    def error(self, trouble: Trouble, right: Right, started: float) -> SyncError:
        """What an operator is told."""
        if trouble.passes:
            return WarehouseUnreachable(time.monotonic() - started, str(trouble))
        if trouble.kind is Kind.DENIED:
            return self._denied(trouble, right)
        if trouble.kind is Kind.COSTLY:
            return BillTooHigh(trouble.message)
        if trouble.kind is Kind.MISSING:
            return NotInBigQuery(f"what it takes to {right.purpose} ({trouble.message})")
        return BigQueryRefused(right.purpose, str(trouble))

    def _denied(self, trouble: Trouble, right: Right) -> SyncError:
        if trouble.reason == NOT_LET_IN:
            return GoogleAccountMissing(trouble.message)
        if trouble.reason not in ROLES_MISSING:
            return ProjectNotReady(right.purpose, str(trouble))
        return right.named_in(trouble.message).missing(self.account)

    def _or_missing(self, call: Callable[[], Any], right: Right) -> Any:
        def found() -> Any:
            try:
                return self.once(call)
            except Trouble as trouble:
                if trouble.kind is Kind.MISSING:
                    return None
                raise

        return self.retried(found, right)

    def _unless_there(self, call: Callable[[], Any], right: Right) -> bool:
        def made() -> bool:
            try:
                self.once(call)
            except Trouble as trouble:
                if trouble.kind is Kind.EXISTS:
                    return False
                raise
            return True

        return self.retried(made, right)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop.is_set():
            time.sleep(min(WAKE_SECONDS, max(until - time.monotonic(), 0)))

    @property
    def _job_milliseconds(self) -> int:
        """Google ends it then, even one whose process was killed: it would hold its transaction's rows for hours."""
        return int(self._settings.bigquery_job_timeout.total_seconds() * 1000)

    def _once(self) -> dict[str, Any]:
        """Options of a request that the library is not to repeat."""
        return {"retry": None, "timeout": self._settings.bigquery_request_timeout.total_seconds()}


def _pause(state: RetryCallState) -> float:
    return _pause_of(state) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret


def _pause_of(state: RetryCallState) -> float:
    trouble = state.outcome.exception() if state.outcome else None
    first, most = PAUSES[trouble.kind] if isinstance(trouble, Trouble) and trouble.passes else PAUSES[Kind.PASSING]
    return float(min(first * 2 ** (state.attempt_number - 1), most))


def _told(state: RetryCallState) -> None:
    trouble = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0
    LOG.warning("BigQuery: %s; trying again in %.0f seconds", trouble, seconds)


def _parameter(name: str, value: Value) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return bigquery.ArrayQueryParameter(name, "STRING", list(value))
    kinds = {bool: "BOOL", int: "INT64", float: "FLOAT64", datetime: "TIMESTAMP", str: "STRING"}
    return bigquery.ScalarQueryParameter(name, kinds[type(value)], value)
