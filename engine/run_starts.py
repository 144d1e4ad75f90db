"""The state that a run reads before its first job: sources, history, and the facts that its jobs carry."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from config import Settings
from database import Warehouse
from errors import PhoneKeyLost
from messages import CLOCK_TOLERANCE, CampaignOutcome, SkippedRow, Source
from planning.history import History, oldest_day_of_interest
from planning.run_facts import RunFacts
from planning.time_zones import has_one_zone
from spool import phones


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """Everything that a cycle or backfill knows before its first job."""

    facts: RunFacts
    now: datetime
    """The moment that the run plans for. A demo works on a past afternoon."""
    started_at: datetime
    """The start by this machine's clock."""
    campaigns: tuple[str, ...]
    sources: Sequence[Source]
    """Sources to read. Those in ``unread`` are not among them."""
    history: History
    unread: Sequence[CampaignOutcome] = ()
    """Outcomes of rows that are not read at all. The first commit puts them into the run history."""
    harmless: tuple[SkippedRow, ...] = ()
    """Rows that need no action."""
    notices: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """source_key → origin of its dialer, for all usable rows, also those in ``unread``."""


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time, is unique, and can be a file name on every system."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def campaign_names(usable: Sequence[Source], skipped: Sequence[SkippedRow]) -> tuple[str, ...]:
    """Return each campaign once, in order, if it has a usable row or one that failed."""
    names = [source.campaign for source in usable] + [row.identity.campaign for row in skipped if row.failed]
    return tuple(dict.fromkeys(names))


def read_history(
    warehouse: Warehouse, sources: Sequence[Source], settings: Settings, now: datetime, *, since: date | None = None
) -> History:
    """Read watermarks and the hours that matter to a plan.

    Hours read by a wrong clock, or in another time zone, are included whatever their age. Hours that lie in the future
    only because this machine's clock is behind the warehouse's are believed.

    Args:
        since: first day whose hours are read, if the plan needs older ones than a cycle does.
    """
    watermarks = warehouse.reader.watermarks()
    oldest = oldest_day_of_interest(sources, watermarks, settings, now)
    wrong = {key for key, watermark in watermarks.items() if watermark.read_until > now + CLOCK_TOLERANCE}
    keys = [key for source in sources if (key := source.key) in wrong or not has_one_zone(source, watermarks.get(key))]
    history = History.from_rows(watermarks, warehouse.reader.hours(min(oldest, since or oldest), keys))
    history.discard_future_reads(sources, now + max(warehouse.clock_gap or timedelta(), timedelta()))
    return history


def read_forgotten_numbers(warehouse: Warehouse, settings: Settings) -> frozenset[str]:
    """Read the hashes of the phone numbers that no worker may spool. Make the workers' key if they need one.

    Raises:
        PhoneKeyLost: these hashes were made with another key, and would match nothing.
    """
    forgotten = warehouse.reader.forgotten_numbers()
    if forgotten or settings.phone_mode != "full":
        phones.make_phone_key(settings.data_dir)
    if forgotten and set(forgotten.values()) != {phones.PhoneKey(settings.data_dir).key_id}:
        raise PhoneKeyLost(settings.data_dir / phones.KEY_FILE)
    return frozenset(forgotten)
