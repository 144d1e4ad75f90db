"""Files of the spool: written and sealed by a worker, recovered after its death, and removed.

A file is written under a temporary name, synced and renamed. A window counts only when its seal is there. The seal
names all its files, so a worker may die at any moment.
"""

import logging
import os
import shutil
import stat
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from errors import raise_disk_full
from messages import CampaignJob, SealedWindow, SpoolFile
from tables import QUARANTINE_COLUMNS, arrow_schema, spool_columns
from utils import write_durably

LOG = logging.getLogger(__name__)

FEW_VALUES = [
    "client_id", "client_name", "campaign", "direction", "call_date", "status", "status_name", "ingroup",
    "dialer_campaign", "agent", "agent_name", "user_group", "term_reason", "list_id", "server_ip", "hangup_cause",
    "dialstatus", "cpd_result", "did_pattern", "did_id", "did_description", "source_report", "source_key",
]  # fmt: skip
"""Columns worth a dictionary. For the others it costs time and saves nothing."""

WRITTEN_SECONDS = 60
"""A file without a change for this long is not being written."""


def spool_directory(data_dir: Path, run_id: str) -> Path:
    return data_dir / "spool" / run_id


class WindowSpool:
    """Files of one window. ``name`` is unique in its run and usable as a file name."""

    def __init__(self, directory: Path, name: str, *, lead_fields: bool) -> None:
        with raise_disk_full(directory.parent):
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._name = name
        self._calls_schema = arrow_schema(spool_columns(lead_fields=lead_fields))
        self._quarantine_schema = arrow_schema(QUARANTINE_COLUMNS)
        self.call_files: list[SpoolFile] = []
        self.quarantine_files: list[SpoolFile] = []

    def write_calls(self, tables: list[pa.Table]) -> None:
        """Write one file with the rows of some chunks. None if they are empty."""
        self.call_files += self._write("calls", len(self.call_files), tables, self._calls_schema)

    def write_quarantine(self, records: list[Mapping[str, Any]]) -> None:
        """Write one file with rows of QUARANTINE_COLUMNS. None if there are no rows."""
        table = pa.Table.from_pylist(records, self._quarantine_schema)
        self.quarantine_files += self._write("quarantine", len(self.quarantine_files), [table], table.schema)

    def _write(self, kind: str, number: int, tables: list[pa.Table], schema: pa.Schema) -> list[SpoolFile]:
        tables = [table.select(schema.names).cast(schema) for table in tables if table.num_rows]
        if not tables:
            return []
        path = self._directory / f"{self._name}-{kind}-{number}.parquet"
        temporary = path.with_suffix(".tmp")
        table = pa.concat_tables(tables)
        with raise_disk_full(self._directory.parent), temporary.open("wb") as file:
            pq.write_table(
                table,
                file,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in FEW_VALUES if name in schema.names],
                write_statistics=False,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        return [SpoolFile(path=str(path), rows=table.num_rows)]

    def discard(self) -> None:
        """Remove the files. A better answer takes their place."""
        for file in (*self.call_files, *self.quarantine_files):
            Path(file.path).unlink(missing_ok=True)

    def seal(self, window: SealedWindow) -> None:
        """Write the seal. The window is ready to be committed, even if this process dies now."""
        with raise_disk_full(self._directory.parent):
            write_durably(self._directory / f"{self._name}.sealed", msgspec.json.encode(window))


def recover_windows(data_dir: Path, job: CampaignJob) -> tuple[SealedWindow, ...]:
    """Return the windows of a job sealed by its worker before it ended."""
    folder = spool_directory(data_dir, job.run_id)
    if any(others_can_write(each) for each in (data_dir, folder.parent, folder)):
        LOG.warning("%s can be changed by other users: its sealed windows are read again", folder)
        return ()
    found = (_read_seal(path) for path in sorted(folder.glob(f"{job.job_id}-*.sealed")))
    return tuple(window for window in found if window is not None)


def others_can_write(folder: Path) -> bool:
    """Tell whether another user than this one and the administrator could put a file into an existing folder."""
    if sys.platform == "win32" or not folder.exists():
        return False  # Windows: a folder below the user's own has its rights
    found = folder.stat()
    return bool(found.st_mode & stat.S_IWOTH) or found.st_uid not in (os.getuid(), 0)


def _read_seal(path: Path) -> SealedWindow | None:
    """Read a seal. None if it is damaged or names files of another folder."""
    try:
        window = msgspec.json.decode(path.read_bytes(), type=SealedWindow)
    except (OSError, msgspec.MsgspecError) as exc:
        LOG.warning("%s cannot be read (%s): its window is read again", path, type(exc).__name__)
        return None
    folders = {Path(file.path).parent for file in (*window.call_files, *window.quarantine_files)}
    if folders - {path.parent}:
        LOG.warning("%s names files of another folder: its window is read again", path)
        return None
    return window


def remove_files(windows: tuple[SealedWindow, ...]) -> None:
    """Remove the files of committed windows."""
    for window in windows:
        for file in (*window.call_files, *window.quarantine_files):
            Path(file.path).unlink(missing_ok=True)


def remove_run(data_dir: Path, run_id: str) -> None:
    """Remove all files of a run. The next run reads uncommitted windows again."""
    shutil.rmtree(spool_directory(data_dir, run_id), ignore_errors=True)
    for download in (data_dir / "downloads").glob(f"{run_id}-*"):
        with suppress(OSError):
            download.unlink()


def remove_leftovers(data_dir: Path, copy: Path | None = None) -> int:
    """Remove the files of runs without a proper end, and return their number.

    Args:
        copy: the copy of the warehouse for readers. Half of one may lie beside it.
    """
    count = 0
    for folder in (data_dir / "spool", data_dir / "downloads", data_dir / "temporary"):
        count += sum(1 for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
        shutil.rmtree(folder, ignore_errors=True)
    halves = [path for folder in (data_dir, data_dir / "accounts") for path in folder.glob(".*.tmp")]
    if copy is not None:
        halves.append(copy.with_name(f".{copy.name}.tmp"))
    return count + sum(map(_remove_half, halves))


def _remove_half(half: Path) -> bool:
    """Remove the file of a killed write. A fresh one may be under way, because a check runs meanwhile."""
    with suppress(OSError):
        if time.time() - half.stat().st_mtime > WRITTEN_SECONDS:
            half.unlink()
            return True
    return False
