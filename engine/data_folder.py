"""DATA_DIR: made where it is missing, and closed to others, since it holds personal data and keys."""

import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile

from errors import WarehouseUnusable
from spool.files import others_can_write

LOG = logging.getLogger(__name__)

GROUP_AND_WORLD = 0o077
"""Rights of group and world. This is the umask of the program, and its workers inherit it."""
OURS = frozenset(
    {
        "accounts", "slots", "spool", "downloads", "temporary", "choices", "sizes", "hosts", "run.lock",
        "run.holder.json", "lease-owner", "short-of-memory.json", "phone.key", "old-rows-deleted-on", "stage.json",
    }
)  # fmt: skip


def prepare_data_dir(folder: Path) -> None:
    """Make DATA_DIR if it is missing, and try to write a file into it.

    Raises:
        WarehouseUnusable: nothing can be written there.
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
    """Tell whether a file is one of this program, also one that a kill left half written."""
    return name in OURS or ".duckdb" in name or (name.startswith(".") and name.endswith(".tmp"))


def _close(folder: Path) -> None:
    """Close a folder to others, unless a foreign file lies in it: then it may be anybody's."""
    found = folder.stat()
    if not found.st_mode & GROUP_AND_WORLD:
        return
    strange = [path.name for path in folder.iterdir() if not _is_ours(path.name)]
    if strange or found.st_uid != os.getuid():
        LOG.warning("DATA_DIR %s can be entered by others, and personal data lies in it: chmod 700 %s", folder, folder)
        if others_can_write(folder):
            LOG.warning("What a worker leaves there when it dies is not used: others could have put it there")
        return
    folder.chmod(0o700)
    LOG.warning(
        "DATA_DIR %s could be entered by others and is for its owner alone now; for people who read the calls there is"
        " DUCKDB_READ_COPY, in a folder of theirs", folder,
    )  # fmt: skip
