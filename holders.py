"""Who works here: what a process says of itself beside a lock, and what a second one reads there."""

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
    """For people: process, machine, since when, and the command without what its options are set to."""
    command = " ".join([Path(sys.argv[0]).name, *_options(sys.argv[1:])])
    return f"process {os.getpid()} on {socket.gethostname()}, since {moment(utc_now())} ({command})"


def moment(time: datetime) -> str:
    """By this machine's clock, with its distance from UTC: whoever reads it may be elsewhere."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %z}"


def leave_note(path: Path) -> None:
    write_durably(path, json.dumps({"holder": this_process()}).encode("utf-8"))


def told_by(path: Path) -> str:
    """Who holds the lock, as far as the note beside it says."""
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads(path.read_text(encoding="utf-8"))["holder"])
    return "another process, which has not said who it is"


def _options(arguments: Sequence[str]) -> list[str]:
    return [argument.split("=", maxsplit=1)[0] for argument in arguments if argument.startswith("-")]
