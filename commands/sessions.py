"""The start and end of every command: settings, log, signals, an open warehouse, the summary, the exit code."""

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
from commands.exit_codes import ALL_WELL, SOME_FAILED
from commands.output import marks, summary
from config import Settings
from database import Warehouse, open_warehouse
from engine.data_folder import prepare_data_dir
from engine.run_results import RunResult
from errors import WarehouseHeld, raise_disk_full, redact_error
from lock_owners import read_owner, write_owner
from shutdown import EXIT_SECONDS, Stop
from spool.files import remove_leftovers
from utils import plural

LOG = logging.getLogger(__name__)

SAYING_SECONDS = 0.5
"""Time for a last line: its reader may never take it."""
SIGNALS = {int(signal.SIGINT): 128 + signal.SIGINT, int(signal.SIGTERM): 128 + signal.SIGTERM}
if sys.platform == "win32":
    SIGNALS[int(signal.SIGBREAK)] = (
        128 + signal.SIGTERM
    )  # Ctrl+Break, a closed window, a shutdown: no SIGTERM comes there


class Session:
    """The environment and the signals of a command. No other place looks at them."""

    def __init__(self) -> None:
        self.stop = Stop()
        self._code = 0
        self._announcing: threading.Thread | None = None

    def begin(self) -> Settings:
        """Read the settings, set up the log, and let Ctrl+C and SIGTERM stop the command in order."""
        settings = Settings.from_env(os.environ)
        for name, text in settings.others.items():
            with suppress(ValueError, OSError):  # a name or text that no environment takes
                os.environ.setdefault(name, text)  # where a row's password env:NAME is looked up
        self.take_signals(settings)
        return settings

    def take_signals(self, settings: Settings) -> None:
        """Listen to signals in a thread of its own.

        Python runs a signal handler only between two steps, and a large commit is one long step.
        """
        logs.set_up(settings.log_level)
        self.stop.grace = settings.shutdown_grace
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, _ignore_in_main_thread)
        signal.set_wakeup_fd(sender.detach(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(receiver,), name="signals", daemon=True).start()

    def _listen(self, receiver: socket.socket) -> None:
        """Stop at the first signal, and end the process at the second.

        It may end at any moment: a commit is whole or did not happen, and the rest is read again.
        """
        while True:
            code = SIGNALS[receiver.recv(1)[0]]
            if self._code:
                os._exit(code)  # asked twice
            self._announcing = _log_aside(
                logging.WARNING,
                "Stopping: nothing new is started, finished campaigns are committed. A second Ctrl+C or SIGTERM ends it"
                " at once",
            )
            self._code = code
            self.stop.set()
            threading.Thread(target=self._force_exit_in_time, name="last resort", daemon=True).start()

    def _force_exit_in_time(self) -> None:
        threading.Event().wait(self.stop.seconds_left(EXIT_SECONDS))
        _log_aside(
            logging.ERROR, "Ended in the middle of what would not end; what was not committed is read again"
        ).join(SAYING_SECONDS)
        os._exit(self._code)

    def exit_if_interrupted(self) -> None:
        """End an interrupted process at once, after a last line.

        Locks are released by now, and taking the interpreter apart can cost seconds.
        """
        if self._code:
            self.stop.wait()  # a signal that is being taken at this very moment
            if self._announcing:
                self._announcing.join(SAYING_SECONDS)
            _log_aside(logging.INFO, f"Stopped, {self.stop.seconds_since:.1f} seconds after it was asked to").join(
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


def _log_aside(level: int, text: str) -> threading.Thread:
    """Log in a thread of its own. A reader that stands still makes its writers wait, and the log with them."""

    def say() -> None:
        if "--json" in sys.argv or sys.argv[1:2] == ["calls"]:  # stdout is for one object, or for calls
            click.echo(text, err=True)
        else:
            LOG.log(level, "%s", text)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()

    saying = threading.Thread(target=say, name="last words", daemon=True)
    saying.start()
    return saying


def _ignore_in_main_thread(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. Signals without a handler are not written to the wakeup descriptor."""


@contextmanager
def warehouse_for_writing(settings: Settings, stop: Stop) -> Iterator[Warehouse]:
    """Open the warehouse, hold it against other daemons, and make or migrate its tables."""
    for line in settings.lines() if settings.origins else ():
        LOG.info("%s", line)
    prepare_data_dir(settings.data_dir)
    warehouse = open_warehouse(settings, stop)
    with _lock_data_dir(settings.data_dir, settings.duckdb_read_copy), warehouse.lease():
        warehouse.prepare()
        yield warehouse


@contextmanager
def _lock_data_dir(data_dir: Path, copy: Path | None) -> Iterator[None]:
    """Hold DATA_DIR and remove leftovers.

    Two runs with different warehouses would take each other's spool for leftovers.
    """
    lock, note = FileLock(data_dir / "run.lock", thread_local=False), data_dir / "run.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WarehouseHeld(f"{read_owner(note)}, in the same DATA_DIR {data_dir}") from None
    try:
        _remove_leftovers(data_dir, copy)
        with raise_disk_full(data_dir):
            write_owner(note)
        yield
    finally:
        try:
            note.unlink(missing_ok=True)
        finally:
            lock.release()


def _remove_leftovers(data_dir: Path, copy: Path | None) -> None:
    """Remove the files of a killed run, before anything is written. They may have filled the disk."""
    leftovers = remove_leftovers(data_dir, copy)
    if leftovers:
        what = plural(leftovers, "file")
        LOG.info("Removed %s that a run left behind; what it had not committed is read again", what)


def show(run: RunResult) -> None:
    """Print the summary. A failure to print it changes nothing of the run."""
    tick, cross = marks()
    with suppress(OSError, ValueError):  # a pipe whose reader is gone, a full disk, a closed terminal
        click.echo(summary(run, tick=tick, cross=cross))


def show_unexpected(exc: Exception) -> None:
    click.echo(f"Error: {redact_error(exc)}", err=True)
