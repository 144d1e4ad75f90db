"""Choices of calls by day, client and campaign, and the reason why there are none."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse, WarehouseReader
from engine.row_choice import is_chosen, no_match_error
from errors import OptionInvalid, OptionRefused
from messages import CallChoice, SkippedRow, Source

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
    def days(self) -> str:
        """The days with their preposition, such as ``on 2026-11-28``."""
        first, last = self.choice.first, self.choice.last
        if self.is_newest_day and self.calls == 0:
            return f"since {last - NEWEST_WITHIN}"
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


def explain_absence(warehouse: Warehouse, settings: Settings, extract: Extract, now: datetime) -> str:
    """Return a sentence for a choice without calls.

    Raises:
        NobodyChosen: no row of the credentials table has these names.
        OptionRefused: the days were not read, or their calls are deleted.
    """
    choice = extract.choice
    keys = _find_sources(warehouse, settings, choice)
    first_day = warehouse.reader.first_day_read(keys)
    names = {"client": choice.client, "campaign": choice.campaign}
    chosen = " and ".join(f"{kind} {name!r}" for kind, name in names.items() if name is not None)
    whose = f" of {chosen}" if chosen else ""
    if first_day is None:
        return f"No calls{whose} were read yet. `python main.py status` says why, and `python main.py --single` reads."
    if settings.call_days and choice.last < (kept := settings.first_day_kept(now)):
        raise OptionRefused(
            f"No calls{whose} {extract.days}: CALL_DAYS keeps those since {kept}.", "Choose this day or a later one."
        )
    if choice.last < first_day:
        raise OptionRefused(
            f"No calls{whose} {extract.days}: the first day read is {first_day}.",
            f"`python main.py backfill --from {choice.first} --to {choice.last}` reads earlier ones.",
        )
    older = " Name an older day with --day." if extract.is_newest_day else ""
    return f"No calls{whose} {extract.days}.{older}"


def _find_sources(warehouse: Warehouse, settings: Settings, choice: CallChoice) -> list[str]:
    """Return the keys of the chosen rows of the credentials table. No key stands for all rows."""
    if (choice.campaign, choice.client) == (None, None):
        return []
    usable, skipped = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
    rows: list[Source | SkippedRow] = [*usable, *skipped]
    if not any(is_chosen(row, choice.campaign, choice.client) for row in rows):
        raise no_match_error(warehouse, choice.campaign, choice.client)
    return [source.key for source in usable if is_chosen(source, choice.campaign, choice.client)]
