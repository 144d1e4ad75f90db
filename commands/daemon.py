"""The loop: a cycle at once, then one every CYCLE_INTERVAL_MINUTES, from start to start, never two at a time."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from config import Settings
from errors import SyncError, WarehouseHeld
from utils import utc_now

LOG = logging.getLogger(__name__)

WAKE_SECONDS = 0.2
"""An untimed wait would not notice a signal on Windows."""


def run_daemon(cycle: Callable[[datetime], object], settings: Settings, stop: threading.Event) -> None:
    """Until ``stop`` is set. A cycle that cannot begin or end is reported, and the next one looks again."""
    while not stop.is_set():
        started = utc_now()
        try:
            cycle(started)
        except WarehouseHeld:
            raise  # somebody else writes there now: going on would only be in the way
        except SyncError as exc:
            LOG.error("%s", exc)  # noqa: TRY400 - its text says all
        except Exception:
            LOG.exception("The cycle failed for a reason that is not foreseen; please report it")
        following = started + settings.cycle_interval
        if stop.is_set():
            return
        if following > utc_now():
            LOG.info("Next cycle starts at %s", f"{following.astimezone():%Y-%m-%d %H:%M:%S}")
        else:
            LOG.warning("The cycle took longer than its interval; the next one starts at once")
        while utc_now() < following and not stop.is_set():
            stop.wait(WAKE_SECONDS)
