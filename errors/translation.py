"""Translation of errors of libraries and the system into errors of the program."""

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors.warehouses import DiskFull, WarehouseUnusable

NO_MEMORY = re.compile(
    "out of memory|bad_alloc|cannot allocate|failed to map segment|resource temporarily unavailable|start new thread",
    re.IGNORECASE,
)
"""Words of libraries and the system in place of a MemoryError."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_lack_of_memory(exc: BaseException) -> bool:
    """Tell whether an error of any class means a lack of memory or threads."""
    return isinstance(exc, MemoryError) or NO_MEMORY.search(str(exc)) is not None


@contextmanager
def raise_disk_full(place: object) -> Iterator[None]:
    """Raise DiskFull if a write within the block finds no room. Other errors pass."""
    try:
        yield
    except OSError as exc:
        if exc.errno in NO_ROOM:
            raise DiskFull(str(place)) from None
        raise


def build_file_error(exc: BaseException) -> WarehouseUnusable | None:
    """Return the error for a wrong file or folder of this machine. None for anything else."""
    without_locks = isinstance(exc, NotImplementedError) and "flock" in str(exc).lower()
    if without_locks or (isinstance(exc, OSError) and exc.errno in (errno.ENOLCK, errno.ENOTSUP)):
        return WarehouseUnusable("DATA_DIR", "its file system has no locks; a local disk has")
    if isinstance(exc, OSError) and isinstance(exc.filename, str) and exc.strerror:
        return WarehouseUnusable(exc.filename, exc.strerror)
    return None


def redact_error(exc: BaseException) -> str:
    """Describe a program error by its place alone. Its message or a local could hold a secret."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(exc.__traceback__)[-3:]]
    return f"{type(exc).__name__} at {', '.join(reversed(places))}. Please report it with these words."
