"""The clock of BigQuery compared to this machine's clock, without a query of its own."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

NOW = "CURRENT_TIMESTAMP()"
COLUMN = "warehouse_now"
Rows = list[dict[str, Any]]


class BigQueryClock:
    """Compares two clocks. ``gap`` is the lead of BigQuery's clock at the last comparison, None before the first.

    Args:
        clock: returns this machine's time.
        moment: queries nothing but BigQuery's time. It is used only if no other query has returned the time yet.
    """

    def __init__(self, clock: Callable[[], datetime], moment: Callable[[], Rows]) -> None:
        self._clock = clock
        self._moment = moment
        self._last: tuple[datetime, float] | None = None
        self.gap: timedelta | None = None

    def compare(self, query: Callable[[], Rows]) -> Rows:
        """Run a query with BigQuery's time in ``COLUMN``, and return its rows without that column."""
        asked = self._clock()
        rows = query()
        answered = self._clock()
        times = [row.pop(COLUMN) for row in rows]
        if times:
            self._last = times[0], time.monotonic()
            self.gap = gap_of(times[0], asked, answered)
        return rows

    def now(self) -> datetime:
        """Return BigQuery's time, even if this machine's clock is changed. A table's expiry must lie ahead of it."""
        if self._last is None:
            self.compare(self._moment)
        return self.last_known_now()

    def last_known_now(self) -> datetime:
        """Return BigQuery's time without a query. Before the first comparison, return this machine's."""
        if self._last is None:
            return self._clock()
        known, at = self._last
        return known + timedelta(seconds=time.monotonic() - at)


def gap_of(server_time: datetime, asked: datetime, answered: datetime) -> timedelta:
    """Return the least lead of the server's clock, however slow the answer was."""
    if server_time < asked:
        return server_time - asked
    return max(server_time - answered, timedelta())
