"""Hours with calls in progress: read again often while the calls may end, seldom once they are stuck. Pure.

After a server crash a call stays in progress on its dialer until somebody cleans up there, perhaps for ever. A request
for each such hour in each cycle would cost the dialer more than everything else.
"""

from collections.abc import Iterator, Mapping, Set
from datetime import date, datetime, timedelta

from config import Settings
from messages import HourRead
from planning.local_days import hour_start, local_day

Place = tuple[date, int]
Hours = Mapping[Place, HourRead]

LONGEST_CALL = timedelta(hours=6)
"""A call in progress for longer is stuck."""
STUCK_LATELY = timedelta(days=2)
"""A dialer's own clean-up of the next night ends most of these calls."""
OFTEN, SELDOM = timedelta(hours=1), timedelta(days=1)
"""Time between two reads of an hour with stuck calls: on its first two days, and afterwards."""


def hours_in_progress(hours: Hours, wanted: Set[Place], zone: str, settings: Settings, now: datetime) -> set[Place]:
    """Return the hours to read because of calls in progress, beside the ``wanted`` ones.

    Of the hours with stuck calls, only one run of consecutive hours of one day is returned: it costs one request. The
    hours that have waited longest come first.
    """
    found, due = set[Place](), dict[Place, HourRead]()
    for read, age in _open_hours(hours, zone, settings, now):
        if age < LONGEST_CALL:
            found.add((read.day, read.hour))
        elif now - read.read_at >= (OFTEN if age < STUCK_LATELY else SELDOM):
            due[read.day, read.hour] = read
    for place in wanted & due.keys():
        del due[place]
    if not due:
        return found
    day, hour = min(due, key=lambda place: (due[place].read_at, -place[0].toordinal(), -place[1]))
    first, last = hour, hour
    while (day, first - 1) in due:
        first -= 1
    while (day, last + 1) in due:
        last += 1
    return found | {(day, each) for each in range(first, last + 1)}


def stuck_hours(hours: Hours, zone: str, settings: Settings, now: datetime) -> tuple[HourRead, ...]:
    """Return the hours with stuck calls among the days that still settle, the oldest first."""
    found = [read for read, age in _open_hours(hours, zone, settings, now) if age >= LONGEST_CALL]
    return tuple(sorted(found, key=lambda read: (read.day, read.hour)))


def _open_hours(hours: Hours, zone: str, settings: Settings, now: datetime) -> Iterator[tuple[HourRead, timedelta]]:
    """Yield each hour with calls in progress and the time since its end. Settled days are left out."""
    first_day = local_day(now, zone) - timedelta(days=settings.settle_days)
    for read in hours.values():
        if read.in_progress and read.day >= first_day:
            yield read, now - hour_start(read.day, read.hour + 1, zone)
