"""Rights of the files and folders of a DuckDB warehouse."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from errors import WarehouseUnusable

GROUP_ENTERS = 0o050


def keep_to_owner(file: Path) -> None:
    """Let nobody but the owner read a file, since it holds passwords of dialers. Others read the copy."""
    with suppress(OSError):  # some file systems know no rights, or it is somebody else's
        file.chmod(0o600)


def let_in_group(file: Path) -> None:
    """Let the group of its folder read a file, if the group may enter the folder. Keep everybody else out."""
    keep_to_owner(file)
    folder = file.parent.stat()
    if sys.platform != "win32" and folder.st_mode & GROUP_ENTERS == GROUP_ENTERS:
        with suppress(OSError):  # not a group of ours: then it stays the owner's
            os.chown(file, -1, folder.st_gid)
            file.chmod(0o640)


def make_folder(folder: Path) -> None:
    """Make a folder with its parents. Raise WarehouseUnusable if this fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise WarehouseUnusable(f"The folder {folder}", exc.strerror or type(exc).__name__) from None
