"""The number of hours that a dialer can answer at once, remembered in DATA_DIR for each source.

Only the number of requests depends on it. If the file is lost, the dialer is asked for whole windows again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialers.cache_files import CacheFile
from messages import Window
from utils import utc_now

PATIENCE = timedelta(days=1)
"""After this time twice as many hours are tried again."""
MOST_HOURS = 24


def halves_of(window: Window) -> tuple[Window, ...]:
    """Divide a window of several hours in two."""
    middle = (window.first_hour + window.last_hour) // 2
    hour = (window.until - window.since) / len(window.hours)
    border = window.since + hour * (middle + 1 - window.first_hour)
    return (
        _piece(window, window.first_hour, middle, window.since, border),
        _piece(window, middle + 1, window.last_hour, border, window.until),
    )


def _piece(window: Window, first_hour: int, last_hour: int, since: datetime, until: datetime) -> Window:
    known = tuple(count for count in window.known if first_hour <= count.hour <= last_hour)
    legs = sum(count.legs for count in known)
    return replace(
        window, first_hour=first_hour, last_hour=last_hour, since=since, until=until, known=known, known_legs=legs
    )


class WindowSizes:
    """The largest window to ask of one source at once."""

    def __init__(self, data_dir: Path, source_key: str) -> None:
        self._file = CacheFile(data_dir / "sizes" / f"{source_key}.json", _parse)
        self._hours = self._file.read() or MOST_HOURS

    def divide(self, window: Window) -> Sequence[Window]:
        """Divide a window until each piece is small enough."""
        if len(window.hours) <= max(self._hours, 1):
            return [window]
        return [piece for half in halves_of(window) for piece in self.divide(half)]

    def shrink(self, window: Window) -> None:
        """Note that a window was too large."""
        self._hours = max(len(window.hours) // 2, 1)
        self._file.write({"hours": self._hours, "since": utc_now().timestamp()})

    def grow(self, window: Window) -> None:
        """Forget the limit once a window of the largest size was read."""
        if self._hours == MOST_HOURS == len(window.hours):
            self._file.delete()


def _parse(content: dict[str, Any]) -> int:
    age = utc_now().timestamp() - float(content["since"])
    hours = int(content["hours"])
    return hours if 0 <= age < PATIENCE.total_seconds() else min(hours * 2, MOST_HOURS)
