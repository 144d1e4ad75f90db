"""Two storms of whole cycles within this process: hundreds of events, then the comparison with the dialers.

``outages``: days without a cycle, crashed tables, limits and lost connections. ``clocks``: the same, and the machine's
clock jumps by minutes or weeks, forth and back. In both, one client has two dialers that count alike: their calls have
equal uniqueids, seconds and groups, and are other calls.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from simulated_dialer import Account, Leg, LegStory, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.broken_dialers.in_process_sites import Site
from tests.broken_dialers.plans import RATES, START, fault_of
from tests.storms.truth import Findings, Identity, compare, identity, legs_of

DAYS = 120
CALLS_PER_HOUR = [0] * 9 + [2] * 8 + [1] * 2 + [0] * 5
KINDS = ("outages", "clocks")
JUMPS = tuple(
    sign * each for sign in (1, -1) for each in (timedelta(minutes=20), timedelta(hours=30), timedelta(days=40))
)
LAST_CYCLES = 12
OTHER_DIGITS = str.maketrans("0123456789", "9876543210")


@dataclass
class Report:
    """Events of a story, and its final faults."""

    events: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    findings: dict[str, Findings] = field(default_factory=dict)
    repaired_after: int = 0
    """Cycles from the last event to the first success, 0 without any."""

    @property
    def is_clean(self) -> bool:
        return self.repaired_after > 0 and not any(found.wrong for found in self.findings.values())

    def __str__(self) -> str:
        found = [
            f"dialer {name}: {found.rows} rows, lost {found.lost}, doubled {found.doubled}, stale {found.stale},"
            f" unexpected {found.unexpected} {found.examples[:5]}"
            for name, found in self.findings.items()
        ]
        told = f"{self.events.total()} events {dict(self.events)}; exit codes {dict(self.codes)};"
        return "\n".join([f"{told} whole after {self.repaired_after} cycles", *found])


def run(kind: str, seed: int, events: int, folder: Path) -> Report:
    """Run this number of events on a site, and compare it after a quiet end."""
    chance, report = random.Random(f"{kind} {seed}"), Report()
    with alike_dialers(seed) as dialers:
        site = Site(folder, dialers)
        now = datetime(2026, 3, 4, 15, 20, tzinfo=UTC)
        begins = (now.astimezone(ZoneInfo(ZONE)) - timedelta(days=1)).date()
        report.codes[site.cycle(now).code] += 1  # so that the passwords are known
        for _ in range(events):
            now = _event(kind, chance, site, now, report)
        for dialer in dialers.values():
            dialer.behave()
        _end_quietly(site, now, report)
        report.findings = {name: _compare(site, name, begins) for name in dialers}
    return report


@contextmanager
def alike_dialers(seed: int) -> Iterator[dict[str, SimulatedDialer]]:
    """Start three dialers of two clients. 1b counts as 1 does, and its calls are to other numbers.

    Its calls with a withheld number have leads of their own: two calls that agree in uniqueid, second, group, lead and
    agent, and of which one shows no number, are one row (docs/decisions/0006).
    """
    worlds = {name: _world(seed + place) for place, name in enumerate(("1", "2"))}
    worlds["1b"] = World.of([_other_call(story) for story in _stories(worlds["1"])], ZONE, seed=seed)
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]))
            for name, world in worlds.items()
        }


def _world(seed: int) -> World:
    return World(seed, START, DAYS, ZONE, calls_per_hour=CALLS_PER_HOUR, inbound_share=0.4, rates=RATES)


def _stories(world: World) -> list[LegStory]:
    return [story for number in range(DAYS) for story in world.stories_on(START + timedelta(days=number))]


def _other_call(story: LegStory) -> LegStory:
    before = story.lead_before_switch
    return replace(story, leg=_rename(story.leg), lead_before_switch=before and _rename(before))


def _rename(leg: Leg) -> Leg:
    if not leg.phone and leg.hidden is None:
        return replace(leg, phone="5550100", lead_id=leg.lead_id - 1 or 2)
    return replace(leg, phone=leg.phone.translate(OTHER_DIGITS))


def _event(kind: str, chance: random.Random, site: Site, now: datetime, report: Report) -> datetime:
    """Let time pass, something go wrong, and a cycle run."""
    days = chance.random() < 0.05
    now += timedelta(days=chance.randint(1, 5)) if days else timedelta(minutes=chance.choice((15, 15, 15, 60)))
    report.events["outage of days"] += days
    dialer = chance.choice(list(site.dialers.values()))
    off = timedelta()
    if kind == "clocks" and chance.random() < 0.3:
        off = chance.choice(JUMPS)
        report.events["clock jumps"] += 1
    if chance.random() < 0.6:
        fault = fault_of(chance, is_first=False)
        dialer.misbehave(**fault)
        report.events[next(iter(fault))] += 1
    elif chance.random() < 0.5:
        dialer.behave()
        report.events["repaired"] += 1
    else:
        report.events["nothing new"] += 1
    report.codes[site.cycle(now, clock_is_off_by=off).code] += 1
    return now


def _end_quietly(site: Site, now: datetime, report: Report) -> None:
    for number in range(1, LAST_CYCLES + 1):
        now += timedelta(minutes=15)
        if site.cycle(now).code == 0:
            report.repaired_after = number
            break
    site.cycle(now + timedelta(days=1))  # calls that stood in progress for long are asked for less often


def _compare(site: Site, name: str, begins: date) -> Findings:
    dialer = site.dialers[name]
    legs = [leg for leg in legs_of(dialer, dialer.world.now) if leg.call_time_local.date() >= begins]
    rows = site.rows(f"SELECT * FROM vicidial.calls WHERE call_date >= '{begins}'")
    numbers = {(leg.call_time_local, leg.phone or None) for leg in dialer.world.legs_at()}
    hidden: set[Identity] = {identity(leg) for leg in dialer.world.legs_at() if leg.hidden is not None}
    own = [row for row in rows if row["client_id"] == name[0] and (row["call_time_local"], row["phone"]) in numbers]
    return compare(own, {name[0]: legs}, {name[0]: hidden})
