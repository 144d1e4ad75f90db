"""The status of each client: how far it has been read, what became of it in the last run, and what is in the way."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse
from dialers.fingerprints import is_refusal_of
from errors import ABOUT_TIME_ZONE, BECAUSE_OF_STOP, Label, NoCampaigns
from messages import CLOCK_TOLERANCE, RefusedAccount, SkippedRow, Source, SourceIdentity, WatermarkRead
from reports.builds import name_missing_abilities
from status_records import OpenCalls, Overview, RunOverview, SourceOverview

CHANGED = "its row was changed since then; the next cycle shows whether it is right"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """One row of the credentials table that is switched on."""

    source: SourceIdentity
    last: SourceOverview | None
    """The last run of this client; None before its first."""
    failure: str | None
    """The failure of the last run, with advice."""
    label: Label | None
    """The label of that failure, or one of ABOUT_TIME_ZONE."""
    failing_since: datetime | None
    read_until: datetime | None
    newest_call: datetime | None
    """The newest call of its client and campaign. The table of calls does not say which of their rows brought it."""
    open_calls: OpenCalls
    """The open calls of its client and campaign."""
    shares_calls: bool = False
    """True if another row has the same client and campaign."""
    not_available: tuple[str, ...] = ()
    """Abilities that the build of its dialer lacks for its report."""
    in_quarantine: int
    has_changed: bool
    """True if its password or time zone was changed since the last run complained of it. The next cycle decides."""

    def age(self, now: datetime) -> timedelta | None:
        return None if self.read_until is None else max(now - self.read_until, timedelta())

    def needs_a_look(self) -> bool:
        """Tell whether a client without a failure is new, was left unread by a stop, has no calls, or has notices."""
        nothing = self.read_until is None or self.newest_call is None or self.label in BECAUSE_OF_STOP
        return nothing or bool(self.last and self.last.notices)

    def is_well(self, now: datetime, limit: timedelta) -> bool:
        return not self.is_stale(now, limit) and not self.is_ahead(now) and self.label not in ABOUT_TIME_ZONE

    def is_ahead(self, now: datetime) -> bool:
        """Tell whether it was read until a moment that has not come: this machine's clock was wrong, or is."""
        return self.read_until is not None and self.read_until > now + CLOCK_TOLERANCE

    def is_stale(self, now: datetime, limit: timedelta) -> bool:
        age = self.age(now)
        return age is None or age > limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of all clients at one moment."""

    now: datetime
    stale_after: timedelta
    runs: tuple[RunOverview, ...]
    clients: tuple[ClientStatus, ...]

    @property
    def all_well(self) -> bool:
        return all(client.is_well(self.now, self.stale_after) for client in self.clients)


def read_status(warehouse: Warehouse, settings: Settings, now: datetime) -> Status:
    """Read the state of all clients from the tables. No dialer is asked, and nothing is held.

    Raises:
        NoCampaigns: the credentials table has no row that is switched on.
    """
    with warehouse.reader.read_together():
        usable, skipped = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
        unusable = [row for row in skipped if row.failed]
        if not usable and not unusable:
            raise NoCampaigns(warehouse.describe())
        overview = warehouse.reader.overview(now)
        watermarks = warehouse.reader.watermarks()
        refusals = warehouse.reader.account_refusals()
    campaigns = {(source.client_id, source.campaign) for source in usable}
    former = {place[0]: newest for place, newest in overview.newest_calls.items() if place not in campaigns}
    clients = [_client(source, overview, watermarks.get(source.key), refusals, former) for source in usable]
    keys = {source.key for source in usable}
    clients += [_unusable(row, overview, watermarks, keys, settings.default_timezone) for row in unusable]
    rows = Counter((client.source.client_id, client.source.campaign) for client in clients)
    clients = [
        replace(client, shares_calls=rows[client.source.client_id, client.source.campaign] > 1) for client in clients
    ]
    return Status(now=now, stale_after=settings.stale_after, runs=overview.runs, clients=tuple(clients))


def _client(
    source: Source, overview: Overview, watermark: WatermarkRead | None, refusals: Sequence[RefusedAccount],
    former: Mapping[str, datetime],
) -> ClientStatus:  # fmt: skip
    """Build the status of a usable row.

    Args:
        former: newest calls of clients under a campaign that no row has any more.
    """
    last = next((each for each in overview.sources if each.source_key == source.key), None)
    failed = _campaign_failure(source.campaign, overview) or (last if last and last.failure else None)
    label = failed.label if failed else last.label if last and last.label in ABOUT_TIME_ZONE else None
    has_changed = _row_has_changed(label, source, watermark, refusals)
    return ClientStatus(
        source=source.identity,
        last=last,
        failure=CHANGED if failed and has_changed else failed.failure if failed else None,
        label=label,
        failing_since=failed.failing_since if failed else None,
        read_until=_read_until(last, watermark, source.timezone),
        newest_call=overview.newest_calls.get((source.client_id, source.campaign), former.get(source.client_id)),
        open_calls=overview.open_calls.get((source.client_id, source.campaign), OpenCalls()),
        in_quarantine=overview.in_quarantine.get(source.key, 0),
        has_changed=has_changed,
        not_available=name_missing_abilities(last.build, source.report) if last and last.build else (),
    )


def _row_has_changed(
    label: Label | None, source: Source, watermark: WatermarkRead | None, refusals: Sequence[RefusedAccount]
) -> bool:
    """Tell whether the row has another password, or time zone, than the one that the label is about."""
    if label is Label.LOGIN_REJECTED:
        return not any(is_refusal_of(refusal, source) for refusal in refusals)
    return label in ABOUT_TIME_ZONE and watermark is not None and source.timezone not in watermark.timezones


def _campaign_failure(campaign: str, overview: Overview) -> SourceOverview | None:
    """Return the failure of a campaign as a whole in its last run, such as a worker that died."""
    rows = [each for each in overview.sources if each.campaign == campaign]
    latest = max(rows, key=lambda each: each.ended_at, default=None)
    whole = [each for each in rows if not each.source_key and not each.client_id and each.failure]
    return next((each for each in whole if latest and each.run_id == latest.run_id), None)


def _read_until(last: SourceOverview | None, watermark: WatermarkRead | None, zone: str) -> datetime | None:
    """Return the watermark. None if it only marks the start of the first load, a local midnight."""
    if watermark is None:
        return None
    if last and last.read_at:
        return watermark.read_until
    days = ((watermark.read_until.astimezone(ZoneInfo(name)).date(), name) for name in watermark.timezones | {zone})
    starts = {datetime.combine(day, time(), ZoneInfo(name)).timestamp() for day, name in days}
    return None if watermark.read_until.timestamp() in starts else watermark.read_until


def _unusable(
    row: SkippedRow, overview: Overview, watermarks: Mapping[str, WatermarkRead], usable: Collection[str], zone: str
) -> ClientStatus:  # fmt: skip
    """Build the status of a row that cannot be used, with what is known from before.

    Args:
        usable: keys of the usable rows.
        zone: the zone of a row that names none.
    """
    client, campaign = row.identity.client_id, row.identity.campaign
    of_client = [each for each in overview.sources if (each.client_id, each.campaign) == (client, campaign)]
    failed = next((each for each in of_client if not each.source_key), None)
    earlier = _earlier_source(row, of_client, usable)
    key = earlier.source_key if earlier else row.source_key
    return ClientStatus(
        source=row.identity, last=failed or earlier,
        failure=f"not read: {row.reason}", label=Label.ROW_CANNOT_BE_USED,
        failing_since=failed.failing_since if failed else None,
        read_until=_read_until(earlier, watermarks.get(key), row.timezone or zone),
        newest_call=overview.newest_calls.get((client, campaign)),
        open_calls=overview.open_calls.get((client, campaign), OpenCalls()),
        in_quarantine=overview.in_quarantine.get(key, 0), has_changed=False,
    )  # fmt: skip


def _earlier_source(
    row: SkippedRow, of_client: Sequence[SourceOverview], usable: Collection[str]
) -> SourceOverview | None:
    """Return the source that the row was before. With another URL, that is the only one of its client and campaign."""
    same = [each for each in of_client if each.source_key == row.source_key]
    others = [each for each in of_client if each.source_key and each.source_key not in usable]
    return next(iter(same), others[0] if len(others) == 1 else None)
