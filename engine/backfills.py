"""A backfill: whole past days, read again through the same pool and the same commit as a cycle."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import xxhash

from campaign_processor import process_campaign
from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from dialers.unreachable_hosts import AWAY
from engine.row_choice import is_chosen, no_match_error
from engine.run_results import RunResult
from engine.run_starts import RunStart, campaign_names, new_run_id, read_forgotten_numbers, read_history
from engine.runs import open_run
from engine.skipped_rows import exclude_refused, unusable_rows
from errors import (
    AccountLocked,
    CommitAbandoned,
    DiskFull,
    Label,
    LoginUnclear,
    MemoryShort,
    OptionInvalid,
    OptionRefused,
    ProxyFailed,
    RequestCancelled,
    SlotUnavailable,
    WarehouseAway,
    WarehouseBusy,
    WarehouseUnreachable,
)
from messages import SkippedRow, Source
from planning.local_days import local_day
from planning.plans import group_by_campaign, plan_backfill
from planning.run_facts import RunFacts
from utils import one_line, plural, utc_now

LOG = logging.getLogger(__name__)

PASSING = (
    AccountLocked, LoginUnclear, MemoryShort, ProxyFailed, RequestCancelled, SlotUnavailable,
    WarehouseAway, WarehouseBusy, WarehouseUnreachable, CommitAbandoned, DiskFull,
)  # fmt: skip
UNFINISHED = AWAY | {error.label for error in PASSING} | {Label.TIMED_OUT, Label.WORKER_DIED, Label.NOT_STARTED}
"""Labels of days that the same command should try again, since time alone may help.

Failures that somebody has to repair are not among them, nor is an empty HTTP 500, which one day may give for ever.
Progress that never ends would keep the same command from reading the other days anew.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillChoice:
    """The days and clients of one backfill."""

    first: date
    last: date
    """Inclusive."""
    campaign: str | None = None
    client: str | None = None
    """ClientName or ClientID."""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def backfill_id(self) -> str:
        """The id of the progress. It stays the same after a client was switched off, added or corrected."""
        words = (self.first.isoformat(), self.last.isoformat(), repr(self.campaign), repr(self.client))
        return xxhash.xxh3_128_hexdigest("\x1f".join(words).encode("utf-8"))

    def takes(self, row: Source | SkippedRow) -> bool:
        return is_chosen(row, self.campaign, self.client)


def run_backfill(warehouse: Warehouse, settings: Settings, stop: threading.Event, choice: BackfillChoice) -> RunResult:
    """Read whole local days of the dialers again. A run that was killed half way goes on where it stopped.

    Progress of a backfill is its own: cycle watermarks do not move, and a day without news changes no row.

    Raises:
        OptionInvalid: a day that CALL_DAYS has deleted.
        OptionRefused: a day that is not over yet.
        NoCampaigns: the choice names no row.
    """
    with warehouse.reader.read_together():
        start = start_backfill(warehouse, settings, choice)
        done = warehouse.reader.backfill_progress(choice.backfill_id)
    campaigns = group_by_campaign(start.sources)
    jobs = plan_backfill(
        campaigns, start.history, start.now, start.facts,
        first=choice.first, last=choice.last, backfill_id=choice.backfill_id, done=done,
    )  # fmt: skip
    if done:
        LOG.info("Going on with an unfinished backfill, without %s read before", plural(len(done), "client day"))
    LOG.info("Backfilling %s of %s", plural(choice.days, "day"), plural(len(campaigns), "campaign"))
    with open_run(start, warehouse, settings, stop) as run:
        for outcomes in run.outcomes(jobs, process_campaign):
            run.commit(outcomes)
    if stop.is_set() or any(result.label in UNFINISHED for result in run.results):
        LOG.info("The same command goes on with the days that are missing, and does not read the others again")
    else:
        warehouse.end_backfill(choice.backfill_id)
    return run.end()


def start_backfill(warehouse: Warehouse, settings: Settings, choice: BackfillChoice) -> RunStart:
    """Read everything that a backfill knows before its first job."""
    now = utc_now()
    if choice.first < settings.first_day_kept(now):
        kept = f"{settings.first_day_kept(now)} or later: CALL_DAYS={settings.call_days} deletes what is older"
        raise OptionInvalid("--from", choice.first.isoformat(), kept)
    usable, skipped = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
    chosen = [source for source in usable if choice.takes(source)]
    if not chosen:
        raise no_match_error(warehouse, choice.campaign, choice.client)
    _check_last_day(choice.last, chosen, now)
    sources, refused = exclude_refused(warehouse, chosen, usable)
    unusable, harmless = unusable_rows([row for row in skipped if choice.takes(row)])
    history = read_history(warehouse, sources, settings, now, since=choice.first)
    facts = RunFacts(
        run_id=new_run_id(now), forgotten=read_forgotten_numbers(warehouse, settings),
        warehouse_gap=warehouse.clock_gap,
    )  # fmt: skip
    return RunStart(
        facts=facts, now=now, started_at=now, campaigns=campaign_names(chosen, ()), sources=sources, history=history,
        unread=[*refused, *unusable], harmless=harmless,
    )  # fmt: skip


def _check_last_day(last: date, sources: Sequence[Source], now: datetime) -> None:
    earliest = min(sources, key=lambda source: local_day(now, source.timezone))
    over = local_day(now, earliest.timezone) - timedelta(days=1)
    if last > over:
        where = f"in {earliest.timezone} ({one_line(earliest.client_name)})"
        raise OptionRefused(
            f"--to {last}: this day is not over {where}.",
            f"Use {over} or earlier, or choose other clients with --client. The cycles read today.",
        )
