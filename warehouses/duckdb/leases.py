"""The lease of a DuckDB file: an operating-system lock, free the moment its process dies."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from errors import WarehouseHeld, WarehouseUnusable, raise_disk_full
from lock_owners import read_owner, write_owner
from warehouses.duckdb.file_rights import make_folder

LOG = logging.getLogger(__name__)


class DuckDBLease:
    """A lock beside the file, and a note that names its owner."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lease while the block runs. Raise WarehouseHeld at once if another process holds it."""
        make_folder(self._file.parent)
        self._warn_of_hard_links()
        lock = FileLock(self._beside(".lock"), thread_local=False)
        note = self._beside(".holder.json")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WarehouseHeld(read_owner(note)) from None
        except OSError as exc:
            raise self._build_error(exc) from None
        try:
            with raise_disk_full(note):
                write_owner(note)
            yield
        finally:
            try:
                note.unlink(missing_ok=True)
            finally:
                lock.release()

    def holder(self) -> str | None:
        """Return the holder, or None. The lock is tried only if there is a note."""
        note = self._beside(".holder.json")
        if not note.exists():
            return None
        holder = read_owner(note)
        try:
            with FileLock(self._beside(".lock"), timeout=0, thread_local=False):
                return None  # the note is of a process that was killed
        except Timeout:
            return holder
        except OSError as exc:
            raise self._build_error(exc) from None

    def _beside(self, ending: str) -> Path:
        """Return a path beside the DuckDB file itself, whatever link names it."""
        real = self._file.resolve()
        return real.with_name(real.name + ending)

    def _warn_of_hard_links(self) -> None:
        """Warn of further names that no lock can know, such as those of a backup made of hard links."""
        names = self._file.stat().st_nlink if self._file.exists() else 1
        if names > 1:
            LOG.warning(
                "%s has %d names (hard links). A program that uses another of them is not noticed, and a backup made"
                " by linking changes with the file: copy the file instead", self._file, names,
            )  # fmt: skip

    def _build_error(self, exc: OSError) -> WarehouseUnusable:
        return WarehouseUnusable(f"The folder {self._file.parent}", exc.strerror or type(exc).__name__)
