"""Logging: one line per event on stdout, the workers' lines among them, and no registered secret in any.

A worker writes to a pipe that only it and the parent hold, so that one killed in the middle of a line damages nothing
but that line.
"""

import io
import logging
import logging.handlers
import queue
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

LINE = "%(asctime)s - %(levelname)s - %(message)s"
MOMENT = "%Y-%m-%d %H:%M:%S"
SHORTEST_SECRET = 4  # hiding shorter ones would eat ordinary words and numbers
LIBRARIES = ("urllib3", "google", "filelock")  # at DEBUG urllib3 logs every URL, and the password is in its query

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """From now on, print ``***`` in this process where this text would stand, also as URL or literal spell it."""
    if len(secret) >= SHORTEST_SECRET:
        _secrets.update((secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1]))


def redact(text: str) -> str:
    """The text without the secrets that were given to ``hide``: the last line of defence, not the first."""
    for secret in sorted(_secrets.copy(), key=len, reverse=True):  # the longer first: one may be part of another
        text = text.replace(secret, "***")
    return text


def set_up(level: str) -> None:
    """Log to stdout in this process; called again, it replaces what it did before."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a cp1252 pipe has no ✓, and a line of log must not stop a run
    handler = _Stdout()
    handler.setFormatter(_Redacting(LINE, MOMENT))
    _replace_handler(handler, level)


def send_to(connection: "Connection[Any, Any]", level: str) -> None:
    """Log to the parent, which runs ``receive`` at the other end; for a worker."""
    _replace_handler(_Sender(connection), level)


def name_campaign(campaign: str) -> None:
    """Begin each further line of this worker with its campaign."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Sender):
            handler.setFormatter(_Redacting(f"[{campaign.replace('%', '%%')}] %(message)s"))


def receive(connection: "Connection[Any, Any]") -> None:
    """Log in this process what a worker sends, until its end of the pipe is closed."""
    with connection:
        while True:
            try:
                record = connection.recv()
            except Exception:  # noqa: BLE001 - a worker was killed in the middle of a line: anything may be left of it
                return
            logging.getLogger(record.name).handle(record)


class _Stdout(logging.StreamHandler[TextIO]):
    """To whatever stdout is at the moment: a moving progress line puts itself there, so that lines come above it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override] # an attribute there, as in logging's own last resort handler
        return sys.stdout


class _Redacting(logging.Formatter):
    """Formats the record with its traceback, then hides secrets in all of it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Sender(logging.handlers.QueueHandler):
    """Sends records whole; ``handle`` holds a lock around ``enqueue``, so that threads do not mix."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        super().__init__(queue.SimpleQueue())  # stays empty: enqueue sends at once, so that a death loses nothing
        self.connection = connection
        self.setFormatter(_Redacting("%(message)s"))

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # the parent is gone; this process is about to end
            self.connection.send(record)


def _replace_handler(handler: logging.Handler, level: str) -> None:
    logging.raiseExceptions = False  # else a record that cannot be written is printed to stderr with its arguments
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(getattr(old, "formatter", None), _Redacting):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
