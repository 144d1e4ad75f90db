"""Rows of the credentials table that a run does not read, as outcomes: why not is kept in the run history."""

from collections.abc import Sequence
from datetime import datetime

from config import Settings
from database import Warehouse
from dialers.accounts import is_of
from errors import DialerResting, LoginRejected, RowUnusable, SyncError
from messages import CampaignOutcome, ClientOutcome, Credential, SkippedRow
from schedules.troubles import Troubles


def without_refused(
    warehouse: Warehouse, sources: Sequence[Credential], everyone: Sequence[Credential]
) -> tuple[list[Credential], list[CampaignOutcome]]:
    """Sources to read, and why each is not whose very password the dialer has refused before.

    A refusal is forgotten where ``everyone``, all sources of the table, has that login with other passwords only.
    """
    refusals = warehouse.refused_accounts()
    refused = {id(refusal): [source for source in sources if is_of(refusal, source)] for refusal in refusals}
    logins = {(source.host, source.username) for source in everyone}
    changed = [refusal for refusal in refusals if not any(is_of(refusal, source) for source in everyone)]
    warehouse.forget_refusals([refusal for refusal in changed if (refusal.host, refusal.username) in logins])
    keys = {source.source_key for matching in refused.values() for source in matching}
    left_out = [source for source in sources if source.source_key in keys]
    unread = [_unread(source, LoginRejected(source.host, source.username, source.argument)) for source in left_out]
    return [source for source in sources if source.source_key not in keys], unread


def without_resting(
    troubles: Troubles, sources: Sequence[Credential], settings: Settings, now: datetime
) -> tuple[list[Credential], list[CampaignOutcome]]:
    """Sources to read, and why those are not whose host has not answered for several cycles."""
    resting = troubles.resting(sources, settings.cycle_interval, now)
    unread = []
    for source in sources:
        if source.origin in resting:
            trouble, again = resting[source.origin]
            since = f"{datetime.fromisoformat(trouble.since).astimezone():%Y-%m-%d %H:%M}"
            next_try = f"{again.astimezone():%H:%M}"
            why = DialerResting(source.host, since, trouble.label, next_try, source.argument)
            unread.append(_unread(source, why))
    return [source for source in sources if source.origin not in resting], unread


def _unread(source: Credential, why: SyncError) -> CampaignOutcome:
    """The outcome of a source that is not asked at all."""
    client = ClientOutcome(
        source_key=source.source_key, campaign=source.campaign, client_id=source.client_id,
        client_name=source.client_name, failure=str(why), label=why.label,
    )  # fmt: skip
    return CampaignOutcome(job_id=f"unread-{source.source_key}", campaign=source.campaign, clients=(client,))


def unusable_rows(skipped: Sequence[SkippedRow]) -> tuple[list[CampaignOutcome], tuple[SkippedRow, ...]]:
    """Outcomes of the rows that cannot be used, and the rows that nothing has to be done about."""
    outcomes = [
        CampaignOutcome(
            job_id=f"unusable-{number}",
            campaign=row.campaign,
            clients=(
                ClientOutcome(
                    source_key="", campaign=row.campaign, client_id=row.client_id, client_name=row.client_name,
                    failure=f"not read: {row.reason}", label=RowUnusable.label,
                ),
            ),
        )
        for number, row in enumerate(row for row in skipped if row.failed)
    ]  # fmt: skip
    return outcomes, tuple(row for row in skipped if not row.failed)
