"""The production warehouse: tables in BigQuery, written by one process that holds the lease."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from config import Settings
from errors import CommitAbandoned
from messages import (
    Batch,
    ClientResult,
    Finding,
    HourRead,
    PhoneForms,
    QuarantinedRecord,
    RefusedAccount,
    RowsMerged,
    RunEnd,
    WatermarkRead,
)
from overviews import Overview
from stops import COMMIT_SECONDS, Stop
from tables import ACCOUNTS, HOURS
from utils import utc_now
from warehouses.batch_rows import own_row
from warehouses.bigquery_checks import BigQueryChecks
from warehouses.bigquery_commits import CommitInBigQuery
from warehouses.bigquery_credentials import BigQueryCredentials
from warehouses.bigquery_leases import BigQueryLease
from warehouses.bigquery_schemas import Place
from warehouses.bigquery_script import in_one_transaction
from warehouses.bigquery_service import BigQueryService, Done, Value
from warehouses.bigquery_tables import BigQueryTables
from warehouses.commit_script import groups_of, hashes_of
from warehouses.erasure_script import erasures, parameters
from warehouses.old_rows import old_rows
from warehouses.overview_script import OverviewScript, overview_of

Row = Mapping[str, str | None]


class BigQueryWarehouse:
    """Keeps the promises of ``database.Warehouse`` in one dataset."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._service = BigQueryService(settings, stop)
        self._tables = BigQueryTables(settings, self._service)
        self._lease = BigQueryLease(self._service, self._tables, settings.data_dir, settings.bigquery_lease)
        self._credentials = BigQueryCredentials(self._service, self._tables)
        self._located = False
        self._billed_before = 0
        self.patient_until: datetime | None = None
        self.commits_after = settings.bigquery_commit_after

    def describe(self) -> str:
        return self._tables.credentials.reference

    def prepare(self) -> None:
        self._tables.make()
        self._located = True

    def lease(self) -> AbstractContextManager[None]:
        return self._lease.held()

    def credential_rows(self) -> list[dict[str, str | None]]:
        return self._credentials.rows() if self._is_there() else []

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        return self._credentials.put(rows, key_of)

    def watermarks(self) -> dict[str, WatermarkRead]:
        return {row["source_key"]: WatermarkRead.of(row) for row in self._listed("watermarks")}

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        query = f"SELECT {', '.join(HOURS.names)} FROM {{table}} WHERE day >= DATE '{since.isoformat()}'"
        if not everything_of:
            return [HourRead(**row) for row in self._queried("hours", query)]
        query += " OR source_key IN UNNEST(@everything_of)"
        return [HourRead(**row) for row in self._queried("hours", query, everything_of=list(everything_of))]

    def refused_accounts(self) -> list[RefusedAccount]:
        return [RefusedAccount(**{name: row[name] for name in ACCOUNTS.names}) for row in self._listed("accounts")]

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        if refusals:
            self._changed(
                f"DELETE FROM {self._tables.name('accounts')} WHERE fingerprint IN UNNEST(@fingerprints)",
                {"fingerprints": [refusal.fingerprint for refusal in refusals]},
            )

    def quarantined(self) -> list[QuarantinedRecord]:
        rows = self._listed("quarantine")
        return [QuarantinedRecord.of(row) for row in rows]

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        calls = self._tables.calls
        rows = self._found(calls, groups_of(calls.quoted, days), {}) if days else []
        return {(row["client_id"], row["name"]) for row in rows}

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        calls = self._tables.calls
        query = hashes_of(calls.quoted, days, "UNNEST(@keys)")
        rows = self._found(calls, query, {"keys": list(keys)}) if days else []
        return {row["call_key"]: row["row_hash"] for row in rows}

    def commit(self, batch: Batch) -> list[ClientResult]:
        """Until the cycle is over, and as long as any call at least: one that took too long wants to commit too."""
        if not self._stop.seconds_left(COMMIT_SECONDS):
            raise CommitAbandoned(self._stop.grace.total_seconds())  # another one just before has used up the time
        until = self.patient_until or utc_now() + self._settings.cycle_interval
        seconds = max((until - utc_now()).total_seconds(), self._settings.bigquery_retry.total_seconds())
        deadline = time.monotonic() + seconds
        return CommitInBigQuery(self._service, self._tables, self._lease, batch, deadline).run(self._settings)

    def backfilled(self, backfill_id: str) -> set[tuple[str, date]]:
        query = "SELECT source_key, day FROM {table} WHERE backfill_id = @backfill_id"
        return {(row["source_key"], row["day"]) for row in self._queried("backfills", query, backfill_id=backfill_id)}

    def end_backfill(self, backfill_id: str) -> None:
        self._changed(
            f"DELETE FROM {self._tables.name('backfills')} WHERE backfill_id = @backfill_id",
            {"backfill_id": backfill_id},
        )

    def end_run(self, end: RunEnd) -> int:
        """The run's own row says what it was billed for; a MERGE under a run's name can be repeated."""
        billed = self._service.bytes_billed - self._billed_before
        values = own_row("@") | {"bytes_billed": "@billed"}
        self._changed(
            f"""
            MERGE INTO {self._tables.name("runs")} t USING (SELECT @run_id AS run_id) s
            ON t.run_id = s.run_id AND t.job_id = '' AND t.committed_at >= TIMESTAMP_SUB(@now, INTERVAL 1 DAY)
            WHEN NOT MATCHED THEN INSERT ({", ".join(values)}) VALUES ({", ".join(values.values())})""",
            {**asdict(end), "now": utc_now(), "billed": billed},
        )
        self._billed_before += billed
        return billed

    def delete_old(self, now: datetime) -> dict[str, int]:
        deletions = old_rows(self._settings, now, name=self._tables.name, calls=self._tables.calls.quoted)
        return self._counted(deletions, {}) if deletions else {}

    def forgotten(self) -> dict[str, str]:
        return {row["phone_hash"]: row["key_id"] for row in self._listed("forgotten")}

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        calls = self._tables.calls
        found = self._service.table(calls.reference, self._tables.rights(calls).read)
        columns = [field.name for field in found.schema] if found is not None else []
        statements = erasures(columns, name=self._tables.name, calls=calls.quoted, mark="@")
        return self._counted(statements, parameters(number, now))

    def overview(self, now: datetime) -> Overview:
        right = self._tables.rights().read
        if not self._is_there() or self._service.table(self._tables.place("runs").reference, right) is None:
            return Overview()
        script = OverviewScript(name=self._tables.name, calls=self._tables.calls.quoted, now=now)
        return overview_of([self._service.query(text, {}, right).rows for text in script.texts])

    def checks(self) -> Iterator[Finding]:
        return BigQueryChecks(self._settings, self._service, self._tables, self._lease, self._credentials).findings()

    def close(self) -> None:
        self._service.close()

    def _is_there(self) -> bool:
        """Where the dataset is must be known before the first job; reading commands do not prepare it."""
        self._located = self._located or self._tables.find_location()
        return self._located

    def _listed(self, name: str) -> list[dict[str, Any]]:
        """All rows of a state table, which costs nothing; none where it is not there yet."""
        place = self._tables.place(name)
        rights = self._tables.rights()
        table = self._service.table(place.reference, rights.read) if self._is_there() else None
        return self._service.rows(table, rights.read) if table is not None else []

    def _queried(self, name: str, query: str, **parameters: Value) -> list[dict[str, Any]]:
        place = self._tables.place(name)
        return self._found(place, query.format(table=place.quoted), parameters)

    def _found(self, place: Place, query: str, parameters: Mapping[str, Value]) -> list[dict[str, Any]]:
        """What a query says of one table; nothing where it is not there yet."""
        rights = self._tables.rights(place)
        if not self._is_there() or self._service.table(place.reference, rights.read) is None:
            return []
        return self._service.query(query, parameters, rights.read).rows

    def _counted(self, statements: Mapping[str, str], parameters: Mapping[str, Value]) -> dict[str, int]:
        """Run statements that may be repeated in one request and one transaction; how many rows each has changed."""
        (row,) = self._changed(in_one_transaction(statements), parameters).rows
        return {name: int(row[name]) for name in statements}

    def _changed(self, statement: str, parameters: Mapping[str, Value]) -> Done:
        return self._service.query(statement, parameters, self._tables.rights().change)
