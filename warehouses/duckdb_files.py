"""Opens a DuckDB file for one transaction and closes it again, so that an analyst's session gets in between.

DuckDB lets either one process write or several read. Whoever comes second fails at once; here it waits.
"""

import json
import logging
import os
import random
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from errors import WarehouseBusy, WarehouseHeld, WarehouseUnusable
from utils import utc_now, write_durably

LOG = logging.getLogger(__name__)

LOCKED = re.compile(
    r"could not set lock|conflicting lock|sharing violation|being used by another process", re.IGNORECASE
)
HOLDER = re.compile(r"\(PID (\d+)\)")
CONFIGURATION = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
MEMORY_LIMIT = "256MB"


@dataclass(slots=True)
class DuckDBFile:
    """One database file; ``temporary`` takes what does not fit into memory."""

    path: Path
    temporary: Path
    give_up: Callable[[], bool]

    @contextmanager
    def reading(self, patient_until: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """Several may read at the same time. The file must exist."""
        with self._opened(patient_until, read_only=True) as db:
            yield db

    @contextmanager
    def writing(self, patient_until: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        with self._opened(patient_until, read_only=False) as db:
            db.begin()
            try:
                yield db
                db.commit()
            except BaseException:
                with suppress(duckdb.Error):  # the first error is the one that matters
                    db.rollback()
                raise

    @contextmanager
    def _opened(self, patient_until: datetime, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        db = self._connected(patient_until, read_only=read_only)
        try:
            db.execute("SET TimeZone = 'UTC'")
            yield db
        except (duckdb.FatalException, duckdb.OutOfMemoryException, duckdb.InternalException, OSError) as exc:
            raise WarehouseUnusable(f"The file {self.path}", reason_of(exc)) from None
        finally:
            with suppress(duckdb.Error):
                db.close()

    def _connected(self, patient_until: datetime, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Wait as long as somebody else has the file; say so once."""
        started = time.monotonic()
        told = False
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only, config=self._configuration())
            except duckdb.Error as exc:
                if not LOCKED.search(str(exc)):
                    raise WarehouseUnusable(f"The file {self.path}", reason_of(exc)) from None
                holder = _holder(str(exc))
            if utc_now() > patient_until or self.give_up():
                raise WarehouseBusy(str(self.path), time.monotonic() - started, holder)
            if not told:
                until = f"{patient_until.astimezone():%Y-%m-%d %H:%M:%S}"
                LOG.warning("%s is held by %s: waiting until %s at the latest", self.path.name, holder, until)
                told = True
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, no secret

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        self.temporary.mkdir(parents=True, exist_ok=True)
        return {**CONFIGURATION, "memory_limit": MEMORY_LIMIT, "temp_directory": str(self.temporary)}

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Hold the file against other daemons: an operating-system lock, free the moment its process dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path.with_name(self.path.name + ".lock"), thread_local=False)
        note = self.path.with_name(self.path.name + ".holder.json")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WarehouseHeld(_told_by(note)) from None
        except OSError as exc:
            raise WarehouseUnusable(f"The folder {self.path.parent}", exc.strerror or type(exc).__name__) from None
        try:
            holder = {
                "pid": os.getpid(),
                "machine": socket.gethostname(),
                "since": utc_now().isoformat(timespec="seconds"),
            }
            write_durably(note, json.dumps(holder).encode("utf-8"))
            yield
        finally:
            note.unlink(missing_ok=True)
            lock.release()

    def copy_to(self, target: Path, patient_until: datetime) -> None:
        """A consistent copy, put in place as a whole; readers that have the old one open keep it."""
        log = self.path.with_name(self.path.name + ".wal")
        if log.exists():
            with self._opened(patient_until, read_only=False) as db:
                db.execute("CHECKPOINT")
        temporary = target.with_name(f".{target.name}.tmp")
        with self.reading(patient_until):  # nobody can write while this is open
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path, temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            temporary.replace(target)
        except PermissionError:  # on Windows, as long as somebody has it open
            LOG.warning("%s is in use and stays as it is until the next cycle", target.name)
            temporary.unlink(missing_ok=True)


def reason_of(exc: BaseException) -> str:
    """The first line of an error, short."""
    text = str(exc).strip().splitlines()
    return text[0][:300] if text else type(exc).__name__


def _holder(message: str) -> str:
    found = HOLDER.search(message)
    return f"the process {found[1]}" if found else "another process"


def _told_by(note: Path) -> str:
    """Who holds the lease, as far as the note beside it says."""
    with suppress(OSError, ValueError, KeyError):
        holder = json.loads(note.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['machine']}, since {holder['since']}"
    return "another process, which has not said who it is"
