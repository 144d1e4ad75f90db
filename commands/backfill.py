"""`main.py backfill`: reads whole past days again, through the same pool and the same commit as a cycle."""

import logging
import threading
from datetime import date, datetime, timedelta

import xxhash

from commands.progress import Progress
from commands.runs import Run, RunResult, ended, new_run_id, read_history
from commands.unread import unusable_rows, without_refused
from config import Settings
from credentials.rows import usable_credentials
from database import Warehouse
from errors import (
    AccountLocked,
    CommitAbandoned,
    DiskFull,
    LoginUnclear,
    MemoryShort,
    NobodyChosen,
    NoCampaigns,
    OptionInvalid,
    RequestCancelled,
    SlotUnavailable,
    WarehouseAway,
    WarehouseBusy,
    WarehouseUnreachable,
)
from messages import Credential, SkippedRow
from schedules.days import local_day
from schedules.plans import group_by_campaign, plan_backfill
from schedules.troubles import AWAY
from utils import plural, utc_now

LOG = logging.getLogger(__name__)

PASSING = (
    AccountLocked, LoginUnclear, MemoryShort, RequestCancelled, SlotUnavailable,
    WarehouseAway, WarehouseBusy, WarehouseUnreachable, CommitAbandoned, DiskFull,
)  # fmt: skip
GOES_ON = AWAY | {error.label for error in PASSING} | {"timed out", "worker died", "not started"}
"""How a day ends that the same command should go on with, since time alone may help.

Not what somebody has to repair, nor an empty HTTP 500, which may be of one day for ever: progress that is never ended
would keep the same command from reading the other days anew.
"""


def run_backfill(
    warehouse: Warehouse, settings: Settings, now: datetime, stop: threading.Event,
    *, first: date, last: date, campaign: str | None, client: str | None,
) -> RunResult:  # fmt: skip
    """Read the dialers' local days ``first`` to ``last``, inclusive; killed half way, it goes on where it stopped.

    Its progress is its own: cycle watermarks do not move, and a day that shows nothing new changes no row.
    """
    if first < settings.first_day_kept(now):
        kept = f"{settings.first_day_kept(now)} or later: CALL_DAYS={settings.call_days} deletes what is older"
        raise OptionInvalid("--from", first.isoformat(), kept)
    usable, skipped = usable_credentials(warehouse.credential_rows(), settings)
    chosen = [source for source in usable if is_chosen(source, campaign, client)]
    if not chosen:
        raise nobody(warehouse, campaign, client)
    over = min(local_day(now, source.timezone) for source in chosen) - timedelta(days=1)
    if last > over:
        raise OptionInvalid("--to", last.isoformat(), f"{over} or earlier, a day that is over; cycles read today")
    sources, refused = without_refused(warehouse, chosen, usable)
    of_choice = [row for row in skipped if is_chosen(row, campaign, client)]
    unusable, harmless = unusable_rows(of_choice)
    history = read_history(warehouse, sources, settings, now, since=first)
    backfill_id = _backfill_id(first, last, campaign, client)
    done = warehouse.backfilled(backfill_id)
    run_id = new_run_id(now)
    campaigns = group_by_campaign(sources)
    jobs = plan_backfill(campaigns, history, now, run_id, first=first, last=last, backfill_id=backfill_id, done=done)
    days = (last - first).days + 1
    if done:
        LOG.info("Going on with a backfill that was interrupted: %s done before", plural(len(done), "client day"))
    LOG.info("Backfilling %s of %s", plural(days, "day"), plural(len(campaigns), "campaign"))
    with Progress() as progress:
        unread = [*refused, *unusable]
        run = Run(run_id, now, warehouse, settings, sources, history, stop, progress, unread=unread)
        results = tuple(run.results(jobs))
    if stop.is_set() or any(result.label in GOES_ON for result in results):
        LOG.info("The same command goes on with the days that are missing, and does not read the others again")
    else:
        warehouse.end_backfill(backfill_id)
    billed = ended(run, utc_now() - now)
    names = tuple(group_by_campaign(chosen))
    return RunResult(run_id, now, utc_now() - now, names, results, harmless, billed)


def is_chosen(row: Credential | SkippedRow, campaign: str | None, client: str | None) -> bool:
    """Whether --campaign and --client, which names a client by ClientName or ClientID, mean this row."""
    return campaign in (None, row.campaign) and client in (None, row.client_id, row.client_name)


def nobody(warehouse: Warehouse, campaign: str | None, client: str | None) -> NoCampaigns:
    """The error of a choice that means no row."""
    options = {"--campaign": campaign, "--client": client}
    chosen = " and ".join(f"{option} {value!r}" for option, value in options.items() if value is not None)
    return NobodyChosen(warehouse.describe(), chosen) if chosen else NoCampaigns(warehouse.describe())


def _backfill_id(first: date, last: date, campaign: str | None, client: str | None) -> str:
    """The same command is the same backfill, also after a client was switched off, added or corrected."""
    words = (first.isoformat(), last.isoformat(), repr(campaign), repr(client))
    return xxhash.xxh3_128_hexdigest("\x1f".join(words).encode("utf-8"))
