"""What every command begins and ends with: settings, log, signals, an open warehouse, the summary, the exit code."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from filelock import FileLock, Timeout

import logs
from campaign_processor import redacted
from commands.folders import make_folder
from commands.runs import RunResult
from commands.summaries import marks, summary
from config import Settings
from database import Warehouse, open_warehouse
from errors import ConfigError, SyncError, WarehouseError, WarehouseHeld, full_disk_named
from holders import leave_note, told_by
from spools.files import remove_leftovers
from stops import EXIT_SECONDS, Stop
from utils import plural

LOG = logging.getLogger(__name__)

EXIT_CODES = """\b
Exit codes:
  0    all well (also with records in quarantine)
  1    some client or campaign failed, a window is still suspect, or a row names the wrong time zone; what was read
       is committed
  2    configuration, missing rights on the warehouse, or no campaigns found
  3    warehouse or DATA_DIR unusable
  4    another daemon holds this warehouse
  130  interrupted by Ctrl+C
  143  ended by SIGTERM"""
SAYING_SECONDS = 0.5
"""For a last line whose reader may never take it."""
ALL_WELL, SOME_FAILED, CONFIGURATION, UNUSABLE, HELD = range(5)
SIGNALS = {int(signal.SIGINT): 128 + signal.SIGINT, int(signal.SIGTERM): 128 + signal.SIGTERM}
if sys.platform == "win32":
    SIGNALS[int(signal.SIGBREAK)] = (
        128 + signal.SIGTERM
    )  # Ctrl+Break, a closed window, a shutdown: no SIGTERM comes there


class Session:
    """What a command sees of the world: only here are environment and signals looked at."""

    def __init__(self) -> None:
        self.stop = Stop()
        self._code = 0
        self._announcing: threading.Thread | None = None

    def settings(self) -> Settings:
        """Read the settings, begin to log, and take Ctrl+C and SIGTERM as a wish to end in order."""
        settings = Settings.from_env(os.environ)
        for name, text in settings.others.items():
            with suppress(ValueError, OSError):  # a name or text that no environment takes
                os.environ.setdefault(name, text)  # where a row's password env:NAME is looked up
        self.take_signals(settings)
        return settings

    def take_signals(self, settings: Settings) -> None:
        """In a thread of its own: Python runs a handler only between two steps, and a large commit is one long step."""
        logs.set_up(settings.log_level)
        self.stop.grace = settings.shutdown_grace
        heard, told = socket.socketpair()
        told.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, _leave_it_to_the_thread)
        signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(heard,), name="signals", daemon=True).start()

    def _listen(self, heard: socket.socket) -> None:
        """What is committed is whole at any moment and the rest is read again, so that the process may end at any."""
        while True:
            code = SIGNALS[heard.recv(1)[0]]
            if self._code:
                os._exit(code)  # asked twice
            self._announcing = _say(
                logging.WARNING,
                "Stopping: nothing new is started, finished campaigns are committed; once more ends at once",
            )
            self._code = code
            self.stop.set()
            threading.Thread(target=self._end_in_time, name="last resort", daemon=True).start()

    def _end_in_time(self) -> None:
        threading.Event().wait(self.stop.seconds_left(EXIT_SECONDS))
        _say(logging.ERROR, "Ended in the middle of what would not end; what was not committed is read again").join(
            SAYING_SECONDS
        )
        os._exit(self._code)

    def end_if_asked(self) -> None:
        """With a last line; all is given back by now, and taking the interpreter apart can cost seconds."""
        if self._code:
            self.stop.wait()  # a signal that is being taken at this very moment
            if self._announcing:
                self._announcing.join(SAYING_SECONDS)
            _say(logging.INFO, f"Stopped, {self.stop.seconds_since:.1f} seconds after it was asked to").join(
                SAYING_SECONDS
            )
            os._exit(self._code)

    @property
    def interrupted_code(self) -> int | None:
        return self._code or None

    def exit(self, run: RunResult | None = None) -> NoReturn:
        if self.interrupted_code:
            sys.exit(self.interrupted_code)
        sys.exit(ALL_WELL if run is None or run.all_well else SOME_FAILED)


def _say(level: int, text: str) -> threading.Thread:
    """In a thread of its own, since who reads may stand still: whoever writes then waits, and the log with it."""

    def say() -> None:
        if "--json" in sys.argv:  # stdout is for one object
            click.echo(text, err=True)
        else:
            LOG.log(level, "%s", text)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()

    saying = threading.Thread(target=say, name="last words", daemon=True)
    saying.start()
    return saying


def _leave_it_to_the_thread(_number: int, _frame: FrameType | None) -> None:
    """Without any handler, no signal would be written to the wakeup descriptor."""


@contextmanager
def warehouse_for_writing(settings: Settings, stop: Stop) -> Iterator[Warehouse]:
    """The warehouse with its tables in place, held against other daemons."""
    for line in settings.lines() if settings.origins else ():
        LOG.info("%s", line)
    make_folder(settings.data_dir)
    warehouse = open_warehouse(settings, stop)
    with _data_dir_alone(settings.data_dir, settings.duckdb_read_copy), warehouse.lease():
        warehouse.prepare()
        yield warehouse


@contextmanager
def _data_dir_alone(data_dir: Path, copy: Path | None) -> Iterator[None]:
    """Cleared up, and held: two runs with different warehouses would take each other's spool for leftovers."""
    lock, note = FileLock(data_dir / "run.lock", thread_local=False), data_dir / "run.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WarehouseHeld(f"{told_by(note)}, in the same DATA_DIR {data_dir}") from None
    try:
        _clear_up(data_dir, copy)
        with full_disk_named(data_dir):
            leave_note(note)
        yield
    finally:
        try:
            note.unlink(missing_ok=True)
        finally:
            lock.release()


def _clear_up(data_dir: Path, copy: Path | None) -> None:
    """Before anything is written: what a killed run left may be what has filled the disk."""
    leftovers = remove_leftovers(data_dir, copy)
    if leftovers:
        what = plural(leftovers, "file")
        LOG.info("Removed %s that a run left behind; what it had not committed is read again", what)


def show(run: RunResult) -> None:
    tick, cross = marks()
    click.echo(summary(run, tick=tick, cross=cross))


def show_unforeseen(exc: Exception) -> None:
    click.echo(f"Error: {redacted(exc)}", err=True)


def exit_code_of(error: SyncError) -> int:
    if isinstance(error, WarehouseHeld):
        return HELD
    if isinstance(error, WarehouseError):
        return UNUSABLE
    return CONFIGURATION if isinstance(error, ConfigError) else SOME_FAILED
