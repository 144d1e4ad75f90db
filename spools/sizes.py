"""How many hours a dialer can answer at once, as far as that was learnt; kept in DATA_DIR for each source.

Nothing depends on it but the number of requests: if the file is lost, the dialer is asked for whole windows again.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from messages import Window
from utils import utc_now, write_durably

PATIENCE = timedelta(days=1)
"""After that long, twice as many hours are tried again."""
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
    """The largest window that is asked of one source at once."""

    def __init__(self, data_dir: Path, source_key: str) -> None:
        self._path = data_dir / "sizes" / f"{source_key}.json"
        self._hours = self._read()

    def _read(self) -> int:
        with suppress(OSError, ValueError, LookupError, TypeError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            age = utc_now().timestamp() - float(known["since"])
            hours = int(known["hours"])
            return hours if 0 <= age < PATIENCE.total_seconds() else min(hours * 2, MOST_HOURS)
        return MOST_HOURS

    def pieces(self, window: Window) -> Sequence[Window]:
        """Divide a window until each piece is small enough."""
        if len(window.hours) <= max(self._hours, 1):
            return [window]
        return [piece for half in halves_of(window) for piece in self.pieces(half)]

    def shrink(self, window: Window) -> None:
        """Remember that a window was too large."""
        self._hours = max(len(window.hours) // 2, 1)
        self._write()

    def grow(self, window: Window) -> None:
        """Forget the limit once a window of any size that is asked for can be read again."""
        if self._hours == MOST_HOURS == len(window.hours):
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        known = {"hours": self._hours, "since": utc_now().timestamp()}
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, json.dumps(known).encode("ascii"))
