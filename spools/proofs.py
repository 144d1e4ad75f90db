"""What speaks for and against an answer: how a cut looks, and what to ask in order to find one. Pure.

An export is cut at its end, whatever cut it: outbound calls come first, then those of in-groups, each by time. So an
answer is whole if nothing lies behind its last call, and a lack elsewhere is no cut.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from messages import HourCount, Window
from reports.legs import INBOUND, OUTBOUND

SETTLED_AFTER = timedelta(hours=1)
"""Before, a call may be hidden for a while: between hang-up and disposition a dialer does not show it."""


@dataclass(slots=True)
class Counts:
    """Legs of one answer, by half and by hour of one local day."""

    day: date
    of: dict[str, Counter[int]] = field(default_factory=lambda: {OUTBOUND: Counter(), INBOUND: Counter()})

    def add(self, hours: Sequence[HourCount]) -> None:
        for count in hours:
            if count.day == self.day:
                inbound = count.inbound or 0
                self.of[OUTBOUND][count.hour] += count.legs - inbound
                self.of[INBOUND][count.hour] += inbound

    def last_hour(self, half: str) -> int | None:
        """Return the latest hour with a leg of that half."""
        return max((hour for hour, legs in self.of[half].items() if legs), default=None)

    def total(self, window: Window) -> int:
        return sum(self.of[half][hour] for half in self.of for hour in window.hours)


def lacks_its_end(window: Window, counts: Counts) -> bool:
    """Tell whether an answer has the shape of a cut, by what an earlier one showed of its hours."""
    if not window.known:
        return counts.total(window) < window.known_legs
    buckets = list(_buckets(window.known, counts))
    last_shown = max((place for place, (_, shown) in enumerate(buckets) if shown), default=-1)
    return any(shown < known for known, shown in buckets[max(last_shown, 0) :])


def legs_lacking(window: Window, counts: Counts, read_at: datetime) -> int:
    """Return how many legs the answer lacks that an earlier one showed, of hours that are over for a while."""
    if not window.known:
        return max(window.known_legs - counts.total(window), 0)
    recent_hours = 2 if window.until > read_at - SETTLED_AFTER else 0
    known = [count for count in window.known if count.hour <= window.last_hour - recent_hours]
    return sum(max(before - shown, 0) for before, shown in _buckets(known, counts))


def _buckets(known: Sequence[HourCount], counts: Counts) -> Iterator[tuple[int, int]]:
    """Yield known and shown legs in the order of an answer. Hours that an older version read know no halves."""
    hours = sorted(known, key=lambda count: count.hour)
    if any(count.inbound is None for count in hours):
        yield from ((count.legs, sum(counts.of[half][count.hour] for half in counts.of)) for count in hours)
        return
    yield from ((count.legs - (count.inbound or 0), counts.of[OUTBOUND][count.hour]) for count in hours)
    yield from ((count.inbound or 0, counts.of[INBOUND][count.hour]) for count in hours)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request for what lies behind the last call of an answer: one half of it, from one hour on."""

    half: str
    first_hour: int


def probes(window: Window, counts: Counts, halves: Sequence[str]) -> Iterator[Probe]:
    """Yield the requests that together prove an answer whole.

    An in-group call proves the outbound half before it. Without any, both ends are open.

    Args:
        halves: those that the source asks for, in the order of an answer.
    """
    for half in reversed(halves):
        last = counts.last_hour(half)
        yield Probe(half, window.first_hour if last is None else max(last, window.first_hour))
        if last is not None:
            return


def shows_more(probe: Probe, window: Window, first: Counts, behind: Counts, read_at: datetime) -> bool:
    """Tell whether a later request shows calls behind the end of an answer, or is too short itself to prove it.

    The running hour proves nothing: it has new calls at any moment, and the next cycle reads it again.
    """
    over = window.last_hour - (window.until > read_at)
    shown, found = first.of[probe.half], behind.of[probe.half]
    if any(found[hour] > shown[hour] for hour in range(probe.first_hour, over + 1)):
        return True
    return bool(shown[probe.first_hour]) and not found[probe.first_hour] and probe.first_hour <= over
