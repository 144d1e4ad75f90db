"""Logging: one line per event on stdout, those of workers included, and no registered secret in any of them.

A worker sends its records through a pipe of its own. One killed in the middle of a line damages only that line.
"""

import io
import json
import logging
import logging.handlers
import queue
import sys
from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import TextIO
from urllib.parse import quote, quote_plus

LINE = "%(asctime)s - %(levelname)s - %(message)s"
MOMENT = "%Y-%m-%d %H:%M:%S"
SHORTEST_SECRET = 4  # hiding shorter ones would eat ordinary words and numbers
LIBRARIES = ("urllib3", "google", "filelock")  # at DEBUG urllib3 logs every URL, and the password is in its query

SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    escape,
    lambda text: escape(text, quote=False),
    lambda text: repr(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
)
"""The spellings of a text in a page, a URL or a program. Two of them follow each other on the way through two."""

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Print ``***`` in place of this text from now on, in every spelling. Applies to this process."""
    if len(secret) >= SHORTEST_SECRET:
        once = {secret, *(spell(secret) for spell in SPELLINGS)}
        _secrets.update(once, (spell(text) for text in once for spell in SPELLINGS))


def redact(text: str) -> str:
    """Replace the secrets given to ``hide`` in a text. This is the last line of defence, not the first."""
    for secret in sorted(_secrets.copy(), key=len, reverse=True):  # the longer first: one may be part of another
        text = text.replace(secret, "***")
    return text


def set_up(level: str) -> None:
    """Log to stdout in this process. A second call replaces the first."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a cp1252 pipe has no ✓, and a line of log must not stop a run
    handler = _Stdout()
    handler.setFormatter(_Redacting(LINE, MOMENT))
    _replace_handler(handler, level)


def send_to(send: Callable[[logging.LogRecord], None], level: str) -> None:
    """Send the records of this worker to its parent, which passes them to ``handle``."""
    _replace_handler(_Sender(send), level)


def name_campaign(campaign: str) -> None:
    """Begin each further line of this worker with its campaign."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Sender):
            handler.setFormatter(_Redacting(f"[{campaign.replace('%', '%%')}] %(message)s"))


def handle(record: logging.LogRecord) -> None:
    """Log a record of a worker in this process."""
    logging.getLogger(record.name).handle(record)


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the stdout of the moment: a progress line replaces it, so that log lines come above it."""

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
    """Passes prepared records on at once. A death loses none."""

    def __init__(self, send: Callable[[logging.LogRecord], None]) -> None:
        super().__init__(queue.SimpleQueue())  # stays empty: enqueue sends at once
        self.send = send
        self.setFormatter(_Redacting("%(message)s"))

    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # the parent is gone; this process is about to end
            self.send(record)


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
