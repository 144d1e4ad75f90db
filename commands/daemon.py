"""`main.py` without a command: a cycle at once, then one every CYCLE_INTERVAL_MINUTES, from start to start."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from config import Settings
from errors import SyncError, WarehouseHeld
from utils import utc_now

LOG = logging.getLogger(__name__)

WAKE_SECONDS = 0.2
"""An untimed wait would not notice a signal on Windows."""


def run_daemon(cycle: Callable[[datetime], object], settings: Settings, stop: threading.Event) -> None:
    """Run cycles until ``stop`` is set. An error of one does not end the daemon.

    Raises:
        WarehouseHeld: another process writes to the warehouse now.
    """
    for now in cycle_moments(settings, stop, utc_now):
        with survive_errors():
            cycle(now)


def cycle_moments(settings: Settings, stop: threading.Event, clock: Callable[[], datetime]) -> Iterator[datetime]:
    """Yield the moment of each cycle until ``stop`` is set. The caller runs the cycle before it asks for the next.

    Args:
        clock: tells the machine's time, which may be set back or forth meanwhile.
    """
    while not stop.is_set():
        started, began = clock(), time.monotonic()
        yield started
        if stop.is_set():
            return
        left = began + settings.cycle_interval.total_seconds() - time.monotonic()
        if left > 0:
            LOG.info("Next cycle starts at %s", f"{(clock() + timedelta(seconds=left)).astimezone():%Y-%m-%d %H:%M:%S}")
        else:
            LOG.warning("The cycle took longer than its interval; the next one starts at once")
        _wait(time.monotonic() + left, started + settings.cycle_interval, stop, clock)


@contextmanager
def survive_errors() -> Iterator[None]:
    """Log the error of a cycle, so that the daemon goes on with the next one.

    Raises:
        WarehouseHeld: another process writes there now, and going on would only be in its way.
    """
    try:
        yield
    except WarehouseHeld:
        raise
    except SyncError as exc:
        LOG.error("%s", exc)  # noqa: TRY400 - its text says all
    except Exception:
        LOG.exception("The cycle failed for a reason that is not foreseen; please report it")


def _wait(until: float, following: datetime, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    """Wait for the earlier of two moments. A clock can be set back, and the other one stands while a machine sleeps."""
    while time.monotonic() < until and clock() < following and not stop.is_set():
        stop.wait(WAKE_SECONDS)
