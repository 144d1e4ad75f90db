"""`main.py status`: prints the progress and the failures of every client."""

import json
import sys
from collections.abc import Collection, Iterator
from contextlib import closing, redirect_stdout
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from commands.exit_codes import ALL_WELL, SOME_FAILED
from commands.help_texts import help_epilog
from commands.output import WARNING_MARK, marks
from commands.sessions import Session
from database import open_for_reading
from errors import BECAUSE_OF_STOP, Label
from messages import find_common_titles
from monitoring.status import CHANGED, ClientStatus, Status, read_status
from status_records import RunOverview
from utils import format_moment, one_line, plural, utc_now

NOT_READ = "no cycle has read it yet"
CLOCKS_AGREE_SECONDS = 5
CLIENTS_NAMED = 5
"""Clients by name in a line that sums them up."""


@click.command(
    "status",
    epilog=help_epilog(
        """
status
status --json > status.json
""",
        remarks="""No dialer is asked. The daemon may run meanwhile. The exit code is 1 only if an enabled client was
not read for STALE_AFTER_MINUTES (or never), or if its row may have the wrong time zone. A failure does not change it
before that.""",
        settings="Environment: as for the daemon (docs/settings.md), and STALE_AFTER_MINUTES.",
    ),
)
@click.option("--json", "for_programs", is_flag=True, help="Print one JSON object. The log goes to stderr.")
@click.pass_obj
def status_command(session: Session, for_programs: bool) -> None:
    """Show the progress and the failures of every client."""
    settings = session.begin()
    warehouse = open_for_reading(settings, session.stop)
    with redirect_stdout(sys.stderr if for_programs else sys.stdout), closing(warehouse):
        status = read_status(warehouse, settings, utc_now())
    if for_programs:
        click.echo(render_json(status))
    else:
        tick, cross = marks()
        click.echo("\n".join(render_status(status, tick=tick, cross=cross)))
    raise SystemExit(session.interrupted_code or (ALL_WELL if status.all_well else SOME_FAILED))


def render_status(status: Status, *, tick: str, cross: str) -> Iterator[str]:
    """Yield the lines for people. Times are those of this machine."""
    offset = f"{status.now.astimezone():%z}"
    yield f"Last runs (times are this machine's, UTC{offset[:3]}:{offset[3:5]}):"
    yield from (f"  {_run(run)}" for run in status.runs)
    if not status.runs:
        yield "  none yet: python main.py --single"
    yield ""
    yield "Clients:"
    common = find_common_titles(client.source for client in status.clients)
    for client in status.clients:
        yield f"{_mark(client, status, tick, cross)} {client.source.title_among(common)}: {_state(client, status)}"
        for note in _notes(client):
            yield f"    {note}"
    yield from _dialers(status)
    yield from _why_not_well(status, common)


def _dialers(status: Status) -> Iterator[str]:
    """Show build and clock of each dialer that told them, and what its build lacks."""
    hosts = sorted({client.source.host for client in status.clients if client.last and client.last.build})
    if hosts:
        yield ""
        yield "Dialers:"
    for host in hosts:
        clients = [client for client in status.clients if client.source.host == host]
        told = [client.last for client in clients if client.last and client.last.build]
        latest = max(told, key=lambda each: each.ended_at)
        lacking = sorted({name for client in clients for name in client.not_available})
        missing = f"; its build lacks: {', '.join(lacking)} (docs/builds.md)" if lacking else ""
        yield f"  {host}: build {latest.build:06}{_clock(latest.clock_gap_seconds)}{missing}"


def _clock(gap: int | None) -> str:
    if gap is None:
        return ""
    if abs(gap) < CLOCKS_AGREE_SECONDS:
        return ", its clock agrees with this machine's"
    return f", its clock is {abs(gap):,} seconds {'ahead of' if gap > 0 else 'behind'} this machine's"


def _why_not_well(status: Status, common: Collection[str]) -> Iterator[str]:
    """Name the clients that the exit code is about."""
    minutes = f"{status.stale_after / timedelta(minutes=1):g} minutes (STALE_AFTER_MINUTES)"
    stale = [client for client in status.clients if client.is_stale(status.now, status.stale_after)]
    groups = {
        "Never read yet": [client for client in stale if client.read_until is None],
        f"Not read in the last {minutes}": [client for client in stale if client.read_until],
        "Read until a moment that has not come, since this machine's clock was wrong then or is now (the next"
        " cycle puts it right)": [client for client in status.clients if client.is_ahead(status.now)],
        "With call times that are hours off": [
            client for client in status.clients if client.label is Label.WRONG_TIME_ZONE
        ],
        "With call times that may be hours off": [
            client for client in status.clients if client.label is Label.TIME_ZONE_IN_DOUBT
        ],
    }
    for title, clients in groups.items():
        if clients:
            more = f" and {len(clients) - CLIENTS_NAMED} more" if len(clients) > CLIENTS_NAMED else ""
            yield ""
            yield f"{title}: {', '.join(client.source.title_among(common) for client in clients[:CLIENTS_NAMED])}{more}"


def _mark(client: ClientStatus, status: Status, tick: str, cross: str) -> str:
    wrong_time = client.label is Label.WRONG_TIME_ZONE or client.is_ahead(status.now)
    failed = client.failure and client.label not in BECAUSE_OF_STOP
    if failed or wrong_time or (client.read_until and client.is_stale(status.now, status.stale_after)):
        return cross
    return WARNING_MARK if client.needs_a_look() else tick


def _run(run: RunOverview) -> str:
    took = (
        "not ended" if run.seconds is None else f"{run.seconds:.1f} s, of it {run.commit_seconds or 0:.1f} committing"
    )
    failed = f", {run.failed} failed" if run.failed else ""
    failed += f", {run.stopped} not read because of a stop" if run.stopped else ""
    billed = f", {run.bytes_billed / 1e6:,.0f} MB billed" if run.bytes_billed else ""
    return (
        f"{_local(run.ended_at)}  {took}  {plural(run.sources, 'client')}{failed}  {plural(run.requests, 'request')},"
        f" {run.bytes_received / 1e6:,.1f} MB{billed}  {run.inserted:,} inserted, {run.updated:,} updated,"
        f" {run.unchanged:,} unchanged, {run.quarantined:,} quarantined"
    )


def _state(client: ClientStatus, status: Status) -> str:
    age = client.age(status.now)
    read = f"read until {_local(client.read_until)}, {_ago(age)}" if client.read_until and age is not None else NOT_READ
    parts = [read]
    if client.newest_call:
        of_rows = " of all its rows" if client.shares_calls else ""
        parts.append(f"newest call{of_rows} {_local(client.newest_call)}")
    elif client.read_until:
        parts.append("no calls lately")
    if client.last and client.source.key:
        last = client.last
        parts.append(f"last run {last.inserted:,} inserted, {last.updated:,} updated, {last.unchanged:,} unchanged")
    if client.open_calls.since:
        parts.append(
            f"{plural(client.open_calls.calls, 'call')} without an end since {_local(client.open_calls.since)}"
        )
    if client.in_quarantine:
        parts.append(f"{client.in_quarantine:,} in quarantine")
    if client.label is Label.ROW_CANNOT_BE_USED:
        parts.append("cannot be read now")
    return "; ".join(parts)


def _notes(client: ClientStatus) -> Iterator[str]:
    """Yield the present failure or else the last one, and then notices that are no failure."""
    last = client.last
    if client.failure:
        since = f" since {_local(client.failing_since)}" if client.failing_since else ""
        yield f"{client.label or Label.FAILED}{since}: {one_line(client.failure, limit=500)}"
    elif last and last.last_failure and last.failed_at:
        yield f"last failure, over now: {last.last_label or Label.FAILED} at {_local(last.failed_at)}"
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


def render_json(status: Status) -> str:
    """Return everything as one JSON object, for programs. Moments are in UTC."""
    found = {
        "ok": status.all_well,
        "now": status.now,
        "stale_after_minutes": status.stale_after / timedelta(minutes=1),
        "runs": [asdict(run) for run in status.runs],
        "clients": [
            {
                "ok": client.is_well(status.now, status.stale_after),
                "seconds_behind": _seconds(client.age(status.now)),
                **client.source.columns(),
                "agent": client.source.agent,
                "host": client.source.host,
                **{name: value for name, value in asdict(client).items() if name != "source"},
            }
            for client in status.clients
        ],
    }
    return json.dumps(found, indent=2, default=_as_json)


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)


def _as_json(value: object) -> str:
    assert isinstance(value, datetime)
    return format_moment(value)
