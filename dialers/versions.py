"""What a dialer tells of itself without a login, and whether its clock fits the row of the credentials table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from errors import WrongZone
from messages import CLOCK_TOLERANCE, Credential

VERSION = re.compile(r"BUILD: (\d{5,6})-\d+\|DATE: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|EPOCH: (\d{9,10})\|")
MOST_ZONES = 3
WRONG_CLOCK = "wrong clock"
WRONG_ZONE = WrongZone.label
"""Also of a client whose calls were read, and carry times that are hours off."""
USUAL_ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Halifax", "America/Bogota", "America/Mexico_City",
    "America/Sao_Paulo", "UTC", "Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Istanbul",
    "Africa/Johannesburg", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Manila",
    "Asia/Tokyo", "Australia/Brisbane", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
"""Of the several hundred there are, those to propose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialerVersion:
    """What ``function=version`` tells without a login."""

    build: int
    """As yymmdd."""
    now: datetime
    """Its idea of the present moment."""
    utc_offset: timedelta
    """Its wall clock less UTC, both by its own clock, in whole minutes."""


@dataclass(frozen=True, slots=True)
class ClockTrouble:
    """Why call_time is wrong, and what to do about it."""

    happened: str
    advice: str
    wrong_zone: bool = False
    """Rather than a clock that is a few minutes off."""

    def __str__(self) -> str:
        return f"{self.happened} {self.advice}"


def version_in(text: str) -> DialerVersion | None:
    """Build and clock; None where an answer does not tell them."""
    found = VERSION.search(text)
    if not found:
        return None
    now = datetime.fromtimestamp(int(found[3]), UTC)
    offset = datetime.fromisoformat(found[2]).replace(tzinfo=UTC) - now
    minutes = timedelta(minutes=round(offset.total_seconds() / 60))
    return DialerVersion(build=int(found[1]), now=now, utc_offset=minutes)


def clock_troubles(version: DialerVersion, source: Credential, now: datetime) -> Iterator[ClockTrouble]:
    """Whether the dialer's clock runs in the row's time zone, and is right."""
    if not _fits(version.utc_offset, source.timezone, now):
        hours = version.utc_offset.total_seconds() / 3600
        zones = [zone for zone in USUAL_ZONES if _fits(version.utc_offset, zone, now)][:MOST_ZONES]
        such = f" (at this time of the year that is, for example, {' or '.join(zones)})" if zones else ""
        yield ClockTrouble(
            f"{source.host} is {hours:+g} hours from UTC, which is not {source.timezone}: call_time is wrong.",
            f"Set Timezone of its row (DEFAULT_TIMEZONE where that is empty) to the zone of the dialer's clock{such},"
            " and import it; what was read before is then read again by itself.",
            wrong_zone=True,
        )
    if abs(version.now - now) > CLOCK_TOLERANCE:
        minutes = round((version.now - now).total_seconds() / 60)
        yield ClockTrouble(
            f"the clock of {source.host} is wrong by {minutes:+,} minutes, and so is call_time.",
            "Set it right on the dialer, or this machine's, and keep both right with NTP.",
        )


def is_about_zone(told: str, zone: str) -> bool:
    """Whether a trouble that was told earlier is about a row in that zone."""
    return f"which is not {zone}:" in told


def _fits(offset: timedelta, zone: str, now: datetime) -> bool:
    return abs(offset - (now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta())) <= CLOCK_TOLERANCE
