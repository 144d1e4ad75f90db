"""Checks of the folders that a run writes to. A missing folder is not made, but tried at its nearest parent."""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from errors import WarehouseUnusable

LEAST_FREE_BYTES = 200_000_000


def check_writable(name: str, folder: Path) -> str:
    """Write and remove a file. Raise WarehouseUnusable if this fails. ``name`` stands for the folder in the message."""
    nearest = _nearest(folder)
    try:
        with TemporaryFile(dir=nearest):
            pass
    except OSError as exc:
        raise WarehouseUnusable(f"{name} {folder}", exc.strerror or type(exc).__name__) from None
    return f"{folder} can be written to" if nearest == folder else f"{folder} is made by the first run"


def check_free_space(*folders: Path, least: int = LEAST_FREE_BYTES) -> str:
    """Report the free space of the fullest disk among them. Raise WarehouseUnusable below ``least`` bytes."""
    free, folder = min((shutil.disk_usage(_nearest(folder)).free, folder) for folder in folders)
    if free < least:
        raise WarehouseUnusable(f"The disk of {folder}", f"only {free / 1e6:,.0f} MB are free")
    return f"{free / 1e6:,.0f} MB on the disk of {folder}"


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or its nearest parent that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)
