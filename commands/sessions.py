"""What every command begins and ends with: settings, log, signals, an open warehouse, the summary, the exit code."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import NoReturn

import click
from filelock import FileLock, Timeout

import logs
from commands.runs import RunResult
from commands.summaries import marks, summary
from config import Settings
from database import Warehouse, open_warehouse
from errors import ConfigError, SyncError, WarehouseError, WarehouseHeld, WarehouseUnusable
from holders import leave_note, told_by
from spools.files import remove_leftovers

LOG = logging.getLogger(__name__)

EXIT_CODES = """\b
Exit codes:
  0    all well (also with records in quarantine)
  1    some client or campaign failed, or a window is still suspect; the others are committed
  2    configuration, missing rights on the warehouse, or no campaigns found
  3    warehouse or DATA_DIR unusable
  4    another daemon holds this warehouse
  130  interrupted by Ctrl+C
  143  ended by SIGTERM"""
ALL_WELL, SOME_FAILED, CONFIGURATION, UNUSABLE, HELD = range(5)


class Session:
    """What a command sees of the world: only here are environment and signals looked at."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._signal = 0

    def settings(self) -> Settings:
        """Read the settings, begin to log, and take Ctrl+C and SIGTERM as a wish to end in order."""
        settings = Settings.from_env(os.environ)
        self.take_signals(settings)
        return settings

    def take_signals(self, settings: Settings) -> None:
        logs.set_up(settings.log_level)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, number: int, _: FrameType | None) -> None:
        if self._signal:
            os._exit(128 + number)  # asked twice: at once; what is committed is whole, the rest is read again
        self._signal = number
        self.stop.set()
        LOG.warning("Stopping: nothing new is started, finished campaigns are committed; once more ends at once")

    @property
    def interrupted_code(self) -> int | None:
        return 128 + self._signal if self._signal else None

    def exit(self, run: RunResult | None = None) -> NoReturn:
        if self.interrupted_code:
            sys.exit(self.interrupted_code)
        sys.exit(ALL_WELL if run is None or run.all_well else SOME_FAILED)


@contextmanager
def warehouse_for_writing(settings: Settings, stop: threading.Event) -> Iterator[Warehouse]:
    """The warehouse with its tables in place, held against other daemons."""
    for line in settings.lines() if settings.origins else ():
        LOG.info("%s", line)
    make_folder(settings.data_dir)
    warehouse = open_warehouse(settings, stop.is_set)
    with _data_dir_alone(settings.data_dir), warehouse.lease():
        leftovers = remove_leftovers(settings.data_dir)
        if leftovers:
            LOG.info("Removed %s that a run left behind; what it had not committed is read again", leftovers)
        warehouse.prepare()
        yield warehouse


@contextmanager
def _data_dir_alone(data_dir: Path) -> Iterator[None]:
    """Two runs with different warehouses would take each other's spool for leftovers."""
    lock, note = FileLock(data_dir / "run.lock", thread_local=False), data_dir / "run.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WarehouseHeld(f"{told_by(note)}, in the same DATA_DIR {data_dir}") from None
    try:
        leave_note(note)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def make_folder(folder: Path) -> None:
    """For the owner alone: what lies there on its way holds personal data."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise WarehouseUnusable(f"DATA_DIR {folder}", exc.strerror or type(exc).__name__) from None


def show(run: RunResult) -> None:
    tick, cross = marks()
    click.echo(summary(run, tick=tick, cross=cross))


def exit_code_of(error: SyncError) -> int:
    if isinstance(error, WarehouseHeld):
        return HELD
    if isinstance(error, WarehouseError):
        return UNUSABLE
    return CONFIGURATION if isinstance(error, ConfigError) else SOME_FAILED
