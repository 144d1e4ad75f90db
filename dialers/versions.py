"""A dialer's build and clock, and the comparison of its clock with the row of the credentials table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from errors import Label, Notice
from messages import CLOCK_TOLERANCE, ShownOffset, Source

VERSION = re.compile(r"BUILD: (\d{5,6})-\d+\|DATE: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|EPOCH: (\d{9,10})\|")
MOST_ZONES = 3
CALLS_ENOUGH = 2
"""Calls that must agree on another zone than the row's: any single uniqueid may be odd."""
USUAL_ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Halifax", "America/Bogota", "America/Mexico_City",
    "America/Sao_Paulo", "UTC", "Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Istanbul",
    "Africa/Johannesburg", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Manila",
    "Asia/Tokyo", "Australia/Brisbane", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
"""Zones to propose, out of several hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialerVersion:
    """The answer to ``function=version``, without a login."""

    build: int
    """yymmdd."""
    now: datetime
    """The present moment by its clock."""
    utc_offset: timedelta
    """Its wall clock less UTC, both by its own clock, in whole minutes."""


@dataclass(frozen=True, slots=True)
class ClockWarning(Notice):
    """A reason why call_time may be wrong, with advice."""

    label: Label | None = None
    """Label for the client. None for a clock that is only a few minutes off."""


def parse_version(text: str) -> DialerVersion | None:
    """Parse build and clock. None if the text has no such line."""
    found = VERSION.search(text)
    if not found:
        return None
    now = datetime.fromtimestamp(int(found[3]), UTC)
    offset = datetime.fromisoformat(found[2]).replace(tzinfo=UTC) - now
    minutes = timedelta(minutes=round(offset.total_seconds() / 60))
    return DialerVersion(build=int(found[1]), now=now, utc_offset=minutes)


def clock_warnings(
    version: DialerVersion, source: Source, now: datetime, shown: ShownOffset | None = None
) -> Iterator[ClockWarning]:
    """Yield the warnings about the zone of the row and about the dialer's clock."""
    zone = zone_warning(version, source, now, shown)
    if zone is not None:
        yield zone
    yield from time_warnings(version, source, now)


def zone_warning(
    version: DialerVersion | None, source: Source, now: datetime, shown: ShownOffset | None
) -> ClockWarning | None:
    """Return the evidence against the row's time zone, if there is any.

    The calls decide. The clock in ``version`` is that of PHP on the web server. It may stand in another zone than the
    clock by which the dialer writes down its calls: it counts only while no call has shown anything.
    """
    if shown is not None and shows_zone(shown, source.timezone):
        return None
    if shown is not None and shown.calls >= CALLS_ENOUGH:
        return ClockWarning(
            f"the calls of {source.host} are {_hours(shown.offset)} UTC, which is not {source.timezone}: call_time"
            " is wrong.",
            "Set Timezone of its row (DEFAULT_TIMEZONE where that is empty) to the zone of the dialer's clock"
            f"{_zones(shown.offset, shown.moment)}, and import it; what was read before is then read again by itself.",
            label=Label.WRONG_TIME_ZONE,
        )
    if version is None or _fits(version.utc_offset, source.timezone, now):
        return None
    return ClockWarning(
        f"the web server of {source.host} is {_hours(version.utc_offset)} UTC, which is not {source.timezone}:"
        " call_time may be wrong.",
        "It shows PHP's date.timezone, which may be another than the dialer's own, and no call has told yet which is"
        " right; a cycle that reads outbound calls finds out by itself. Compare a call in VICIdial with the wall clock"
        f" there. Set Timezone of its row to the zone of the dialer's clock{_zones(version.utc_offset, now)}, and"
        " import it, only if the calls are not in the zone that the row says; else leave it, and correct"
        " date.timezone.",
        label=Label.TIME_ZONE_IN_DOUBT,
    )


def shows_zone(shown: ShownOffset, zone: str) -> bool:
    """Return true if the calls were written down in that zone."""
    return _fits(shown.offset, zone, shown.moment)


def time_warnings(version: DialerVersion, source: Source, now: datetime) -> Iterator[ClockWarning]:
    """Yield a warning if the dialer's clock is wrong, whatever its zone."""
    if abs(version.now - now) > CLOCK_TOLERANCE:
        minutes = round((version.now - now).total_seconds() / 60)
        yield ClockWarning(
            f"the clock of {source.host} is wrong by {minutes:+,} minutes, and so is call_time.",
            "Set it right on the dialer, or this machine's, and keep both right with NTP.",
        )


def _hours(offset: timedelta) -> str:
    """Return a text before UTC, such as ``1 hour ahead of`` or ``3.5 hours behind``."""
    hours = abs(offset) / timedelta(hours=1)
    if not hours:
        return "in"
    return f"{hours:g} {'hour' if hours == 1 else 'hours'} {'ahead of' if offset > timedelta() else 'behind'}"


def _zones(offset: timedelta, moment: datetime) -> str:
    """Render examples of zones with an offset, in brackets."""
    zones = [zone for zone in USUAL_ZONES if _fits(offset, zone, moment)][:MOST_ZONES]
    return f" (at this time of the year that is, for example, {' or '.join(zones)})" if zones else ""


def _fits(offset: timedelta, zone: str, now: datetime) -> bool:
    return abs(offset - (now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())) <= CLOCK_TOLERANCE
