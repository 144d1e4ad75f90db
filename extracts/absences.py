"""The reason why a choice has no calls: there were none, or nobody has read its days."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from engine.row_choice import is_chosen, no_match_error
from errors import OptionRefused
from extracts.choices import Extract
from messages import CallChoice, SkippedRow, Source

STATUS_SAYS_WHY = "`python main.py status` says why, and `python main.py --single` reads."
ONE_DAY = timedelta(days=1)
PLAIN = re.compile(r"[\w.-]+")


def explain_absence(warehouse: Warehouse, settings: Settings, extract: Extract, now: datetime) -> str:
    """Return a sentence for a choice without calls.

    Raises:
        NobodyChosen: no row of the credentials table has these names.
        OptionRefused: none of the days was read, or their calls are deleted.
    """
    usable, skipped = _find_rows(warehouse, settings, extract.choice)
    is_named = (extract.choice.client, extract.choice.campaign) != (None, None)
    keys = [*(source.key for source in usable), *(row.source_key for row in skipped)] if is_named else []
    whose, sought = _name_clients(extract.choice), extract.days_sought
    kept = settings.first_day_kept(now)
    if sought.last < kept:
        raise OptionRefused(
            f"No calls{whose} {extract.days}: CALL_DAYS keeps those since {kept}.", "Choose this day or a later one."
        )
    why = f" Not read now: {skipped[0].reason}." if is_named and not usable else ""
    days_read = warehouse.reader.days_read(sought, keys)
    if not days_read:
        raise OptionRefused(
            _describe_unread(warehouse.reader.first_day_read(keys), extract, whose) + why,
            _advise_read(sought, usable, kept, now),
        )
    unread = (sought.last - sought.first).days + 1 - len(days_read)
    partly = f" Days not read among them: {unread}." if unread and not extract.is_newest_day else ""
    older = " Name an older day with --day." if extract.is_newest_day else ""
    return f"No calls{whose} {extract.days}.{partly}{older}{why}"


def _find_rows(
    warehouse: Warehouse, settings: Settings, choice: CallChoice
) -> tuple[Sequence[Source], Sequence[SkippedRow]]:
    """Return the chosen rows of the credentials table: those that are read, and others."""
    usable, skipped = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
    chosen = [row for row in usable if is_chosen(row, choice.campaign, choice.client)]
    others = [row for row in skipped if is_chosen(row, choice.campaign, choice.client)]
    if not (chosen or others) and (choice.campaign, choice.client) != (None, None):
        raise no_match_error(warehouse, choice.campaign, choice.client)
    return chosen, others


def _name_clients(choice: CallChoice) -> str:
    names = {"client": choice.client, "campaign": choice.campaign}
    chosen = " and ".join(f"{kind} {name!r}" for kind, name in names.items() if name is not None)
    return f" of {chosen}" if chosen else ""


def _describe_unread(first_day: date | None, extract: Extract, whose: str) -> str:
    if first_day is None:
        return f"No calls{whose} were read yet."
    if extract.choice.last < first_day:
        return f"No calls{whose} {extract.days}: the first day read is {first_day}."
    one_day = extract.days_sought.first == extract.days_sought.last
    return f"No calls{whose} {extract.days}: {'this day was not' if one_day else 'none of these days was'} read."


def _advise_read(sought: CallChoice, sources: Sequence[Source], kept: date, now: datetime) -> str:
    """Return the command that reads these days. A backfill takes days that are over for each of its clients."""
    if not sources and (sought.client, sought.campaign) == (None, None):
        return STATUS_SAYS_WHY
    if not sources:
        return "`python main.py clients list` shows the rows. Correct them or switch them on to read these days."
    over = min(now.astimezone(ZoneInfo(source.timezone)).date() for source in sources) - ONE_DAY
    first, last = max(sought.first, kept), min(sought.last, over)
    if last < first:
        return STATUS_SAYS_WHY
    options = {"--campaign": sought.campaign, "--client": sought.client}
    chosen = "".join(f" {option} {_quote(value)}" for option, value in options.items() if value is not None)
    return f"`python main.py backfill --from {first} --to {last}{chosen}` reads {'it' if first == last else 'them'}."


def _quote(name: str) -> str:
    return name if PLAIN.fullmatch(name) else f'"{name}"'
