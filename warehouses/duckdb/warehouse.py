"""The embedded warehouse: one DuckDB file, opened for each transaction and closed again. Only the parent opens it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime, timedelta

import duckdb

from config import Settings
from errors import BatchRefused
from messages import (
    Batch,
    ClientResult,
    Finding,
    PhoneForms,
    RefusedAccount,
    RowsMerged,
    RunEnd,
)
from shutdown import Stop
from utils import utc_now
from warehouses.duckdb.checks import DuckDBChecks
from warehouses.duckdb.commits import CommitInDuckDB
from warehouses.duckdb.copies import copy_file, purge_old_blocks
from warehouses.duckdb.credentials import Row, put_credential_rows
from warehouses.duckdb.failures import is_of_storage, reason_of
from warehouses.duckdb.file_rights import keep_to_owner, make_folder
from warehouses.duckdb.files import DuckDBFile
from warehouses.duckdb.leases import DuckDBLease
from warehouses.duckdb.reader import DuckDBReader
from warehouses.duckdb.tables import DuckDBTables
from warehouses.sql.batch_rows import run_row_values
from warehouses.sql.erasure_script import build_erasures, erasure_parameters
from warehouses.sql.retention_script import build_deletions

LOG = logging.getLogger(__name__)

LEAST_PATIENCE = timedelta(seconds=60)
"""Wait of a commit for the file, even in a cycle that has overrun its interval: so much reading is worth it."""
PARTING_PATIENCE = timedelta(seconds=10)
"""Wait of the statements after the commits. The next cycle can run them too."""


class DuckDBWarehouse:
    """Keeps the promises of ``database.Warehouse`` in one file."""

    def __init__(self, settings: Settings, stop: Stop, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._file = DuckDBFile(settings.duckdb_path, settings.data_dir / "temporary", stop, clock)
        self._lease = DuckDBLease(settings.duckdb_path)
        self._tables = DuckDBTables(settings)
        self.reader = DuckDBReader(settings, self._file, self._tables, self._deadline)
        self.patient_until: datetime | None = None
        self.least_patience = LEAST_PATIENCE
        self.parting_patience = PARTING_PATIENCE
        self.commits_after = timedelta()
        self.clock_gap = None

    def describe(self) -> str:
        return f"{self._settings.dataset_id}.{self._settings.credentials_table} of {self._settings.duckdb_path}"

    def prepare(self) -> None:
        make_folder(self._settings.duckdb_path.parent)
        if self._settings.duckdb_path.exists():
            keep_to_owner(self._settings.duckdb_path)
            with self._file.reading(self._deadline()) as db:
                if self._tables.are_ready(db):
                    return
        with self._file.writing(self._deadline()) as db:
            self._tables.make(db)
        keep_to_owner(self._settings.duckdb_path)

    def lease(self) -> AbstractContextManager[None]:
        return self._lease.hold()

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        with self._file.writing(self._deadline()) as db:
            return put_credential_rows(db, self._settings, self._tables, rows, key_of)

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        if not refusals:
            return
        with self._file.writing(self._deadline()) as db:
            for refusal in refusals:
                db.execute(
                    f"DELETE FROM {self._tables.name('accounts')} WHERE host = ? AND username = ? AND fingerprint = ?",
                    [refusal.host, refusal.username, refusal.fingerprint],
                )

    def commit(self, batch: Batch) -> list[ClientResult]:
        with self._file.writing(max(self._deadline(), self._clock() + self.least_patience)) as db:
            try:
                return CommitInDuckDB(db, self._tables, batch).run()
            except duckdb.Error as exc:
                if is_of_storage(exc, self._file.temporary) or isinstance(exc, duckdb.InterruptException):
                    raise
                raise BatchRefused(reason_of(exc)) from None

    def end_backfill(self, backfill_id: str) -> None:
        if self.reader.backfill_progress(backfill_id):
            with self._file.writing(self._deadline()) as db:
                db.execute(f"DELETE FROM {self._tables.name('backfills')} WHERE backfill_id = ?", [backfill_id])

    def end_run(self, end: RunEnd) -> None:
        """Record the run's own row, then renew the copy for readers. A stop signal leaves it to the next cycle."""
        values = run_row_values("$")
        with self._file.writing(self._clock() + self.parting_patience) as db:
            db.execute(
                f"INSERT INTO {self._tables.name('runs')} ({', '.join(values)}) VALUES ({', '.join(values.values())})",
                {**asdict(end), "now": utc_now()},
            )
        self._renew_copy(self._clock() + self.parting_patience)

    def _renew_copy(self, patient_until: datetime) -> None:
        if self._settings.duckdb_read_copy is not None and not self._file.stop.is_set():
            copy_file(self._file, self._settings.duckdb_read_copy, patient_until)

    def delete_old(self, now: datetime) -> dict[str, int]:
        deletions = build_deletions(self._settings, now, name=self._tables.name, calls=self._tables.calls)
        if not deletions:
            return {}
        with self._file.writing(self._clock() + self.parting_patience) as db:
            return {table: _count_changed(db.execute(statement)) for table, statement in deletions.items()}

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        """Erase a number, then free the blocks of its former rows, and renew the copy for readers."""
        values = erasure_parameters(number, now)
        counts = {}
        with self._file.writing(self._deadline()) as db:
            columns = self._tables.columns(db, self._settings.output_table)
            statements = build_erasures(columns, name=self._tables.name, calls=self._tables.calls, mark="$")
            for table, statement in statements.items():
                named = {name: value for name, value in values.items() if f"${name}" in statement}
                counts[table] = _count_changed(db.execute(statement, named))
        patient_until = self._deadline()
        purge_old_blocks(self._file, patient_until)
        self._renew_copy(patient_until)
        return counts

    def checks(self) -> Iterator[Finding]:
        return DuckDBChecks(self._settings, self._file, self._lease, self._tables).findings()

    def close(self) -> None:
        """Do nothing, since the file is closed after each transaction."""

    def _deadline(self) -> datetime:
        """Return the end of the patience, at most a cycle from now even if the clock was set back."""
        latest = self._clock() + self._settings.cycle_interval
        return min(self.patient_until or latest, latest)


def _count_changed(done: duckdb.DuckDBPyConnection) -> int:
    """Return the number of rows changed by a statement."""
    row = done.fetchone()
    return int(row[0]) if row else 0
