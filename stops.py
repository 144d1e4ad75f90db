"""The wish to end: a run's own, with the time it leaves; and a worker's, which its parent tells."""

import math
import threading
import time
from datetime import timedelta

COMMIT_SECONDS = 1.5
"""After the grace: workers that used all of it leave windows that are worth a last commit."""
FAREWELL_SECONDS = 2.5
"""After the grace: to give back what is held elsewhere; whatever still runs then is left to the next start."""
EXIT_SECONDS = 4.0
"""After the grace: the process is gone, whatever it hangs in."""

_stop = threading.Event()


class Stop(threading.Event):
    """Set once; what is under way then has the grace, and a moment to leave things in order."""

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
        """Since it was asked for; negative before."""
        return time.monotonic() - self._asked_at

    def seconds_left(self, after_grace: float) -> float:
        """Until so long after the grace; endless as long as nobody has asked, never negative."""
        return max(self._asked_at + self.grace.total_seconds() + after_grace - time.monotonic(), 0.0)

    def allowance(self) -> float:
        """For what begins now: how long after the grace it is abandoned."""
        return COMMIT_SECONDS if self.seconds_left(COMMIT_SECONDS) else FAREWELL_SECONDS


def request_stop() -> None:
    _stop.set()


def stop_requested() -> bool:
    """Whether the run is about to end, so that nothing further should be started."""
    return _stop.is_set()
