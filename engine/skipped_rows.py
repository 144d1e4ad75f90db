"""Rows of the credentials table that a run does not read, as outcomes with the reason for the run history."""

from collections.abc import Sequence
from datetime import datetime

from config import Settings
from database import Warehouse
from dialers.fingerprints import is_refusal_of
from dialers.machines import identify_machines
from engine.host_backoff import HostBackoff
from errors import DialerResting, LoginRejected, RowUnusable, SyncError
from messages import CampaignOutcome, ClientOutcome, Failure, SkippedRow, Source


def exclude_refused(
    warehouse: Warehouse, sources: Sequence[Source], everyone: Sequence[Source]
) -> tuple[list[Source], list[CampaignOutcome]]:
    """Sources to read, known by their machines, and why each is not whose very password was refused before.

    A refusal is forgotten where ``everyone``, all sources of the table, has that login with other passwords only.
    """
    sources, everyone = identify_machines(sources), identify_machines(everyone)
    refusals = warehouse.reader.account_refusals()
    refused = {id(refusal): [source for source in sources if is_refusal_of(refusal, source)] for refusal in refusals}
    logins = {(source.host, source.username) for source in everyone}
    changed = [refusal for refusal in refusals if not any(is_refusal_of(refusal, source) for source in everyone)]
    warehouse.forget_refusals([refusal for refusal in changed if (refusal.host, refusal.username) in logins])
    keys = {source.key for matching in refused.values() for source in matching}
    left_out = [source for source in sources if source.key in keys]
    unread = [_unread(source, LoginRejected(source.host, source.username, source.argument)) for source in left_out]
    return [source for source in sources if source.key not in keys], unread


def exclude_unreachable(
    backoff: HostBackoff, sources: Sequence[Source], settings: Settings, now: datetime
) -> tuple[list[Source], list[CampaignOutcome]]:
    """Sources to read, and why those are not whose host has not answered for several cycles."""
    origins = [source.address.origin for source in sources]
    unreachable = backoff.hosts.find_resting(origins, settings.cycle_interval, now)
    unread = []
    for source in sources:
        if source.address.origin in unreachable:
            failures, again = unreachable[source.address.origin]
            since = f"{datetime.fromisoformat(failures.since).astimezone():%Y-%m-%d %H:%M}"
            next_try = f"{again.astimezone():%H:%M}"
            why = DialerResting(source.host, since, failures.label, next_try, source.argument)
            unread.append(_unread(source, why))
    return [source for source in sources if source.address.origin not in unreachable], unread


def _unread(source: Source, why: SyncError) -> CampaignOutcome:
    """Build the outcome of a source that is not asked at all."""
    client = ClientOutcome(source=source.identity, failure=Failure.from_error(why))
    return CampaignOutcome(job_id=f"unread-{source.key}", campaign=source.campaign, clients=(client,))


def unusable_rows(skipped: Sequence[SkippedRow]) -> tuple[list[CampaignOutcome], tuple[SkippedRow, ...]]:
    """Return outcomes of the rows that cannot be used, and the rows that need no action."""
    outcomes = [
        CampaignOutcome(
            job_id=f"unusable-{number}",
            campaign=row.identity.campaign,
            clients=(
                ClientOutcome(
                    source=row.identity, failure=Failure.from_error(RowUnusable(row.reason), place="not read: ")
                ),
            ),
        )
        for number, row in enumerate(row for row in skipped if row.failed)
    ]
    return outcomes, tuple(row for row in skipped if not row.failed)
