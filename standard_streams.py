"""Standard input, output and error: replaced if they are missing, given up if they broke.

pythonw, some Windows services and ``>&-`` start a program without them. Everything would then be printed to the next
file that is opened: the warehouse, for one.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

NUMBERS = (0, 1, 2)


def replace_missing_streams() -> None:
    """Open missing streams to the null device. Workers inherit them."""
    for number in NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:  # on Windows, where another number may be free
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = _open_null_device()
    if sys.stderr is None:
        sys.stderr = _open_null_device()


@contextmanager
def hide_broken_streams() -> Iterator[None]:
    """Replace broken output streams during the start of a process. It flushes both and would fail."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    else:
        yield


def give_up_broken_streams() -> str | None:
    """Flush standard output and error, and redirect a broken one to the null device.

    Otherwise Python would try again at its end, and end with exit code 120 whatever the run has done.

    Returns:
        The first reason for a failure; None if both streams work.
    """
    reason = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as exc:
            reason = reason or getattr(exc, "strerror", None) or "it is closed"
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return reason


def _open_null_device() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - a device, open to the end
