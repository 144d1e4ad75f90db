"""The embedded warehouse: one DuckDB file, opened for each transaction and closed again; only the parent opens it."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from config import Settings
from errors import BatchRefused, TableRefused
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
from stops import Stop
from tables import ACCOUNTS, CREDENTIALS, HOURS
from utils import squeezed, utc_now
from warehouses.batch_rows import own_row
from warehouses.commit_script import groups_of, hashes_of
from warehouses.duckdb_checks import DuckDBChecks
from warehouses.duckdb_commits import CommitInDuckDB
from warehouses.duckdb_files import DuckDBFile, keep_to_owner, make_folder, reason_of
from warehouses.duckdb_tables import DuckDBTables, quoted
from warehouses.erasure_script import erasures, parameters
from warehouses.old_rows import old_rows
from warehouses.overview_script import OverviewScript, overview_of
from warehouses.table_checks import without_column

Row = Mapping[str, str | None]
LOG = logging.getLogger(__name__)

LEAST_PATIENCE = timedelta(seconds=60)
"""Of a commit, also in a cycle that has overrun its interval: what was read for so long wants to be kept."""
PARTING_PATIENCE = timedelta(seconds=10)
"""Of what comes after the commits, and can be done by the next cycle too."""


class DuckDBWarehouse:
    """Keeps the promises of ``database.Warehouse`` in one file."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings = settings
        self._file = DuckDBFile(settings.duckdb_path, settings.data_dir / "temporary", stop)
        self._tables = DuckDBTables(settings)
        self.patient_until: datetime | None = None
        self.least_patience = LEAST_PATIENCE
        self.parting_patience = PARTING_PATIENCE
        self.commits_after = timedelta()

    def describe(self) -> str:
        return f"{self._settings.dataset_id}.{self._settings.credentials_table} of {self._settings.duckdb_path}"

    def prepare(self) -> None:
        make_folder(self._settings.duckdb_path.parent)
        if self._settings.duckdb_path.exists():
            keep_to_owner(self._settings.duckdb_path)
            with self._file.reading(self._deadline()) as db:
                if self._tables.ready(db):
                    return
        with self._file.writing(self._deadline()) as db:
            self._tables.make(db)
        keep_to_owner(self._settings.duckdb_path)

    def lease(self) -> AbstractContextManager[None]:
        return self._file.lease()

    def credential_rows(self) -> list[dict[str, str | None]]:
        rows = self._rows(self._settings.credentials_table, "SELECT * FROM {table}")  # a table's order; a view has none
        return [{name: None if value is None else _as_text(value) for name, value in row.items()} for row in rows]

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        added = changed = left = 0
        table = self._tables.credentials
        with self._file.writing(self._deadline()) as db:
            names = list(self._tables.columns(db, self._settings.credentials_table))
            ours = {squeezed(column.name): column.name for column in CREDENTIALS.columns}
            columns = {name: ours[squeezed(name)] for name in names if squeezed(name) in ours}
            self._refuse_loss(db, rows, set(columns.values()))
            stored = db.execute(f"SELECT rowid, {', '.join(map(quoted, columns))} FROM {table}").fetchall()
            known = {key_of(_named(row[1:], columns)): row for row in stored}
            for row in rows:
                values = [row.get(ours_name) for ours_name in columns.values()]
                before = known.get(key_of(row))
                if before is None:
                    marks = ", ".join("?" for _ in values)
                    db.execute(f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) VALUES ({marks})", values)
                    added += 1
                elif _named(before[1:], columns) == _named(values, columns):
                    left += 1
                else:
                    settings = ", ".join(f"{quoted(name)} = ?" for name in columns)
                    db.execute(f"UPDATE {table} SET {settings} WHERE rowid = ?", [*values, before[0]])
                    changed += 1
        return RowsMerged(added=added, changed=changed, left=left)

    def _refuse_loss(self, db: duckdb.DuckDBPyConnection, rows: Sequence[Row], columns: set[str]) -> None:
        lost = without_column(rows, columns)
        table = f"{self._settings.dataset_id}.{self._settings.credentials_table}"
        if lost:
            raise TableRefused(table, f"it has no column for {', '.join(lost)}; add it as text, or leave it empty")
        if self._tables.is_view(db, self._settings.credentials_table):
            raise TableRefused(table, "it is a view; change its rows where they come from")

    def watermarks(self) -> dict[str, WatermarkRead]:
        rows = self._rows("watermarks", "SELECT * FROM {table}")
        return {row["source_key"]: WatermarkRead.of(row) for row in rows}

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        query = f"SELECT {', '.join(HOURS.names)} FROM {{table}} WHERE day >= ? OR list_contains(?, source_key)"
        rows = self._rows("hours", query, [since, list(everything_of)])
        return [HourRead(**row) for row in rows]

    def refused_accounts(self) -> list[RefusedAccount]:
        rows = self._rows("accounts", f"SELECT {', '.join(ACCOUNTS.names)} FROM {{table}}")
        return [RefusedAccount(**row) for row in rows]

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        if not refusals:
            return
        with self._file.writing(self._deadline()) as db:
            for refusal in refusals:
                db.execute(
                    f"DELETE FROM {self._tables.name('accounts')} WHERE host = ? AND username = ? AND fingerprint = ?",
                    [refusal.host, refusal.username, refusal.fingerprint],
                )

    def quarantined(self) -> list[QuarantinedRecord]:
        rows = self._rows("quarantine", "SELECT * FROM {table}")
        return [QuarantinedRecord.of(row) for row in rows]

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        rows = self._rows(self._tables.output_table, groups_of("{table}", days)) if days else []
        return {(row["client_id"], row["name"]) for row in rows}

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        query = hashes_of("{table}", days, "(SELECT unnest(?))")
        rows = self._rows(self._tables.output_table, query, [list(keys)]) if days else []
        return {row["call_key"]: row["row_hash"] for row in rows}

    def commit(self, batch: Batch) -> list[ClientResult]:
        with self._file.writing(max(self._deadline(), utc_now() + self.least_patience)) as db:
            try:
                return CommitInDuckDB(db, self._tables, batch).run()
            except duckdb.Error as exc:
                if self._file.has_failed(exc) or isinstance(exc, duckdb.InterruptException):
                    raise
                raise BatchRefused(reason_of(exc)) from None

    def backfilled(self, backfill_id: str) -> set[tuple[str, date]]:
        rows = self._rows("backfills", "SELECT source_key, day FROM {table} WHERE backfill_id = ?", [backfill_id])
        return {(row["source_key"], row["day"]) for row in rows}

    def end_backfill(self, backfill_id: str) -> None:
        if self.backfilled(backfill_id):
            with self._file.writing(self._deadline()) as db:
                db.execute(f"DELETE FROM {self._tables.name('backfills')} WHERE backfill_id = ?", [backfill_id])

    def end_run(self, end: RunEnd) -> None:
        """The run's own row; then the copy for readers, which who is asked to stop leaves to the next cycle."""
        values = own_row("$")
        with self._file.writing(utc_now() + self.parting_patience) as db:
            db.execute(
                f"INSERT INTO {self._tables.name('runs')} ({', '.join(values)}) VALUES ({', '.join(values.values())})",
                {**asdict(end), "now": utc_now()},
            )
        self._renew_copy(utc_now() + self.parting_patience)

    def _renew_copy(self, patient_until: datetime) -> None:
        if self._settings.duckdb_read_copy is not None and not self._file.stop.is_set():
            self._file.copy_to(self._settings.duckdb_read_copy, patient_until)

    def delete_old(self, now: datetime) -> dict[str, int]:
        deletions = old_rows(self._settings, now, name=self._tables.name, calls=self._tables.calls)
        if not deletions:
            return {}
        with self._file.writing(utc_now() + self.parting_patience) as db:
            return {table: _affected(db.execute(statement)) for table, statement in deletions.items()}

    def forgotten(self) -> dict[str, str]:
        rows = self._rows("forgotten", "SELECT phone_hash, key_id FROM {table}")
        return {row["phone_hash"]: row["key_id"] for row in rows}

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        """What was changed is then written anew, so that its old blocks are free, and the copy for readers too."""
        values = parameters(number, now)
        counts = {}
        with self._file.writing(self._deadline()) as db:
            columns = self._tables.columns(db, self._settings.output_table)
            statements = erasures(columns, name=self._tables.name, calls=self._tables.calls, mark="$")
            for table, statement in statements.items():
                named = {name: value for name, value in values.items() if f"${name}" in statement}
                counts[table] = _affected(db.execute(statement, named))
        patient_until = self._deadline()
        self._file.write_anew(patient_until)
        self._renew_copy(patient_until)
        return counts

    def overview(self, now: datetime) -> Overview:
        if not self._settings.duckdb_path.exists():
            return Overview()
        script = OverviewScript(name=self._tables.name, calls=self._tables.calls, now=now)
        with self._file.reading(self._deadline()) as db:
            if not self._tables.columns(db, "runs"):
                return Overview()
            return overview_of([db.sql(text).to_arrow_table().to_pylist() for text in script.texts])

    def checks(self) -> Iterator[Finding]:
        return DuckDBChecks(self._settings, self._file, self._tables).findings()

    def close(self) -> None:
        """The file is closed after each transaction."""

    def _deadline(self) -> datetime:
        return self.patient_until or utc_now() + self._settings.cycle_interval

    def _rows(self, table: str, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of one table by column name; none if the file or the table is not there yet."""
        if not self._settings.duckdb_path.exists():
            return []
        with self._file.reading(self._deadline()) as db:
            if not self._tables.columns(db, table):
                return []
            found = db.sql(query.format(table=self._tables.name(table)), params=list(parameters)).to_arrow_table()
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows


def _affected(done: duckdb.DuckDBPyConnection) -> int:
    """How many rows a statement has changed."""
    row = done.fetchone()
    return int(row[0]) if row else 0


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(values: Sequence[object], columns: Mapping[str, str]) -> dict[str, str | None]:
    """Values under our names, as text."""
    texts = [None if value in (None, "") else _as_text(value) for value in values]
    return dict(zip(columns.values(), texts, strict=True))
