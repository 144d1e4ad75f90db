"""Cooperative shutdown: the flag of a run with its time limits, and the flag of a worker process."""

import math
import threading
import time
from datetime import timedelta

COMMIT_SECONDS = 1.5
"""Added to the grace for a last commit of the windows of workers that used all of it."""
FAREWELL_SECONDS = 2.5
"""Added to the grace for releasing locks and leases. The next start cleans up after whatever still runs then."""
EXIT_SECONDS = 4.0
"""Added to the grace until the process ends itself, whatever it hangs in."""

_stop = threading.Event()


class Stop(threading.Event):
    """The stop flag of a run. Once it is set, work under way has the grace, and a moment to leave things in order."""

    def __init__(self, grace: timedelta = timedelta()) -> None:
        super().__init__()
        self.grace = grace
        self._asked_at = math.inf

    def set(self) -> None:
        if not self.is_set():
            self._asked_at = time.monotonic()
        super().set()

    @property
    def seconds_since(self) -> float:
        """The seconds since the flag was set. Negative before."""
        return time.monotonic() - self._asked_at

    def seconds_left(self, after_grace: float) -> float:
        """Return the seconds until so long after the grace: infinite before the flag is set, never negative."""
        return max(self._asked_at + self.grace.total_seconds() + after_grace - time.monotonic(), 0.0)

    def allowance(self) -> float:
        """Return how long after the grace a step is abandoned if it begins now."""
        return COMMIT_SECONDS if self.seconds_left(COMMIT_SECONDS) else FAREWELL_SECONDS


def request_stop() -> None:
    """Set the flag of this worker process."""
    _stop.set()


def stop_requested() -> bool:
    """Return whether this worker should start nothing further."""
    return _stop.is_set()
