"""DATA_DIR: made where it is missing, tried, and for its owner alone, since it holds personal data and keys."""

import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile

from errors import WarehouseUnusable

LOG = logging.getLogger(__name__)

OTHERS = 0o077
"""Rights of group and world; the umask of this program, which its workers inherit."""
OURS = frozenset(
    {
        "accounts", "slots", "spool", "downloads", "temporary", "run.lock", "run.holder.json", "lease-owner",
        "troubles.json", "phone.key", "old-rows-deleted-on", "stage.json",
    }
)  # fmt: skip


def make_folder(folder: Path) -> None:
    """DATA_DIR, in which something can be written.

    Raises:
        WarehouseUnusable: it cannot.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
        if sys.platform != "win32":
            _close(folder)
    except OSError as exc:
        raise WarehouseUnusable(f"DATA_DIR {folder}", exc.strerror or type(exc).__name__) from None


def _is_ours(name: str) -> bool:
    """Files that a kill left half written have names of their own."""
    return name in OURS or ".duckdb" in name or (name.startswith(".") and name.endswith(".tmp"))


def _close(folder: Path) -> None:
    """One that others may enter is closed, unless something lies in it that is none of ours: it may be anybody's."""
    found = folder.stat()
    if not found.st_mode & OTHERS:
        return
    strange = [path.name for path in folder.iterdir() if not _is_ours(path.name)]
    if strange or found.st_uid != os.getuid():
        LOG.warning("DATA_DIR %s can be entered by others, and personal data lies in it: chmod 700 %s", folder, folder)
        return
    folder.chmod(0o700)
    LOG.warning(
        "DATA_DIR %s could be entered by others and is for its owner alone now; for people who read the calls there is"
        " DUCKDB_READ_COPY, in a folder of theirs", folder,
    )  # fmt: skip
