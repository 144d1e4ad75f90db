"""The clock of a simulated dialer. It stands still, or runs on from its setting."""

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Aware UTC time. ``speed`` 0 stands still, 1 runs like a wall clock, 60 makes an hour of a minute."""

    def __init__(self, start: datetime, speed: float = 0.0) -> None:
        self.speed = speed
        self._lock = threading.Lock()
        self._set_to, self._set_at = _as_utc(start), time.monotonic()

    def now(self) -> datetime:
        with self._lock:
            elapsed = time.monotonic() - self._set_at if self.speed else 0.0
            return self._set_to + timedelta(seconds=elapsed * self.speed)

    def set(self, moment: datetime) -> None:
        with self._lock:
            self._set_to, self._set_at = _as_utc(moment), time.monotonic()

    def advance(self, span: timedelta) -> None:
        self.set(self.now() + span)


def _as_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the simulated clock takes an aware datetime, such as datetime(2026, 3, 2, 15, tzinfo=UTC)")
    return moment.astimezone(UTC)
