"""Functions without a word of our trade. Each has two users and needs only the standard library."""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

REPLACE_TRIES = 25


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def format_moment(moment: datetime) -> str:
    """Return an aware moment for programs: ISO 8601, in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_durably(path: Path, content: bytes) -> None:
    """Replace the whole file at ``path``. After a crash it has the old or the new content, never half of one."""
    with replace_durably(path) as file:
        file.write(content)


@contextmanager
def replace_durably(path: Path, *, prefix: str = ".") -> Iterator[BinaryIO]:
    """Write a new file beside ``path``, and put it there at the end of the block. After an error the old one stays.

    A kill leaves the new one beside it, with a name that begins with ``prefix`` and ends with ``.tmp``.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".tmp")
    try:
        os.close(handle)
        with Path(temporary).open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _replace(source: Path, target: Path) -> None:
    """Replace a file. On Windows it is retried for a moment, while somebody reads the target."""
    for _ in range(REPLACE_TRIES - 1):
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(0.02)
        else:
            return
    source.replace(target)


def one_line(text: str, *, limit: int = 200) -> str:
    """Return the text without control characters, cut at ``limit``, so that it cannot forge a log line."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def fold_name(name: str) -> str:
    """Return a name without case, underscores and blanks, for comparison: ClientID equals client_id."""
    return re.sub(r"[\s_]", "", name).casefold()


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 campaign``, ``8 campaigns``, ``1,234 records``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def consecutive(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of consecutive numbers, ascending: 1 2 3 7 → (1, 3), (7, 7)."""
    run: list[int] = []
    for number in sorted(set(numbers)):
        if run and number != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(number)
    if run:
        yield run[0], run[-1]
