"""Choices of calls by day, client and campaign."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from database import WarehouseReader
from errors import OptionInvalid
from messages import CallChoice

NEWEST_WITHIN = timedelta(days=31)
"""Age of the oldest day among which the newest one with calls is looked for."""
EARLIEST_MIDNIGHT = timedelta(hours=14)
"""Lead of the first time zone of the earth over UTC. No dialer has a later local day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Calls to be read, and the words for them."""

    choice: CallChoice
    is_newest_day: bool = False
    """True if nobody named a day."""
    calls: int | None = None
    """Number of the calls, if it is known already."""

    @property
    def is_one_day(self) -> bool:
        return self.choice.first == self.choice.last

    @property
    def days_sought(self) -> CallChoice:
        """The choice with all days that were looked through."""
        if self.is_newest_day and self.calls == 0:
            return self.choice.of_days(self.choice.last - NEWEST_WITHIN, self.choice.last)
        return self.choice

    @property
    def days(self) -> str:
        """The days with their preposition, such as ``on 2026-11-28``."""
        first, last = self.choice.first, self.choice.last
        if self.days_sought != self.choice:
            return f"since {self.days_sought.first}"
        days = f"on {first}" if self.is_one_day else f"from {first} to {last}"
        return f"{days} (the newest day with calls)" if self.is_newest_day else days


def choose_calls(
    reader: WarehouseReader,
    now: datetime,
    *,
    first: date | None = None,
    last: date | None = None,
    client: str | None = None,
    campaign: str | None = None,
) -> Extract:
    """Choose the calls of these local days. Without a first day, choose the newest day with calls.

    Raises:
        OptionInvalid: a day has not come yet, or the last one is before the first one.
    """
    latest = (now + EARLIEST_MIDNIGHT).date()
    for day in (first, last):
        if day is not None and day > latest:
            raise OptionInvalid("day", f"{day}", f"{latest} or earlier, since later days have not come yet")
    if first is None and last is not None:
        raise OptionInvalid("last day", f"{last}", "a last day after a first one")
    if first is not None:
        end = last or first
        if end < first:
            raise OptionInvalid("last day", f"{end}", f"{first} (the first day) or later")
        return Extract(choice=CallChoice(first=first, last=end, client=client, campaign=campaign))
    recent = CallChoice(first=latest - NEWEST_WITHIN, last=latest, client=client, campaign=campaign)
    found = reader.call_days(recent)
    newest = max(found, default=latest)
    return Extract(choice=recent.of_days(newest, newest), is_newest_day=True, calls=found.get(newest, 0))
