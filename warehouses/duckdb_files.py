"""Opens a DuckDB file for one transaction and closes it again, so that an analyst's session gets in between.

DuckDB lets either one process write or several read. Whoever comes second fails at once; here it waits.
"""

import logging
import os
import random
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from errors import (
    CommitAbandoned,
    DiskFull,
    SyncError,
    WarehouseBusy,
    WarehouseHeld,
    WarehouseUnusable,
    full_disk_named,
)
from holders import leave_note, told_by
from stops import COMMIT_SECONDS, Stop
from utils import utc_now

LOG = logging.getLogger(__name__)

LOCKED = re.compile(
    r"could not set lock|conflicting lock|sharing violation|being used by another process", re.IGNORECASE
)
HOLDER = re.compile(r"\(PID (\d+)\)")
FULL = re.compile(r"no space left|not enough space|disk quota|file too large", re.IGNORECASE)
NOT_WRITTEN = re.compile(r"could not (write|fsync|truncate)", re.IGNORECASE)
CONFIGURATION = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "1"}
MEMORY_LIMIT = "256MB"
NO_OFFLOAD, LITTLE_ROOM = "failed to offload data block", 256 << 20
GROUP_ENTERS = 0o050
WATCH_SECONDS = 0.1
MAGIC, MAGIC_PLACE = b"DUCK", 8


@dataclass(slots=True)
class DuckDBFile:
    """One database file; ``temporary`` takes what does not fit into memory."""

    path: Path
    temporary: Path
    stop: Stop

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
                with self._abandoned_in_time(db):
                    yield db
                    db.commit()
            except BaseException:
                with suppress(duckdb.Error):  # the first error is the one that matters
                    db.rollback()
                raise

    @contextmanager
    def _abandoned_in_time(self, db: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Breaks off what runs in the block once the grace is over; DuckDB knows no limit of time."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(WATCH_SECONDS):
                if not self.stop.seconds_left(COMMIT_SECONDS):
                    db.interrupt()

        watching = threading.Thread(target=watch, name="grace", daemon=True)
        watching.start()
        try:
            yield
        except duckdb.InterruptException:
            raise CommitAbandoned(self.stop.grace.total_seconds()) from None
        finally:
            over.set()
            watching.join()

    @contextmanager
    def _opened(self, patient_until: datetime, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        db = self._connected(patient_until, read_only=read_only)
        try:
            db.execute("SET TimeZone = 'UTC'")
            yield db
        except (duckdb.Error, OSError) as exc:
            raise self._unusable(exc) from None
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
                    raise self._unusable(exc) from None
                holder = _holder(str(exc))
            if utc_now() > patient_until or self.stop.is_set():
                raise WarehouseBusy(str(self.path), time.monotonic() - started, holder)
            if not told:
                until = f"{patient_until.astimezone():%Y-%m-%d %H:%M:%S}"
                LOG.warning("%s is held by %s: waiting until %s at the latest", self.path.name, holder, until)
                told = True
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, no secret

    def _unusable(self, exc: duckdb.Error | OSError) -> SyncError:
        """DuckDB tells a full disk by its words only, among them the path of what it could not write."""
        if FULL.search(str(exc)) or self._temporary_is_full(exc):
            in_temporary = str(self.temporary) in str(exc) or isinstance(exc, duckdb.OutOfMemoryException)
            return DiskFull(str(self.temporary if in_temporary else self.path))
        why = reason_of(exc) if self._is_duckdb() else "it is not a DuckDB file"
        return WarehouseUnusable(f"The file {self.path}", why)

    def has_failed(self, exc: duckdb.Error) -> bool:
        """Whether the database or a disk is what failed, not what was to be written."""
        if isinstance(exc, duckdb.IOException):
            return FULL.search(str(exc)) is not None or NOT_WRITTEN.search(str(exc)) is not None
        return isinstance(exc, duckdb.FatalException | duckdb.InternalException) or self._temporary_is_full(exc)

    def _temporary_is_full(self, exc: BaseException) -> bool:
        """DuckDB allows itself what room it has found there; where that was much, less at once may go through."""
        if not isinstance(exc, duckdb.OutOfMemoryException) or NO_OFFLOAD not in str(exc):
            return False
        try:
            return shutil.disk_usage(self.temporary).free < LITTLE_ROOM
        except OSError:
            return False

    def _is_duckdb(self) -> bool:
        """By its first bytes; DuckDB itself takes files of others for something to be opened with an extension."""
        try:
            with self.path.open("rb") as file:
                return file.read(len(MAGIC) + MAGIC_PLACE).endswith(MAGIC)
        except OSError:
            return True  # what is wrong with it, DuckDB has said

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        make_folder(self.temporary)
        return {**CONFIGURATION, "memory_limit": MEMORY_LIMIT, "temp_directory": str(self.temporary)}

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Hold the file against other daemons: an operating-system lock, free the moment its process dies."""
        make_folder(self.path.parent)
        lock = FileLock(self.path.with_name(self.path.name + ".lock"), thread_local=False)
        note = self.path.with_name(self.path.name + ".holder.json")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WarehouseHeld(told_by(note)) from None
        except OSError as exc:
            raise WarehouseUnusable(f"The folder {self.path.parent}", exc.strerror or type(exc).__name__) from None
        try:
            with full_disk_named(note):
                leave_note(note)
            yield
        finally:
            try:
                note.unlink(missing_ok=True)
            finally:
                lock.release()

    def holder(self) -> str | None:
        """Who holds it; None if nobody does. The lock is looked at only where a note says that somebody may."""
        note = self.path.with_name(self.path.name + ".holder.json")
        if not note.exists():
            return None
        told = told_by(note)
        try:
            with FileLock(self.path.with_name(self.path.name + ".lock"), timeout=0, thread_local=False):
                return None  # the note is of one that was killed
        except Timeout:
            return told
        except OSError as exc:
            raise WarehouseUnusable(f"The folder {self.path.parent}", exc.strerror or type(exc).__name__) from None

    def copy_to(self, target: Path, patient_until: datetime) -> None:
        """A consistent copy, put in place as a whole; readers that have the old one open keep it.

        Where that fails the old copy stays until the next time: what was committed is no worse for it.
        """
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            self._copy(temporary, patient_until)
            let_in_group(temporary)
            temporary.replace(target)  # on Windows it fails as long as somebody has the old copy open
        except (OSError, WarehouseBusy) as exc:
            LOG.warning("%s could not be renewed and stays as it is until the next cycle: %s", target, exc)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def write_anew(self, patient_until: datetime) -> None:
        """After an erasure, which stands already: where somebody keeps the file open it is for another time."""
        try:
            self.checkpoint(patient_until)
        except WarehouseBusy as exc:
            LOG.warning(
                "What was erased is in no table, but %s keeps old blocks with it until it is erased once more: %s",
                self.path, exc,
            )  # fmt: skip

    def checkpoint(self, patient_until: datetime) -> None:
        """Nothing is left in the log beside the file, and what a row was before is in no block that is in use."""
        with self._opened(patient_until, read_only=False) as db:
            db.execute("FORCE CHECKPOINT")

    def _copy(self, temporary: Path, patient_until: datetime) -> None:
        if self.path.with_name(self.path.name + ".wal").exists():
            self.checkpoint(patient_until)
        temporary.parent.mkdir(parents=True, exist_ok=True)
        db = self._connected(patient_until, read_only=True)  # nobody can write while this is open
        try:
            shutil.copyfile(self.path, temporary)
        finally:
            db.close()
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())


def keep_to_owner(file: Path) -> None:
    """Passwords of dialers are in it; for readers there is the copy."""
    with suppress(OSError):  # some file systems know no rights, or it is somebody else's
        file.chmod(0o600)


def let_in_group(file: Path) -> None:
    """The copy is there to be read: by the group of its folder, if that may enter, but not by everybody."""
    keep_to_owner(file)
    folder = file.parent.stat()
    if sys.platform != "win32" and folder.st_mode & GROUP_ENTERS == GROUP_ENTERS:
        with suppress(OSError):  # not a group of ours: then it stays the owner's
            os.chown(file, -1, folder.st_gid)
            file.chmod(0o640)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise WarehouseUnusable(f"The folder {folder}", exc.strerror or type(exc).__name__) from None


def reason_of(exc: BaseException) -> str:
    """The first line of an error, short; where that would quote a value, its kind alone."""
    if isinstance(exc, duckdb.ConversionException):
        return "a value does not fit the type of its column"
    text = str(exc).strip().splitlines()
    return text[0][:300] if text else type(exc).__name__


def _holder(message: str) -> str:
    found = HOLDER.search(message)
    return f"the process {found[1]}" if found else "another process"
