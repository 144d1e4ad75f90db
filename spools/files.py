"""Writes the spool of one window, seals it, and finds what was sealed by a worker that is gone.

A file is written under a temporary name, synced and renamed; a window counts only when its seal, which names all its
files, is there. So a worker may die at any moment.
"""

import os
import pickle
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from errors import full_disk_named
from frames import Frame
from messages import CampaignJob, SealedWindow, SpoolFile
from tables import QUARANTINE_COLUMNS, arrow_schema, spooled_columns
from utils import write_durably

FEW_VALUES = [
    "client_id", "client_name", "campaign", "direction", "call_date", "status", "status_name", "ingroup",
    "dialer_campaign", "agent", "agent_name", "user_group", "term_reason", "list_id", "source_report", "source_key",
]  # fmt: skip
"""Columns worth a dictionary; for the others it costs time and saves nothing."""

WRITTEN_SECONDS = 60
"""No file is written for as long without a change of it."""


def spool_directory(data_dir: Path, run_id: str) -> Path:
    return data_dir / "spool" / run_id


class WindowSpool:
    """The files of one window. ``name`` is unique in its run and usable as a file name."""

    def __init__(self, directory: Path, name: str, *, lead_fields: bool) -> None:
        with full_disk_named(directory.parent):
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._name = name
        self._calls_schema = arrow_schema(spooled_columns(lead_fields=lead_fields))
        self._quarantine_schema = arrow_schema(QUARANTINE_COLUMNS)
        self.call_files: list[SpoolFile] = []
        self.quarantine_files: list[SpoolFile] = []

    def write_calls(self, frames: list[Frame]) -> None:
        """One file from the frames of some chunks; none if they are empty."""
        self.call_files += self._write("calls", len(self.call_files), frames, self._calls_schema)

    def write_quarantine(self, frames: list[Frame]) -> None:
        self.quarantine_files += self._write("quarantine", len(self.quarantine_files), frames, self._quarantine_schema)

    def _write(self, kind: str, number: int, frames: list[Frame], schema: pa.Schema) -> list[SpoolFile]:
        tables = [pa.Table.from_pandas(frame, schema=schema, preserve_index=False) for frame in frames if len(frame)]
        if not tables:
            return []
        path = self._directory / f"{self._name}-{kind}-{number}.parquet"
        temporary = path.with_suffix(".tmp")
        table = pa.concat_tables(tables)
        with full_disk_named(self._directory.parent), temporary.open("wb") as file:
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
        """Remove what was written; a better answer takes its place."""
        for file in (*self.call_files, *self.quarantine_files):
            Path(file.path).unlink(missing_ok=True)

    def seal(self, window: SealedWindow) -> None:
        """From here on the window is ready to be committed, whatever becomes of this process."""
        with full_disk_named(self._directory.parent):
            write_durably(self._directory / f"{self._name}.sealed", pickle.dumps(window))


def recovered(data_dir: Path, job: CampaignJob) -> tuple[SealedWindow, ...]:
    """The windows of a job that its worker had sealed before it ended."""
    found = sorted(spool_directory(data_dir, job.run_id).glob(f"{job.job_id}-*.sealed"))
    return tuple(pickle.loads(path.read_bytes()) for path in found)  # noqa: S301 - our own file, owner's folder


def remove_files(windows: tuple[SealedWindow, ...]) -> None:
    """After their commit the files of these windows are of no use."""
    for window in windows:
        for file in (*window.call_files, *window.quarantine_files):
            Path(file.path).unlink(missing_ok=True)


def remove_run(data_dir: Path, run_id: str) -> None:
    """At the end of a run: what was not committed is read again by the next one, and what a killed worker left, too."""
    shutil.rmtree(spool_directory(data_dir, run_id), ignore_errors=True)
    for download in (data_dir / "downloads").glob(f"{run_id}-*"):
        with suppress(OSError):
            download.unlink()


def remove_leftovers(data_dir: Path, copy: Path | None = None) -> int:
    """At start: files of runs that ended without cleaning up; how many there were.

    Args:
        copy: for readers; half of one may lie beside it.
    """
    count = 0
    for folder in (data_dir / "spool", data_dir / "downloads", data_dir / "temporary"):
        count += sum(1 for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
        shutil.rmtree(folder, ignore_errors=True)
    halves = [path for folder in (data_dir, data_dir / "accounts") for path in folder.glob(".*.tmp")]
    if copy is not None:
        halves.append(copy.with_name(f".{copy.name}.tmp"))
    return count + sum(map(_removed, halves))


def _removed(half: Path) -> bool:
    """Of a write that a kill ended; a fresh one may be under way, as a check notes things in DATA_DIR meanwhile."""
    with suppress(OSError):
        if time.time() - half.stat().st_mtime > WRITTEN_SECONDS:
            half.unlink()
            return True
    return False
