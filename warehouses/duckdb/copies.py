"""Copies and checkpoints of a DuckDB file."""

import logging
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from errors import WarehouseBusy
from warehouses.duckdb.file_rights import let_in_group
from warehouses.duckdb.files import DuckDBFile

LOG = logging.getLogger(__name__)


def copy_file(file: DuckDBFile, target: Path, patient_until: datetime) -> None:
    """Put a consistent copy in place as a whole. Readers of the old copy keep it.

    If this fails, the old copy stays until the next time. It takes nothing from the commits.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        _copy(file, temporary, patient_until)
        let_in_group(temporary)
        temporary.replace(target)  # on Windows it fails as long as somebody has the old copy open
    except (OSError, WarehouseBusy) as exc:
        LOG.warning("%s could not be renewed and stays as it is until the next cycle: %s", target, exc)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def purge_old_blocks(file: DuckDBFile, patient_until: datetime) -> None:
    """Write changed rows anew after an erasure, which is committed already. Warn if another process has the file."""
    try:
        checkpoint(file, patient_until)
    except WarehouseBusy as exc:
        LOG.warning(
            "What was erased is in no table, but %s keeps old blocks with it until it is erased once more: %s",
            file.path, exc,
        )  # fmt: skip


def checkpoint(file: DuckDBFile, patient_until: datetime) -> None:
    """Empty the log beside the file, and free the blocks of former rows."""
    with file.open(patient_until, read_only=False) as db:
        db.execute("FORCE CHECKPOINT")


def _copy(file: DuckDBFile, temporary: Path, patient_until: datetime) -> None:
    if file.path.with_name(file.path.name + ".wal").exists():
        checkpoint(file, patient_until)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    db = file.connect(patient_until, read_only=True)  # nobody can write while this is open
    try:
        shutil.copyfile(file.path, temporary)
    finally:
        db.close()
    with temporary.open("rb+") as copy:
        os.fsync(copy.fileno())
