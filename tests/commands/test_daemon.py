"""The loop waits for one interval, whatever happens to the machine's clock meanwhile."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commands.daemon import cycle_moments, survive_errors
from config import Settings
from errors import WarehouseHeld, WarehouseUnreachable

INTERVAL = timedelta(seconds=0.3)
CYCLES = 5
DAY = timedelta(days=1)


class Clock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


@pytest.mark.parametrize("shift", [-3650 * DAY, -DAY, -timedelta(minutes=1), DAY, 3650 * DAY])
@pytest.mark.parametrize("in_the_cycle", [True, False])
def test_a_clock_that_is_set_does_not_stop_the_cycles(shift: timedelta, in_the_cycle: bool) -> None:
    clock, stop, enough = Clock(), threading.Event(), threading.Event()
    begun: list[datetime] = []

    def set_clock() -> None:
        clock.shift += shift

    def cycle(now: datetime) -> None:
        begun.append(now)
        if len(begun) == 2:
            threading.Timer(0 if in_the_cycle else INTERVAL.total_seconds() / 2, set_clock).start()
        if len(begun) == CYCLES:
            enough.set()

    settings = replace(Settings(), cycle_interval=INTERVAL)

    def run_daemon() -> None:
        for now in cycle_moments(settings, stop, clock):
            cycle(now)

    daemon = threading.Thread(target=run_daemon, daemon=True)
    daemon.start()
    try:
        assert enough.wait(20), f"{len(begun)} cycles"
    finally:
        stop.set()
        daemon.join(5)
    assert not daemon.is_alive()


def test_a_cycle_that_fails_does_not_end_the_daemon_unless_another_one_holds_the_warehouse() -> None:
    for error in (WarehouseUnreachable(30.0, "no network"), ValueError("a bug")):
        with survive_errors():
            raise error
    with pytest.raises(WarehouseHeld), survive_errors():
        raise WarehouseHeld("another daemon")
