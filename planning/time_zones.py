"""Time zones in which a source was read. After a change of its row, hours of another zone are read again.

The dialer's own days and hours stay as they are. Only the moment in UTC of each call is wrong.
"""

from collections.abc import Mapping
from datetime import date, datetime

from config import Settings
from messages import HourRead, Source, WatermarkRead
from planning.local_days import hour_start

Place = tuple[date, int]


def has_one_zone(source: Source, watermark: WatermarkRead | None) -> bool:
    """Return true if all hours of the source are known to be in the time zone of its row."""
    return watermark is not None and watermark.timezones == {source.timezone}


def hours_in_other_zone(
    source: Source,
    watermark: WatermarkRead | None,
    hours: Mapping[Place, HourRead],
    settings: Settings,
    now: datetime,
) -> set[Place]:
    """Return the past hours that were read in a zone with other moments. Another name for a zone moves nothing.

    An hour without a zone, as an older version left it, was read in the first zone known of its source.
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


def watermark_zones(
    source: Source,
    watermark: WatermarkRead | None,
    hours: Mapping[Place, HourRead],
    settings: Settings,
    now: datetime,
) -> frozenset[str]:
    """Return the zones for the watermark with these hours committed: other zones too, while hours of them are left."""
    left = hours_in_other_zone(source, watermark, hours, settings, now)
    if not left:
        return frozenset({source.timezone})
    others = {hours[place].timezone for place in left} | (watermark.timezones if watermark else set())
    return frozenset({source.timezone, *(zone for zone in others if zone)})


def _start_in(zone: str | None, day: date, hour: int) -> datetime | None:
    """Return the start of an hour in UTC. None for a zone that is unknown, or is not known any more."""
    try:
        return hour_start(day, hour, zone) if zone else None
    except (OSError, ValueError, LookupError):
        return None
