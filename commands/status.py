"""`main.py status`: how far each client has been read, what became of it in the last cycle, and what is in the way."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import click

from commands.sessions import ALL_WELL, EXIT_CODES, SOME_FAILED, Session
from commands.summaries import DOUBT, marks
from config import Settings
from credentials.rows import usable_credentials
from database import Warehouse, open_warehouse
from dialers.accounts import is_of
from dialers.versions import WRONG_ZONE, is_about_zone
from errors import LoginRejected, NoCampaigns
from messages import CLOCK_TOLERANCE, Credential, RefusedAccount, SkippedRow, WatermarkRead
from overviews import Overview, RunOverview, SourceOverview
from utils import one_line, plural, utc_now

PATIENCE = timedelta(seconds=30)
"""A commit that is under way holds a DuckDB file for some seconds."""
NOT_READ = "no cycle has read it yet"
CHANGED = "its row was changed since then; the next cycle shows whether it is right"
SHOWN = 5
"""Clients by name in a line that sums them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """One row of the credentials table that is switched on."""

    campaign: str
    client_id: str
    client_name: str
    source_key: str
    last: SourceOverview | None
    """What the last run did with it; None before its first."""
    failure: str | None
    """Of the last run, with what to do."""
    label: str | None
    """Of that failure, or ``wrong time zone``."""
    failing_since: datetime | None
    read_until: datetime | None
    newest_call: datetime | None
    in_quarantine: int
    has_changed: bool
    """Its row, in what the last run had to say against it: that is for the next cycle to see."""

    def age(self, now: datetime) -> timedelta | None:
        return None if self.read_until is None else max(now - self.read_until, timedelta())

    def needs_a_look(self) -> bool:
        """Nothing failed as far as is known: it may be new, or there is something to know of it."""
        nothing = self.read_until is None or self.newest_call is None
        return self.failure is None and (nothing or bool(self.last and self.last.notices))

    def is_well(self, now: datetime, limit: timedelta) -> bool:
        return not self.is_stale(now, limit) and not self.is_ahead(now) and self.label != WRONG_ZONE

    def is_ahead(self, now: datetime) -> bool:
        """Tell whether it was read until a moment that has not come: this machine's clock was wrong, or is."""
        return self.read_until is not None and self.read_until > now + CLOCK_TOLERANCE

    def is_stale(self, now: datetime, limit: timedelta) -> bool:
        age = self.age(now)
        return age is None or age > limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything, at one moment."""

    now: datetime
    stale_after: timedelta
    runs: tuple[RunOverview, ...]
    clients: tuple[ClientStatus, ...]

    @property
    def all_well(self) -> bool:
        return all(client.is_well(self.now, self.stale_after) for client in self.clients)


def status_of(warehouse: Warehouse, settings: Settings, now: datetime) -> Status:
    """Read from the tables alone: no dialer is asked, nothing is held."""
    warehouse.patient_until = now + PATIENCE
    usable, skipped = usable_credentials(warehouse.credential_rows(), settings)
    unusable = [row for row in skipped if row.failed]
    if not usable and not unusable:
        raise NoCampaigns(warehouse.describe())
    overview = warehouse.overview(now)
    watermarks = warehouse.watermarks()
    refusals = warehouse.refused_accounts()
    campaigns = {(source.client_id, source.campaign) for source in usable}
    former = {place[0]: newest for place, newest in overview.newest_calls.items() if place not in campaigns}
    clients = [_client(source, overview, watermarks.get(source.source_key), refusals, former) for source in usable]
    clients += [_unusable(row, overview) for row in unusable]
    return Status(now=now, stale_after=settings.stale_after, runs=overview.runs, clients=tuple(clients))


def _client(
    source: Credential, overview: Overview, watermark: WatermarkRead | None, refusals: Sequence[RefusedAccount],
    former: Mapping[str, datetime],
) -> ClientStatus:  # fmt: skip
    """``former``: newest calls of clients under a campaign that no row has any more."""
    last = next((each for each in overview.sources if each.source_key == source.source_key), None)
    failed = _failed_as_a_whole(source.campaign, overview) or (last if last and last.failure else None)
    label = failed.label if failed else WRONG_ZONE if last and last.label == WRONG_ZONE else None
    has_changed = _has_changed(label, source, last, refusals)
    return ClientStatus(
        campaign=source.campaign,
        client_id=source.client_id,
        client_name=source.client_name,
        source_key=source.source_key,
        last=last,
        failure=CHANGED if failed and has_changed else failed.failure if failed else None,
        label=label,
        failing_since=failed.failing_since if failed else None,
        read_until=watermark.read_until if watermark else None,
        newest_call=overview.newest_calls.get((source.client_id, source.campaign), former.get(source.client_id)),
        in_quarantine=overview.in_quarantine.get(source.source_key, 0),
        has_changed=has_changed,
    )


def _has_changed(
    label: str | None, source: Credential, last: SourceOverview | None, refusals: Sequence[RefusedAccount]
) -> bool:
    """Whether the row has another password, or time zone, than the one that this trouble was about."""
    if label == LoginRejected.label:
        return not any(is_of(refusal, source) for refusal in refusals)
    return label == WRONG_ZONE and last is not None and not is_about_zone(last.notices or "", source.timezone)


def _failed_as_a_whole(campaign: str, overview: Overview) -> SourceOverview | None:
    """The end of a worker that took all of its campaign with it, in the campaign's last run."""
    rows = [each for each in overview.sources if each.campaign == campaign]
    latest = max(rows, key=lambda each: each.ended_at, default=None)
    whole = [each for each in rows if not each.source_key and not each.client_id and each.failure]
    return next((each for each in whole if latest and each.run_id == latest.run_id), None)


def _unusable(row: SkippedRow, overview: Overview) -> ClientStatus:
    told = [
        each
        for each in overview.sources
        if not each.source_key and (each.campaign, each.client_id) == (row.campaign, row.client_id)
    ]
    return ClientStatus(
        campaign=row.campaign, client_id=row.client_id, client_name=row.client_name, source_key="",
        last=told[0] if told else None, failure=f"not read: {row.reason}", label="row cannot be used",
        failing_since=told[0].failing_since if told else None, read_until=None, newest_call=None, in_quarantine=0,
        has_changed=False,
    )  # fmt: skip


def lines(status: Status, *, tick: str, cross: str) -> Iterator[str]:
    """Everything for people; times are those of this machine."""
    offset = f"{status.now.astimezone():%z}"
    yield f"Last runs (times are this machine's, UTC{offset[:3]}:{offset[3:5]}):"
    yield from (f"  {_run(run)}" for run in status.runs)
    if not status.runs:
        yield "  none yet: python main.py --single"
    yield ""
    yield "Clients:"
    for client in status.clients:
        yield f"{_mark(client, status, tick, cross)} {_who(client)}: {_state(client, status)}"
        for told in _told(client):
            yield f"    {told}"
    yield from _why_not_well(status)


def _why_not_well(status: Status) -> Iterator[str]:
    """Which clients the exit code is about."""
    minutes = f"{status.stale_after / timedelta(minutes=1):g} minutes (STALE_AFTER_MINUTES)"
    stale = [client for client in status.clients if client.is_stale(status.now, status.stale_after)]
    groups = {
        "Never read yet": [client for client in stale if client.read_until is None],
        f"Not read in the last {minutes}": [client for client in stale if client.read_until],
        "Read until a moment that has not come, since this machine's clock was wrong then or is now (the next"
        " cycle puts it right)": [client for client in status.clients if client.is_ahead(status.now)],
        "With call times that are hours off": [client for client in status.clients if client.label == WRONG_ZONE],
    }
    for told, clients in groups.items():
        if clients:
            more = f" and {len(clients) - SHOWN} more" if len(clients) > SHOWN else ""
            yield ""
            yield f"{told}: {', '.join(_who(client) for client in clients[:SHOWN])}{more}"


def _mark(client: ClientStatus, status: Status, tick: str, cross: str) -> str:
    wrong_time = client.label == WRONG_ZONE or client.is_ahead(status.now)
    if client.failure or wrong_time or (client.read_until and client.is_stale(status.now, status.stale_after)):
        return cross
    return DOUBT if client.needs_a_look() else tick


def _run(run: RunOverview) -> str:
    took = (
        "not ended" if run.seconds is None else f"{run.seconds:.1f} s, of it {run.commit_seconds or 0:.1f} committing"
    )
    failed = f", {run.failed} failed" if run.failed else ""
    billed = f", {run.bytes_billed / 1e6:,.0f} MB billed" if run.bytes_billed else ""
    return (
        f"{_local(run.ended_at)}  {took}  {plural(run.sources, 'client')}{failed}  {plural(run.requests, 'request')},"
        f" {run.bytes_received / 1e6:,.1f} MB{billed}  {run.inserted:,} inserted, {run.updated:,} updated,"
        f" {run.unchanged:,} unchanged, {run.quarantined:,} quarantined"
    )


def _who(client: ClientStatus) -> str:
    return f"{one_line(client.campaign)} / {one_line(client.client_name or client.client_id)}"


def _state(client: ClientStatus, status: Status) -> str:
    age = client.age(status.now)
    read = f"read until {_local(client.read_until)}, {_ago(age)}" if client.read_until and age is not None else NOT_READ
    parts = [read]
    if client.newest_call:
        parts.append(f"newest call {_local(client.newest_call)}")
    elif client.read_until:
        parts.append("no calls lately")
    if client.last and client.source_key:
        last = client.last
        parts.append(f"last run {last.inserted:,} inserted, {last.updated:,} updated, {last.unchanged:,} unchanged")
    if client.in_quarantine:
        parts.append(f"{client.in_quarantine:,} in quarantine")
    return "; ".join(parts)


def _told(client: ClientStatus) -> Iterator[str]:
    """What is in the way now; else what was, the last time; and what should be known although nothing failed."""
    last = client.last
    if client.failure:
        since = f" since {_local(client.failing_since)}" if client.failing_since else ""
        yield f"{client.label or 'failed'}{since}: {one_line(client.failure, limit=500)}"
    elif last and last.last_failure and last.failed_at:
        yield f"last failure {_local(last.failed_at)}, over since: {last.last_label or 'failed'}"
    if client.has_changed and not client.failure:
        yield CHANGED
    elif last and last.notices:
        yield one_line(last.notices, limit=500)


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _ago(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{plural(minutes, 'minute')} ago"
    return f"{plural(minutes // 60, 'hour')} ago" if minutes < 48 * 60 else f"{plural(minutes // 1440, 'day')} ago"


def report(status: Status) -> str:
    """Everything for a program: one JSON object; moments in UTC."""
    found = {
        "ok": status.all_well,
        "now": status.now,
        "stale_after_minutes": status.stale_after / timedelta(minutes=1),
        "runs": [asdict(run) for run in status.runs],
        "clients": [
            {
                "ok": client.is_well(status.now, status.stale_after),
                "seconds_behind": _seconds(client.age(status.now)),
                **asdict(client),
            }
            for client in status.clients
        ],
    }
    return json.dumps(found, indent=2, default=_as_json)


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)


def _as_json(value: object) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@click.command("status", epilog=f"""\b
Examples:
  python main.py status
  python main.py status --json > status.json

Asks no dialer and may be used while the daemon runs. Ends with 1 if a client that is switched on has not been read
for STALE_AFTER_MINUTES, or its row names the wrong time zone.

{EXIT_CODES}

Environment: as for the daemon (docs/settings.md), and STALE_AFTER_MINUTES.
""")  # fmt: skip
@click.option("--json", "for_programs", is_flag=True, help="One JSON object on stdout; the log goes to stderr.")
@click.pass_obj
def status_command(session: Session, for_programs: bool) -> None:
    """Show how far each client has been read, and what is in the way."""
    settings = session.settings()
    warehouse = open_warehouse(settings, session.stop)
    with redirect_stdout(sys.stderr if for_programs else sys.stdout), closing(warehouse):
        status = status_of(warehouse, settings, utc_now())
    if for_programs:
        click.echo(report(status))
    else:
        tick, cross = marks()
        click.echo("\n".join(lines(status, tick=tick, cross=cross)))
    raise SystemExit(session.interrupted_code or (ALL_WELL if status.all_well else SOME_FAILED))
