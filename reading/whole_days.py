"""Windows of whole local days: for dialers that know no hours, and for dialers with another day than the plan."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from messages import Source, Window
from planning.local_days import hour_start, local_day, local_hour


def merge_by_day(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Merge windows to one per day, from midnight on, so that a whole-day answer is asked for once."""
    days: dict[date, Window] = {}
    for window in windows:
        other = days.get(window.day, window)
        days[window.day] = replace(
            window,
            first_hour=0,
            last_hour=max(window.last_hour, other.last_hour),
            since=min(window.since, other.since),
            until=max(window.until, other.until),
            known_legs=window.known_legs + (other.known_legs if other is not window else 0),
            first_read=window.first_read or other.first_read,
            known=tuple({count.hour: count for count in (*window.known, *other.known)}.values()),
            doubted=window.doubted or other.doubted,
        )
    return tuple(days.values())


def build_recent_days(source: Source, now: datetime) -> tuple[Window, ...]:
    """Build the windows of today and yesterday by the dialer's own clock."""
    today = local_day(now, source.timezone)
    hours = ((today, local_hour(now, source.timezone)), (today - timedelta(days=1), 23))
    return tuple(
        Window(
            day=day,
            first_hour=0,
            last_hour=last_hour,
            since=hour_start(day, 0, source.timezone),
            until=hour_start(day, last_hour + 1, source.timezone),
            first_read=True,
        )
        for day, last_hour in hours
    )
