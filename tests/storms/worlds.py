"""The dialers of a storm: calls go on, with late dispositions and corrected lengths, and dialers misbehave."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulated_dialer import Account, Rates, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.storms.plans import ERROR_500, HANG, RESET, TRUNCATION, Event
from tests.storms.truth import Clockwork

LAG = timedelta(hours=8)
"""Initial lag of the dialers' clocks. They catch up with every event."""
RATES = Rates(late_dispositions=0.2, corrected_lengths=0.2, lead_switches=0.05, lost_hangups=0)
"""An hour with a stuck call is read again after an hour of this machine, in which a storm is long over."""
CALLS_PER_HOUR = 20
EXPORT = "call_report_export.php"
WRONG: dict[str, Callable[[float], dict[str, Any]]] = {
    RESET: lambda how: {"reset_after": int(how * 20_000)},
    ERROR_500: lambda how: {"status": 500},
    HANG: lambda how: {"hang": True},
    TRUNCATION: lambda how: {"truncate": how},
}
"""Event → misbehaviour of a dialer. ``how`` is a share of one."""


@contextmanager
def dialers_of_a_storm(seed: int, count: int, events: int) -> Iterator[list[Clockwork]]:
    begin = datetime.now(UTC) - LAG - timedelta(seconds=events)
    first = begin.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    clocks = []
    with ExitStack() as stack:
        for number in range(count):
            world = World(seed * 100 + number, first, 4, ZONE, calls_per_hour=[CALLS_PER_HOUR] * 24, rates=RATES)
            world.now = begin
            world.tells_real_time = True
            dialer = stack.enter_context(SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]))
            clock = Clockwork(str(number + 1), dialer)
            clock.set_to(begin)
            clocks.append(clock)
        yield clocks


def move_on(clocks: list[Clockwork], by: timedelta) -> None:
    for clock in clocks:
        clock.set_to(clock.dialer.world.now + by)


def misbehave(clocks: list[Clockwork], event: Event) -> None:
    """Let one dialer misbehave, in its next answer or its next three."""
    clock = clocks[int(event.which * len(clocks))]
    requests = 1 if event.name == TRUNCATION else 1 + int(event.which * 1000) % 3
    if event.name == TRUNCATION:
        clock.doubt()
    clock.dialer.misbehave(**WRONG[event.name](event.how), requests=requests, pages=(EXPORT,))
