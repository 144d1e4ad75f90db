"""Query and load jobs of BigQuery, each with a time limit."""

import io
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery.job import LoadJob, QueryJob

from config import Settings
from shutdown import Stop
from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.failures import Kind, RequestFailed, classify_error
from warehouses.bigquery.retries import Retries, call_once
from warehouses.bigquery.rights import Right
from warehouses.bigquery.schemas import LABELS

LOG = logging.getLogger(__name__)

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.05, 2.0
NO_END = "no end in time"
PAGE_ROWS = 10_000  # with the first page asked for at once, a small result is one request
Value = str | int | float | bool | datetime | date | Sequence[str]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a query job, and the number of rows changed by a DML statement."""

    rows: list[dict[str, Any]]
    affected: int | None


class BigQueryJobs:
    """Runs queries and loads, and adds up the bytes billed.

    Once ``stop`` is set, a running job is abandoned soon after the grace.
    """

    def __init__(self, settings: Settings, stop: Stop, connection: BigQueryConnection, retries: Retries) -> None:
        self._settings = settings
        self._stop = stop
        self._connection = connection
        self._retries = retries
        self.bytes_billed = 0

    def query(self, sql: str, parameters: Mapping[str, Value], right: Right) -> QueryResult:
        """Run a repeatable statement, with retries. Each try is a job of its own."""
        return self._retries.retry(lambda: self.run(sql, parameters, f"query_{uuid.uuid4().hex}"), right)

    def run(
        self, sql: str, parameters: Mapping[str, Value], job_id: str, *, seconds: float | None = None
    ) -> QueryResult:
        """Run a statement once.

        Args:
            sql: one statement or a script.
            parameters: values by name.
            job_id: unused so far in the project.
            seconds: less time than BIGQUERY_JOB_TIMEOUT, for a statement that must be quick.

        Raises:
            RequestFailed: the statement may have taken effect all the same if the failure came after sending.
        """
        config = self._query_config(parameters)
        return call_once(lambda: self._run(sql, config, job_id, seconds))

    def _query_config(self, parameters: Mapping[str, Value]) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(
            query_parameters=[_parameter(name, value) for name, value in parameters.items()],
            maximum_bytes_billed=self._settings.bigquery_max_bytes_billed,
            labels=LABELS,
            use_legacy_sql=False,
            job_timeout_ms=self._job_milliseconds,
        )

    def _run(self, sql: str, config: bigquery.QueryJobConfig, job_id: str, seconds: float | None) -> QueryResult:
        job = self._finish(sql, config, job_id, seconds)
        rows = self._rows_of(job)
        if not rows and job.statement_type in ("SELECT", "SCRIPT"):
            rows = self._rows_of(job)  # the first answer may still say that the job has not ended, and bring no rows
        return QueryResult(rows, job.num_dml_affected_rows)

    def _finish(self, sql: str, config: bigquery.QueryJobConfig, job_id: str, seconds: float | None) -> QueryJob:
        """Send a statement and wait for its end."""
        job = self._connection.client.query(
            sql, job_config=config, job_id=job_id, location=self._connection.location, job_retry=None, **self._options
        )
        try:
            self._wait(job, seconds)
        finally:
            self.bytes_billed += int(job.total_bytes_billed or 0)
        return job

    def stream(
        self,
        sql: str,
        parameters: Mapping[str, Value],
        fields: Sequence[bigquery.SchemaField],
        right: Right,
        block_rows: int,
    ) -> Iterator[pa.Table]:
        """Run a query once and yield its rows in blocks. Each block is a request that is repeated by itself.

        Args:
            sql: one query.
            parameters: values by name.
            fields: the columns of its rows.
            right: names the purpose of the query, and the role for it, in an error.
            block_rows: rows of each block but the last.
        """
        config = self._query_config(parameters)
        run = partial(self._finish, sql, config)
        job = self._retries.retry(lambda: run(f"query_{uuid.uuid4().hex}", None), right)
        begin, is_last = 0, False
        while not is_last:
            block = self._retries.retry(partial(self._list_block, job, fields, begin, block_rows), right)
            yield block
            begin, is_last = begin + block.num_rows, block.num_rows < block_rows

    def _list_block(
        self, job: QueryJob, fields: Sequence[bigquery.SchemaField], begin: int, block_rows: int
    ) -> pa.Table:
        """List the rows of a result from ``begin`` on. BigQuery keeps it for a day in a table of its own."""
        rows = self._connection.client.list_rows(
            job.destination, selected_fields=fields, start_index=begin, max_results=block_rows, **self._options
        )
        return rows.to_arrow(create_bqstorage_client=False)

    def _rows_of(self, job: QueryJob) -> list[dict[str, Any]]:
        return [dict(row.items()) for row in job.result(page_size=PAGE_ROWS, job_retry=None, **self._options)]

    def load(self, parquet: Path | bytes, reference: str, job_id: str, schema: Sequence[bigquery.SchemaField]) -> int:
        """Try once to replace a table's rows by those of a Parquet file.

        Args:
            parquet: the file, or its content.
            reference: project.dataset.table, which must exist.
            job_id: unused so far in the project.
            schema: of the file.

        Returns:
            The number of rows loaded.

        Raises:
            RequestFailed: rows may have been loaded all the same.
        """
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=list(schema),
            labels=LABELS,
            job_timeout_ms=self._job_milliseconds,
        )
        return call_once(lambda: self._load(parquet, reference, job_id, config))

    def _load(self, parquet: Path | bytes, reference: str, job_id: str, config: bigquery.LoadJobConfig) -> int:
        size = len(parquet) if isinstance(parquet, bytes) else parquet.stat().st_size
        with io.BytesIO(parquet) if isinstance(parquet, bytes) else parquet.open("rb") as file:
            job = self._connection.client.load_table_from_file(
                file,
                reference,
                size=size,
                num_retries=0,
                job_id=job_id,
                job_config=config,
                location=self._connection.location,
                timeout=self._settings.bigquery_request_timeout.total_seconds(),
            )
        self._wait(job)
        return int(job.output_rows or 0)

    def _wait(self, job: QueryJob | LoadJob, seconds: float | None = None) -> None:
        """Poll a job until it ends, with growing pauses. Repeat a poll after a transient failure."""
        limit = self._settings.bigquery_job_timeout.total_seconds()
        deadline, allowance = time.monotonic() + min(limit, seconds or limit), self._stop.allowance()
        pause = FIRST_LOOK_SECONDS
        while job.state != "DONE":
            left = self._stop.seconds_left(allowance)
            if time.monotonic() > deadline or not left:
                self._cancel(job)
                raise RequestFailed(Kind.TRANSIENT, NO_END, f"its job was {str(job.state).lower()} to the last")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
            try:
                call_once(lambda: job.reload(**self._options))
            except RequestFailed as failure:
                if not failure.is_transient:
                    raise
                LOG.debug("a look at the job %s failed: %s", job.job_id, failure)
        if job.error_result:
            raise classify_error(str(job.error_result.get("reason") or ""), str(job.error_result.get("message") or ""))

    def _cancel(self, job: QueryJob | LoadJob) -> None:
        """Ask BigQuery to cancel a job. Only the ledger says afterwards if it took effect."""
        try:
            call_once(lambda: job.cancel(**self._options))
        except RequestFailed as failure:
            LOG.debug("the job %s could not be cancelled: %s", job.job_id, failure)

    @property
    def _job_milliseconds(self) -> int:
        """Return Google's own limit of a job. Without it the job of a killed process would hold its rows for hours."""
        return int(self._settings.bigquery_job_timeout.total_seconds() * 1000)

    @property
    def _options(self) -> dict[str, Any]:
        return self._connection.request_options


def _parameter(name: str, value: Value) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return bigquery.ArrayQueryParameter(name, "STRING", list(value))
    kinds = {bool: "BOOL", int: "INT64", float: "FLOAT64", datetime: "TIMESTAMP", date: "DATE", str: "STRING"}
    return bigquery.ScalarQueryParameter(name, kinds[type(value)], value)
