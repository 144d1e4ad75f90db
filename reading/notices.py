"""Notices and places of failures for the operator, about the reading of one client. Pure."""

from collections.abc import Collection, Sequence
from datetime import date

from messages import HourCount, Source, Window
from reading.completeness import Doubt, Reason
from utils import one_line, plural

NAMED_DAYS = 5
"""Days by name in one message."""
USUAL_CAUSE = (
    "On the dialer, look in its web server's error log for a crashed table (repair it with mysqlcheck), PHP's"
    " memory_limit or max_execution_time."
)
CAUSES = {
    Reason.LONG_RECORD: (
        "No record of VICIdial is as long: see what on the dialer, or on a proxy before it, answers there."
    )
}
"""Advice for a window in doubt, if the usual cause of cut answers does not fit."""


def certificate_unchecked(source: Source) -> str:
    return (
        f"the TLS certificate of {source.host} is not checked, since its row says so (VerifyTLS): who stands in"
        " between can read the password and the calls"
    )


def window_in_doubt(host: str, doubts: Sequence[tuple[Window, Doubt]]) -> str:
    """Describe the pieces in doubt of one planned window, with advice for an operator."""
    window, doubt = doubts[0]
    hours = ", ".join(_name_hours(piece) for piece, _ in doubts)
    return (
        f"{host} does not show all calls of {window.day} (hours {hours}): {doubt.text}. What came is kept, and these"
        f" hours are read again in every cycle. {CAUSES.get(doubt.reason, USUAL_CAUSE)}"
    )


def _name_hours(window: Window) -> str:
    first, last = window.first_hour, window.last_hour
    return f"{first}" if first == last else f"{first}-{last}"


def days_mended(host: str, days: Collection[date]) -> str:
    return (
        f"{host} first showed {name_days(sorted(set(days)))} cut short, and whole when it was asked again or for less"
        " at once"
    )


def stuck_calls(host: str, hours: Sequence[HourCount]) -> str:
    """Describe the calls in progress for too long. ``hours`` have such calls, the oldest first."""
    count = sum(hour.in_progress for hour in hours)
    return (
        f"{plural(count, 'call')} of {host} in progress for longer than any call lasts,"
        f" since {hours[0].day} {hours[0].hour:02}:00 of its clock at the earliest: asked for once an hour,"
        " after a day once a day for SETTLE_DAYS, and then left as they are. End them on the dialer (its"
        " nightly clean-up does, where it runs)."
    )


def other_zone(timezone: str, days: int, left: int) -> str:
    """Describe the days read in another time zone, and the number of days left."""
    what = f"its time zone is {timezone} now and was another before:"
    read = plural(days, "day")
    goes_on = f"of {read} that were read, {left} are still to be read again; the next cycles go on"
    done = f"what was read of {read} has been read again, and call_time is right"
    return f"{what} {goes_on if left else done}"


def unread_day_of_other_zone(error: Exception) -> str:
    return f"a day could not be read again, and is tried once more: {error}"


def record_limit(host: str, day: date, most: int) -> str:
    return (
        f"{host} shows at most {most:,} calls at once, and that many came for {day}:"
        " others of that day are missing; name campaigns and in-groups in several rows"
    )


def names_lost(source: Source, names: str) -> str:
    return (
        f"{source.host} no longer shows user {source.username!r} {names}, which it showed"
        " before: their calls are not read any more. Were they deleted? Else look at the login's user group on"
        " the dialer; docs/dialer-rights.md says which setting hides what."
    )


def unread_place(source: Source, windows: Sequence[Window]) -> str:
    """Name agent and days of unread windows, as the beginning of a failure. Empty if there are none."""
    if not windows:
        return ""
    agent = f"agent {one_line(source.identity.agent)}, " if source.identity.agent else ""
    return f"{agent}{name_days(sorted({window.day for window in windows}))} could not be read: "


def name_days(days: Sequence[date]) -> str:
    named = ", ".join(map(str, days[:NAMED_DAYS]))
    return named if len(days) <= NAMED_DAYS else f"{named} and {plural(len(days) - NAMED_DAYS, 'other day')}"
