"""Tries what a DuckDB warehouse needs. Nothing is made: what is written is rolled back, scratch files lie elsewhere."""

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
from warehouses.duckdb_files import DuckDBFile
from warehouses.duckdb_tables import Database, DuckDBTables
from warehouses.findings import finding
from warehouses.folder_checks import room, writable

PATIENCE = timedelta(seconds=5)


class DuckDBChecks:
    """One try of each thing; what depends on something that failed is left out."""

    def __init__(self, settings: Settings, file: DuckDBFile, tables: DuckDBTables) -> None:
        self._settings = settings
        self._file = file
        self._tables = tables

    def findings(self) -> Iterator[Finding]:
        yield finding("data folder", lambda: writable("DATA_DIR", self._settings.data_dir))
        with TemporaryDirectory() as scratch:
            yield from self._of_file(replace(self._file, temporary=Path(scratch)))
        yield finding("disk space", lambda: room(self._settings.data_dir, self._file.path.parent))
        yield finding("lease", self._holder)

    def _of_file(self, file: DuckDBFile) -> Iterator[Finding]:
        if not file.path.exists():
            yield finding("file", lambda: f"{file.path} is made by the first run, and its tables; {self._folder()}")
            return
        opened = finding("file", lambda: self._opens(file))
        yield opened
        if opened.ok:
            yield finding("tables", lambda: self._shapes(file))
            yield finding("credentials", lambda: self._credentials(file))
            yield finding("change data", lambda: self._written(file))

    def _folder(self) -> str:
        return writable("The folder", self._file.path.parent)

    @staticmethod
    def _opens(file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE):
            return f"{file.path} can be read"

    def _shapes(self, file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE) as db:
            ready = self._tables.ready(db)
        return "all as they should be" if ready else "sound as far as they are there; the rest is made by the next run"

    def _credentials(self, file: DuckDBFile) -> str:
        with file.reading(utc_now() + PATIENCE) as db:
            if not self._tables.columns(db, self._settings.credentials_table):
                return f"{self._settings.dataset_id}.{self._settings.credentials_table} is made by the first run"
            ((count,),) = db.execute(f"SELECT count(*) FROM {self._tables.credentials}").fetchall()
        return f"{self._settings.dataset_id}.{self._settings.credentials_table} has {plural(count, 'row')}"

    def _written(self, file: DuckDBFile) -> str:
        with suppress(_RollBack), file.writing(utc_now() + PATIENCE) as db:
            self._write(db)
            raise _RollBack
        return "a row was written and taken back"

    def _write(self, db: Database) -> None:
        """As the first run would where it has not been yet."""
        if not self._tables.columns(db, LEDGER.name):
            self._tables.make(db)
        db.execute(f"INSERT INTO {self._tables.name(LEDGER.name)} VALUES ('check', 'check', now())")

    def _holder(self) -> str:
        holder = self._file.holder()
        return f"held by {holder}" if holder else "no daemon or command holds the warehouse"


class _RollBack(Exception):
    """Ends a transaction that was only tried."""
