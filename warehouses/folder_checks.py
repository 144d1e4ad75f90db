"""Tries folders that a run writes to, without making them: one that is not there yet is tried where it will be."""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

from errors import WarehouseUnusable

LEAST_FREE_BYTES = 200_000_000


def writable(what: str, folder: Path) -> str:
    """Raises WarehouseUnusable where nothing can be written; what was tried is gone again."""
    nearest = _nearest(folder)
    try:
        with TemporaryFile(dir=nearest):
            pass
    except OSError as exc:
        raise WarehouseUnusable(f"{what} {folder}", exc.strerror or type(exc).__name__) from None
    return f"{folder} can be written to" if nearest == folder else f"{folder} is made by the first run"


def room(*folders: Path, least: int = LEAST_FREE_BYTES) -> str:
    """Free space of the fullest disk among them; raises WarehouseUnusable below ``least`` bytes."""
    free, folder = min((shutil.disk_usage(_nearest(folder)).free, folder) for folder in folders)
    if free < least:
        raise WarehouseUnusable(f"The disk of {folder}", f"only {free / 1e6:,.0f} MB are free")
    return f"{free / 1e6:,.0f} MB on the disk of {folder}"


def _nearest(folder: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)
