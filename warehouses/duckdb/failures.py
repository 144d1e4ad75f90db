"""Failures of a DuckDB file, told apart by DuckDB's own words."""

import re
import shutil
from pathlib import Path

import duckdb

from errors import DiskFull, SyncError, WarehouseUnusable

LOCKED = re.compile(
    r"could not set lock|conflicting lock|sharing violation|being used by another process", re.IGNORECASE
)
HOLDER = re.compile(r"\(PID (\d+)\)")
FULL = re.compile(r"no space left|not enough space|disk quota|file too large", re.IGNORECASE)
NOT_WRITTEN = re.compile(r"could not (write|fsync|truncate)", re.IGNORECASE)
NO_OFFLOAD, LITTLE_ROOM = "failed to offload data block", 256 << 20
MAGIC, MAGIC_PLACE = b"DUCK", 8
LONGEST_REASON = 300


def build_error(exc: duckdb.Error | OSError, file: Path, temporary: Path) -> SyncError:
    """Build the error for the operator. A full disk is recognised by the words alone, and so is its path."""
    if FULL.search(str(exc)) or _is_temporary_full(exc, temporary):
        in_temporary = str(temporary) in str(exc) or isinstance(exc, duckdb.OutOfMemoryException)
        return DiskFull(str(temporary if in_temporary else file))
    why = reason_of(exc) if _is_duckdb(file) else "it is not a DuckDB file"
    return WarehouseUnusable(f"The file {file}", why)


def is_of_storage(exc: duckdb.Error, temporary: Path) -> bool:
    """Return True if the database or a disk failed, not the rows to be written."""
    if isinstance(exc, duckdb.IOException):
        return FULL.search(str(exc)) is not None or NOT_WRITTEN.search(str(exc)) is not None
    return isinstance(exc, duckdb.FatalException | duckdb.InternalException) or _is_temporary_full(exc, temporary)


def reason_of(exc: BaseException) -> str:
    """Return the first line of an error, or only its kind if the line would quote a value."""
    if isinstance(exc, duckdb.ConversionException):
        return "a value does not fit the type of its column"
    text = str(exc).strip().splitlines()
    return text[0][:LONGEST_REASON] if text else type(exc).__name__


def holder_of(message: str) -> str:
    """Return the process that DuckDB names as the holder of the file."""
    found = HOLDER.search(message)
    return f"the process {found[1]}" if found else "another process"


def _is_temporary_full(exc: BaseException, temporary: Path) -> bool:
    """Return True if DuckDB could not swap for lack of room. With much room left, a smaller batch may go through."""
    if not isinstance(exc, duckdb.OutOfMemoryException) or NO_OFFLOAD not in str(exc):
        return False
    try:
        return shutil.disk_usage(temporary).free < LITTLE_ROOM
    except OSError:
        return False


def _is_duckdb(path: Path) -> bool:
    """Return True for a DuckDB file by its first bytes. DuckDB itself tries to open other files by an extension."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC) + MAGIC_PLACE).endswith(MAGIC)
    except OSError:
        return True  # DuckDB has named the reason already
