"""The events of a random story: a pure function of its seed."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from simulated_dialer import Rates, World
from tests.acceptance.programs import ZONE

EXPORT = "call_report_export.php"
START = date(2026, 3, 2)
DAYS = 14
SILENT = "210303-0930"
"""A build without hours, and without a version on PHP 8."""
BUILDS = ("250720-1841",) * 4 + ("230701-1200", "220301-1000", SILENT)
RATES = Rates(
    late_dispositions=0.2, corrected_lengths=0.1, lead_switches=0.03, changed_uniqueids=0.1, hidden_wrapups=0.1,
    hidden_inbound=0.02,
)  # fmt: skip
PAUSES = (timedelta(minutes=15),) * 4 + (timedelta(hours=1), timedelta(hours=7), timedelta(days=1), timedelta(days=3))
TURNS = ((True,),) * 4 + ((True, False), (False, True), (True, True, False), (False, False, True))
STEPS = 5


@dataclass(frozen=True, slots=True)
class Step:
    """The circumstances of one read."""

    pause: timedelta
    fault: dict[str, Any] | None
    backfill_days_ago: int | None
    """None for a cycle."""


@dataclass(frozen=True, slots=True)
class Story:
    """A dialer, and its events until its repair."""

    build: str
    inbound_share: float
    calls_per_hour: tuple[int, ...]
    begins: datetime
    steps: tuple[Step, ...]

    def world(self, seed: int) -> World:
        return World(
            seed, START, DAYS, ZONE, calls_per_hour=self.calls_per_hour, inbound_share=self.inbound_share, rates=RATES
        )


def story_of(seed: int) -> Story:
    chance = random.Random(f"story {seed}")
    busy = chance.choice((2, 4, 8))
    hours = tuple(busy if 8 <= hour < 20 else chance.choice((0, 0, 1)) for hour in range(24))
    begins = datetime(2026, 3, 4, chance.randrange(24), chance.randrange(60), tzinfo=UTC)
    return Story(
        build=chance.choice(BUILDS),
        inbound_share=chance.choice((0.0, 0.2, 0.5, 1.0)),
        calls_per_hour=hours,
        begins=begins,
        steps=tuple(_step(chance, number) for number in range(STEPS)),
    )


def _step(chance: random.Random, number: int) -> Step:
    goes_wrong = chance.random() < 0.75
    days_ago = chance.randint(1, 2) if number and chance.random() < 0.2 else None
    return Step(chance.choice(PAUSES), fault_of(chance, is_first=not number) if goes_wrong else None, days_ago)


def fault_of(chance: random.Random, *, is_first: bool) -> dict[str, Any]:
    """Draw a fault of real dialers. An unanswered new password would wait for an hour."""
    first = chance.randrange(24)
    some_hours = (range(24), range(first, 24), range(first, min(first + 3, 24)))
    kinds: list[dict[str, Any]] = [
        {"crashed_table": chance.choice(("all", "inbound", "outbound")), "crashed_hours": chance.choice(some_hours)},
        {"crashed_table": chance.choice(("all", "inbound")), "crashed_hours": chance.choice(some_hours)},
        {"cpu_rows": chance.choice((10, 25, 60))},
        {"rows_before_memory_is_out": chance.choice((8, 25, 60))},
        {"truncate": chance.choice((0, 1, 7, 0.2, 0.5, 0.9)), "requests": 1},
        {"status": chance.choice((403, 500, 503)), "requests": chance.randint(1, 4)},
    ]
    if not is_first:
        kinds += [
            {"rows_before_silence": chance.choice((25, 60))},
            {"reset_after": chance.randrange(5000), "requests": chance.randint(1, 3)},
            {"cut_after": chance.randrange(5000), "requests": chance.randint(1, 3)},
            {"drop_reused": True},
            {"database_down": True, "requests": chance.randint(1, 3)},
            {"hang": True, "requests": 1},
        ]
    fault = chance.choice(kinds)
    turns = (True,) if "requests" in fault else chance.choice(TURNS)
    return {**fault, "turns": turns, "pages": (EXPORT,)}
