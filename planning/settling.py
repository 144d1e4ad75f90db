"""Past days that are read again until they have settled: late dispositions change calls for some days.

A day is read once more on each of the SETTLE_DAYS after it. After a gap (an outage, a restored backup, a client that
was off) the last of these reads is made up for, however long the gap was.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from config import Settings
from messages import HourRead, WatermarkRead
from planning.local_days import hour_start, local_day

Hours = Mapping[tuple[date, int], HourRead]


def first_day_to_settle(watermark: WatermarkRead | None, read_until: datetime, zone: str, settings: Settings) -> date:
    """Return the first day that can lack a read. Days before it had all of theirs."""
    day = local_day(read_until - settings.lookback, zone)
    if watermark is not None:
        day -= timedelta(days=settings.settle_days + 1)
    doubted = watermark.doubted_since if watermark else None
    return min(day, doubted or day)


def days_to_settle(hours: Hours, since: date, today: date, zone: str, settings: Settings) -> list[date]:
    """Return the days from ``since`` on that lack a whole read after their settling midnight."""
    if not settings.settle_days:
        return []
    oldest: dict[date, datetime] = {}
    for read in hours.values():
        if since <= read.day < today and not read.doubt:  # an hour in doubt is read in each cycle anyway
            oldest[read.day] = min(read.read_at, oldest.get(read.day, read.read_at))
    settling = timedelta(days=settings.settle_days)
    return [day for day, read_at in oldest.items() if read_at < hour_start(min(day + settling, today), 0, zone)]
