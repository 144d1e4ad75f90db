"""Local days and hours of a dialer as spans of UTC, with days of 23 and 25 hours."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOURS = range(24)


def local_day(moment: datetime, zone: str) -> date:
    """Return the calendar day that a dialer's clock shows at a moment."""
    return moment.astimezone(ZoneInfo(zone)).date()


def local_hour(moment: datetime, zone: str) -> int:
    return moment.astimezone(ZoneInfo(zone)).hour


def hour_start(day: date, hour: int, zone: str) -> datetime:
    """Return the first moment (UTC) at which a dialer's clock shows an hour. Hour 24 is the next day's first.

    An hour that the clock skips starts at its own end and is empty. An hour that occurs twice lasts twice as long.
    """
    if hour == 24:
        day, hour = day + timedelta(days=1), 0
    return datetime.combine(day, time(hour), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours_between(since: datetime, until: datetime, zone: str) -> Iterator[tuple[date, int, datetime, datetime]]:
    """Yield day, hour, start and end of every local hour that overlaps ``since`` ≤ t < ``until``, ascending."""
    day = local_day(since, zone)
    last = local_day(until, zone)
    while day <= last:
        for hour in HOURS:
            start, end = hour_start(day, hour, zone), hour_start(day, hour + 1, zone)
            if start < end and start < until and end > since:
                yield day, hour, start, end
        day += timedelta(days=1)
