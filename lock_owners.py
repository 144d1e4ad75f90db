"""The owner of a lock: the note of a process beside the lock, for a second process to read."""

import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from utils import utc_now, write_durably


def this_process() -> str:
    """Describe this process for people: number, machine, start, and the command without the values of its options."""
    command = " ".join([Path(sys.argv[0]).name, *_options(sys.argv[1:])])
    return f"process {os.getpid()} on {socket.gethostname()}, since {moment(utc_now())} ({command})"


def moment(time: datetime) -> str:
    """Format a moment by this machine's clock, with its offset from UTC for a reader elsewhere."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %z}"


def write_owner(path: Path) -> None:
    """Write a note that this process owns the lock."""
    write_durably(path, json.dumps({"holder": this_process()}).encode("utf-8"))


def read_owner(path: Path) -> str:
    """Return the owner of the lock by its note."""
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads(path.read_text(encoding="utf-8"))["holder"])
    return "another process, which has not said who it is"


def _options(arguments: Sequence[str]) -> list[str]:
    return [argument.split("=", maxsplit=1)[0] for argument in arguments if argument.startswith("-")]
