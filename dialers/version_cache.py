"""The version answer of a dialer, cached in DATA_DIR for all workers of a run: one of them asks, not each source.

The first worker asks, and the others wait a little for the answer. A second request does no harm where the file is
lost, the dialer is slow, or the answer has become old.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dialers.cache_files import CacheFile
from dialers.slots import file_name_for
from dialers.versions import DialerVersion
from messages import Source
from utils import utc_now

FRESH = timedelta(hours=1)
"""Age at which an answer is asked for again: a backfill takes days, and a dialer may be updated meanwhile."""
TURN_SECONDS = 3.0
"""Longest wait for an answer that another worker has asked for."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionAnswer:
    """One answer to ``function=version``."""

    version: DialerVersion | None
    """None where the dialer does not tell it."""
    asked_at: datetime
    """By this machine's clock."""

    def at(self, now: datetime) -> "VersionAnswer":
        """Return the same answer with the dialer's clock moved on to a later moment of this machine's."""
        version = self.version
        moved = replace(version, now=version.now + (now - self.asked_at)) if version else None
        return VersionAnswer(version=moved, asked_at=now)


class VersionCache:
    """The version answer of one dialer, for all workers of a run. Each thread makes its own."""

    def __init__(self, directory: Path, source: Source, run_id: str) -> None:
        """Name the file. Rows that check the dialer's certificate share none with rows that do not."""
        name = file_name_for(source.address.url, "verified" if source.verify_tls else "unverified")
        self._file = CacheFile(directory / f"{name}.version", self._parse)
        self._asking = FileLock(directory / f"{name}.asking", thread_local=False)
        self._run_id = run_id

    def read(self) -> VersionAnswer | None:
        """Return this run's answer with the dialer's clock of now. None if nobody has asked lately."""
        now = utc_now()
        found = self._file.read()
        return found.at(now) if found is not None and timedelta() <= now - found.asked_at < FRESH else None

    def store(self, answer: VersionAnswer) -> None:
        """Write down an answer for the others."""
        version = answer.version
        self._file.write(
            {
                "run_id": self._run_id,
                "asked_at": answer.asked_at.isoformat(),
                "version": version and [version.build, version.now.isoformat(), version.utc_offset.total_seconds()],
            }
        )

    def _parse(self, content: dict[str, Any]) -> VersionAnswer | None:
        if content["run_id"] != self._run_id:
            return None
        asked_at = datetime.fromisoformat(content["asked_at"])
        if asked_at.utcoffset() is None:
            return None
        return VersionAnswer(version=_parse_version(content["version"]), asked_at=asked_at)

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Wait until nobody else is asking, an answer is there, or that takes too long.

        Args:
            check: raises to give up waiting.
        """
        deadline = time.monotonic() + TURN_SECONDS
        try:
            while not self._take_turn() and self.read() is None and time.monotonic() < deadline:
                check()
                time.sleep(POLL_SECONDS)
            yield
        finally:
            self._asking.release()

    def _take_turn(self) -> bool:
        """Take the turn if it is free. A folder without write access gives it to everybody."""
        try:
            self._asking.acquire(timeout=0)
        except Timeout:
            return False
        except OSError:
            return True
        return True


def _parse_version(kept: list[float | str] | None) -> DialerVersion | None:
    if kept is None:
        return None
    build, now, offset = kept
    return DialerVersion(
        build=int(build), now=datetime.fromisoformat(str(now)), utc_offset=timedelta(seconds=float(offset))
    )
