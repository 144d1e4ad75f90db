"""Openings of a DuckDB file, one for each transaction, so that an analyst's session gets in between.

DuckDB lets either one process write or several read. The second one fails at once in DuckDB, and waits here.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from errors import CommitAbandoned, WarehouseBusy
from shutdown import COMMIT_SECONDS, Stop
from utils import utc_now
from warehouses.duckdb.failures import LOCKED, build_error, holder_of
from warehouses.duckdb.file_rights import make_folder

LOG = logging.getLogger(__name__)

CONFIGURATION = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
MEMORY_LIMIT = "256MB"
WATCH_SECONDS = 0.1


@dataclass(slots=True)
class DuckDBFile:
    """One database file. The folder ``temporary`` takes rows that do not fit into memory."""

    path: Path
    temporary: Path
    stop: Stop
    clock: Callable[[], datetime] = utc_now
    """Returns the machine's time, which may be set back or forth during a wait."""
    _reads_share: bool = field(default=False, init=False)
    _shared: duckdb.DuckDBPyConnection | None = field(default=None, init=False)

    @contextmanager
    def read_together(self) -> Iterator[None]:
        """Let all reads of the block share one opening. A write in between closes it before it opens the file."""
        self._reads_share = True
        try:
            yield
        finally:
            self._reads_share = False
            self._close_shared()

    @contextmanager
    def reading(self, patient_until: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file, which must exist, to read. Several processes may read at the same time."""
        if not self._reads_share:
            with self.open(patient_until, read_only=True) as db:
                yield db
            return
        try:
            if self._shared is None:
                self._shared = self.connect(patient_until, read_only=True)
                self._shared.execute("SET TimeZone = 'UTC'")
            yield self._shared
        except (duckdb.Error, OSError) as exc:
            raise build_error(exc, self.path, self.temporary) from None

    @contextmanager
    def writing(self, patient_until: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run the block in one transaction. Commit at its end, and roll back after any exception."""
        with self.open(patient_until, read_only=False) as db:
            db.begin()
            try:
                with self._limit_to_grace(db):
                    yield db
                    db.commit()
            except BaseException:
                with suppress(duckdb.Error):  # the first error is the one that matters
                    db.rollback()
                raise

    @contextmanager
    def open(self, patient_until: datetime, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file without a transaction, and close it after the block."""
        db = self.connect(patient_until, read_only=read_only)
        try:
            db.execute("SET TimeZone = 'UTC'")
            yield db
        except (duckdb.Error, OSError) as exc:
            raise build_error(exc, self.path, self.temporary) from None
        finally:
            with suppress(duckdb.Error):
                db.close()

    def connect(self, patient_until: datetime, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Connect to the file. Wait while another process has it, and log the wait once.

        Raises:
            WarehouseBusy: the other process has had the file for too long.
        """
        self._close_shared()
        started = time.monotonic()
        deadline = started + (patient_until - self.clock()).total_seconds()
        is_logged = False
        while True:
            try:
                db = duckdb.connect(self.path, read_only=read_only, config=self._configuration())
            except duckdb.Error as exc:
                if not LOCKED.search(str(exc)):
                    raise build_error(exc, self.path, self.temporary) from None
                holder = holder_of(str(exc))
            else:
                LOG.debug("Opened %s to %s", self.path.name, "read" if read_only else "write")
                return db
            if time.monotonic() > deadline or self.stop.is_set():
                raise WarehouseBusy(str(self.path), time.monotonic() - started, holder)
            if not is_logged:
                until = f"{patient_until.astimezone():%Y-%m-%d %H:%M:%S}"
                LOG.warning("%s is held by %s: waiting until %s at the latest", self.path.name, holder, until)
                is_logged = True
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, no secret

    @contextmanager
    def _limit_to_grace(self, db: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt the block after the grace, since DuckDB has no time limit of its own."""
        has_ended = threading.Event()

        def watch() -> None:
            while not has_ended.wait(WATCH_SECONDS):
                if not self.stop.seconds_left(COMMIT_SECONDS):
                    db.interrupt()

        watching = threading.Thread(target=watch, name="grace", daemon=True)
        watching.start()
        try:
            yield
        except duckdb.InterruptException:
            raise CommitAbandoned(self.stop.grace.total_seconds()) from None
        finally:
            has_ended.set()
            watching.join()

    def _close_shared(self) -> None:
        if self._shared is not None:
            with suppress(duckdb.Error):
                self._shared.close()
            self._shared = None

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        make_folder(self.temporary)
        return {**CONFIGURATION, "memory_limit": MEMORY_LIMIT, "temp_directory": str(self.temporary)}
