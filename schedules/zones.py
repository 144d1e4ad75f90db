"""In which time zone a source was read: what was read in another one than its row names now has to be read again.

The dialer's own days and hours stay as they are; what is wrong is the moment in UTC of each of their calls.
"""

from collections.abc import Mapping
from datetime import date, datetime

from config import Settings
from messages import Credential, HourRead, WatermarkRead
from schedules.days import hour_start

Place = tuple[date, int]


def has_one_zone(source: Credential, watermark: WatermarkRead | None) -> bool:
    """Whether all of its hours are known to be in the time zone that its row names: nothing has to be looked for."""
    return watermark is not None and watermark.timezones == {source.timezone}


def misdated(
    source: Credential,
    watermark: WatermarkRead | None,
    hours: Mapping[Place, HourRead],
    settings: Settings,
    now: datetime,
) -> set[Place]:
    """Past hours whose calls are at other moments in the zone of the row: another name for a zone moves nothing.

    What an older version read, which tells no zone, was in the one that was known of the source first.
    """
    if has_one_zone(source, watermark):
        return set()
    untold = None if watermark and watermark.timezones else source.timezone
    first_day = settings.first_day_kept(now)
    return {
        (day, hour)
        for (day, hour), read in hours.items()
        if day >= first_day
        and (start := hour_start(day, hour, source.timezone)) < now
        and start != _start_in(read.timezone or untold, day, hour)
    }


def zones_told(
    source: Credential,
    watermark: WatermarkRead | None,
    hours: Mapping[Place, HourRead],
    settings: Settings,
    now: datetime,
) -> frozenset[str]:
    """What its watermark tells once these hours are committed: other zones too, until nothing of them is left."""
    left = misdated(source, watermark, hours, settings, now)
    if not left:
        return frozenset({source.timezone})
    others = {hours[place].timezone for place in left} | (watermark.timezones if watermark else set())
    return frozenset({source.timezone, *(zone for zone in others if zone)})


def _start_in(zone: str | None, day: date, hour: int) -> datetime | None:
    """None where the zone is not known, or not any more."""
    try:
        return hour_start(day, hour, zone) if zone else None
    except (OSError, ValueError, LookupError):
        return None
