"""Evidence for and against an answer: the shape of a cut, and the requests to find one. Pure.

An export is cut at its end, whatever cut it. Outbound calls come first, then those of in-groups, each by time. An
answer is whole if nothing lies behind its last call. A lack elsewhere is no cut.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from messages import HourCount, Window
from reports.legs import INBOUND, OUTBOUND

LIMIT_VARIES_BY = 1.25
"""A time limit cuts at another record each time."""
SETTLED_AFTER = timedelta(hours=1)
"""Until then, a call may be hidden: between hang-up and disposition a dialer does not show it."""


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
        """Return the latest hour with a leg of a half."""
        return max((hour for hour, legs in self.of[half].items() if legs), default=None)

    def total(self, window: Window) -> int:
        return sum(self.of[half][hour] for half in self.of for hour in window.hours)


def lacks_its_end(window: Window, counts: Counts) -> bool:
    """Tell whether an answer has the shape of a cut, compared with an earlier one."""
    if not window.known:
        return counts.total(window) < window.known_legs
    buckets = list(_buckets(window.known, counts))
    last_shown = max((place for place, (_, shown) in enumerate(buckets) if shown), default=-1)
    return any(shown < known for known, shown in buckets[max(last_shown, 0) :])


def legs_lacking(window: Window, counts: Counts, read_at: datetime) -> int:
    """Count the legs of an earlier answer that are missing now. Recent hours are left out."""
    if not window.known:
        return max(window.known_legs - counts.total(window), 0)
    recent_hours = 2 if window.until > read_at - SETTLED_AFTER else 0
    known = [count for count in window.known if count.hour <= window.last_hour - recent_hours]
    return sum(max(before - shown, 0) for before, shown in _buckets(known, counts))


def _buckets(known: Sequence[HourCount], counts: Counts) -> Iterator[tuple[int, int]]:
    """Yield known and shown legs in the order of an answer. Hours read by an older version know no halves."""
    hours = sorted(known, key=lambda count: count.hour)
    if any(count.inbound is None for count in hours):
        yield from ((count.legs, sum(counts.of[half][count.hour] for half in counts.of)) for count in hours)
        return
    yield from ((count.legs - (count.inbound or 0), counts.of[OUTBOUND][count.hour]) for count in hours)
    yield from ((count.inbound or 0, counts.of[INBOUND][count.hour]) for count in hours)


@dataclass(frozen=True, slots=True)
class Probe:
    """A request for everything behind the last call of an answer: one half, from one hour on."""

    half: str
    first_hour: int


def probes(window: Window, counts: Counts, halves: Sequence[str]) -> Iterator[Probe]:
    """Yield the requests to prove an answer whole.

    An in-group call proves the outbound half before it. Without any, both ends are open.

    Args:
        halves: the halves of the source's calls, in the order of an answer.
    """
    for half in reversed(halves):
        last = counts.last_hour(half)
        if last is not None and last > window.last_hour:
            return  # a dialer that ignores hours has already shown the calls behind
        yield Probe(half, window.first_hour if last is None else max(last, window.first_hour))
        if last is not None:
            return


def shows_all_of(counts: Counts, probe: Probe, first_hour: int) -> bool:
    """Tell whether a proof would ask for everything shown. It may then be cut like the answer."""
    shown = sum(legs for of_half in counts.of.values() for legs in of_half.values())
    return shown > 0 and shown == sum(legs for hour, legs in counts.of[probe.half].items() if hour >= first_hour)


@dataclass(slots=True)
class CutSize:
    """The number of records at which a dialer cut an answer. Answers of about this size may be cut there, too.

    A proof that ends at the same limit as the answer shows the same calls, and proves nothing.
    """

    records: int | None = None

    def note(self, records: int) -> None:
        """Remember the size of a cut answer."""
        if records:
            self.records = min(records, self.records or records)

    def forget_if_passed(self, records: int) -> None:
        """Take a larger answer as evidence against the limit. Something else cut the smaller one."""
        if self._is_passed(records):
            self.records = None

    def may_have_cut(self, records: int) -> bool:
        """Tell whether an answer of this size could end at the limit."""
        return self.records is not None and self.records <= records * LIMIT_VARIES_BY and not self._is_passed(records)

    def _is_passed(self, records: int) -> bool:
        return self.records is not None and records > self.records * LIMIT_VARIES_BY


def shows_less(counts: Counts, other: Counts) -> bool:
    """Tell whether an answer lacks calls of another one for the same window, in any hour of a half."""
    return any(counts.of[half][hour] < legs for half in other.of for hour, legs in other.of[half].items())


def shows_more(probe: Probe, window: Window, first: Counts, behind: Counts, read_at: datetime) -> bool:
    """Tell whether a proof shows calls behind the end of an answer, or is too short itself.

    The running hour proves nothing: it has new calls at any moment, and the next cycle reads it again.
    """
    over = window.last_hour - (window.until > read_at)
    shown, found = first.of[probe.half], behind.of[probe.half]
    if any(found[hour] > shown[hour] for hour in range(probe.first_hour, over + 1)):
        return True
    return bool(shown[probe.first_hour]) and not found[probe.first_hour] and probe.first_hour <= over
