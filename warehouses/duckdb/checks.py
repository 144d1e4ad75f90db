"""Checks of a DuckDB warehouse. Nothing stays: writes are rolled back, and scratch files lie elsewhere."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from config import Settings
from messages import Finding
from tables import LEDGER
from utils import plural, utc_now
from warehouses.duckdb.files import DuckDBFile
from warehouses.duckdb.leases import DuckDBLease
from warehouses.duckdb.stored_tables import Database
from warehouses.duckdb.tables import DuckDBTables
from warehouses.findings import run_check
from warehouses.folder_checks import check_free_space, check_writable

PATIENCE = timedelta(seconds=5)


class DuckDBChecks:
    """Tries each thing once, and leaves out what depends on a failure."""

    def __init__(self, settings: Settings, file: DuckDBFile, lease: DuckDBLease, tables: DuckDBTables) -> None:
        self._settings = settings
        self._file = file
        self._lease = lease
        self._tables = tables

    def findings(self) -> Iterator[Finding]:
        yield run_check("data folder", lambda: check_writable("DATA_DIR", self._settings.data_dir))
        with TemporaryDirectory() as scratch:
            yield from self._check_file(replace(self._file, temporary=Path(scratch)))
        yield run_check("disk space", lambda: check_free_space(self._settings.data_dir, self._file.path.parent))
        yield run_check("lease", self._describe_holder)

    def _check_file(self, file: DuckDBFile) -> Iterator[Finding]:
        if not file.path.exists():
            yield run_check("file", self._check_folder)
            return
        opened = run_check("file", lambda: self._open(file))
        yield opened
        if opened.ok:
            yield run_check("tables", lambda: self._check_tables(file))
            yield run_check("credentials", lambda: self._count_credentials(file))
            yield run_check("change data", lambda: self._change(file))

    def _check_folder(self) -> str:
        folder = check_writable("The folder", self._file.path.parent)
        return f"{self._file.path} is made by the first run, and its tables; {folder}"

    @staticmethod
    def _open(file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE):
            return f"{file.path} can be read"

    def _check_tables(self, file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE) as db:
            ready = self._tables.are_ready(db)
        return "all as they should be" if ready else "sound as far as they are there; the rest is made by the next run"

    def _count_credentials(self, file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE) as db:
            if not self._tables.columns(db, self._settings.credentials_table):
                return f"{self._settings.dataset_id}.{self._settings.credentials_table} is made by the first run"
            ((count,),) = db.execute(f"SELECT count(*) FROM {self._tables.credentials}").fetchall()
        return f"{self._settings.dataset_id}.{self._settings.credentials_table} has {plural(count, 'row')}"

    def _change(self, file: DuckDBFile) -> str:
        with suppress(_RollBack), file.writing(utc_now() + PATIENCE) as db:
            self._write(db)
            raise _RollBack
        return "a row was written and taken back"

    def _write(self, db: Database) -> None:
        """Write a row, as the first run would. Make the tables if they are missing."""
        if not self._tables.columns(db, LEDGER.name):
            self._tables.make(db)
        db.execute(f"INSERT INTO {self._tables.name(LEDGER.name)} VALUES ('check', 'check', now())")

    def _describe_holder(self) -> str:
        holder = self._lease.holder()
        return f"held by {holder}" if holder else "no daemon or command holds the warehouse"


class _RollBack(Exception):
    """Ends a transaction that must not be committed."""
