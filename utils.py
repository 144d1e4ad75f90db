"""The few helpers that know nothing of our trade; each has two users and needs only the standard library."""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

REPLACE_TRIES = 25


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def write_durably(path: Path, content: bytes) -> None:
    """Put a whole file in place of ``path``: after a crash the old or the new content is there, never half of one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _replace(source: Path, target: Path) -> None:
    """On Windows a file that somebody reads at this moment cannot be replaced: a few moments later it can."""
    for _ in range(REPLACE_TRIES - 1):
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(0.02)
        else:
            return
    source.replace(target)


def one_line(text: str, *, limit: int = 200) -> str:
    """Text that cannot forge a log line: control characters become blanks, the rest is cut at ``limit``."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def squeezed(name: str) -> str:
    """A name without case, underscores and blanks, for comparing: ClientID is client_id."""
    return re.sub(r"[\s_]", "", name).casefold()


def plural(count: int, noun: str) -> str:
    """``1 campaign``, ``8 campaigns``, ``1,234 records``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def consecutive(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of consecutive numbers, ascending: 1 2 3 7 → (1, 3), (7, 7)."""
    run: list[int] = []
    for number in sorted(set(numbers)):
        if run and number != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(number)
    if run:
        yield run[0], run[-1]
