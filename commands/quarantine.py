"""`main.py quarantine …`: shows the records that could not be read as calls, and reads them again."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TypeVar

import click

from commands.escapes import escaped, masked
from commands.replays import Replay, run_replay
from commands.sessions import EXIT_CODES, Session, warehouse_for_writing
from database import Warehouse, open_warehouse
from errors import OptionInvalid
from messages import QuarantinedRecord
from utils import one_line, plural

SHORTEST_PREFIX, SHOWN_OF_HASH = 6, 12
ENVIRONMENT = "Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, PROJECT_ID, DATASET_ID (docs/settings.md)."
Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Group:
    """Records of one client and report that could not be read for one reason."""

    campaign: str
    client_id: str
    client_name: str | None
    report: str
    reason: str
    records: int
    first_seen_at: datetime
    last_seen_at: datetime
    example: QuarantinedRecord

    def for_programs(self) -> dict[str, object]:
        names = ("campaign", "client_id", "client_name", "report", "reason", "records")
        return {name: getattr(self, name) for name in names} | {
            "first_seen_at": self.first_seen_at.astimezone(UTC).isoformat(),
            "last_seen_at": self.last_seen_at.astimezone(UTC).isoformat(),
            "example_hash": self.example.record_hash,
            "example_masked": masked(self.example.record),
        }

    def lines(self) -> list[str]:
        who = f"{one_line(self.campaign)} / {one_line(self.client_name or self.client_id)}, {self.report}"
        return [
            f"{who}: {plural(self.records, 'record')}, first seen {_moment(self.first_seen_at)},"
            f" last seen {_moment(self.last_seen_at)}",
            f"    reason: {one_line(self.reason)}",
            f"    example {self.example.record_hash[:SHOWN_OF_HASH]}: {masked(self.example.record)}",
        ]


def groups(records: Iterable[QuarantinedRecord]) -> list[Group]:
    """The most frequent first; the example is what was seen last."""

    def kind(record: QuarantinedRecord) -> tuple[str, str, str, str]:
        return record.campaign, record.client_id, record.report, record.reason

    found = []
    for _, alike in groupby(sorted(records, key=kind), key=kind):
        members = sorted(alike, key=lambda record: (record.last_seen_at, record.record_hash))
        last = members[-1]
        found.append(
            Group(
                last.campaign, last.client_id, last.client_name, last.report, last.reason, len(members),
                min(member.first_seen_at for member in members), last.last_seen_at, last,
            )
        )  # fmt: skip
    return sorted(found, key=lambda group: -group.records)


def of_choice(warehouse: Warehouse, campaign: str | None, client: str | None) -> list[QuarantinedRecord]:
    """Records of that campaign, and of that client by ClientName or ClientID."""
    return [
        record
        for record in warehouse.quarantined()
        if campaign in (None, record.campaign) and client in (None, record.client_id, record.client_name)
    ]


def of_kind(records: Sequence[QuarantinedRecord], wanted: str) -> list[QuarantinedRecord]:
    """Those of one reason, or those whose hash begins so; the last seen first."""
    prefix = wanted.lower()
    hashed = len(wanted) >= SHORTEST_PREFIX
    found = [record for record in records if record.reason == wanted]
    found = found or [record for record in records if hashed and record.record_hash.startswith(prefix)]
    return sorted(found, key=lambda record: (record.last_seen_at, record.record_hash), reverse=True)


def whole(record: QuarantinedRecord, encoding: str) -> str:
    who = f"{one_line(record.campaign)} / {one_line(record.client_name or record.client_id)}, {record.report}"
    seen = f"first seen {_moment(record.first_seen_at)}, last seen {_moment(record.last_seen_at)}"
    lines = [
        f"{record.record_hash}: {who}, {record.window_day}, {seen}",
        f"    reason: {record.reason}",
        *([f"    header: {record.header}"] if record.header else []),
        f"    record: {record.record}",
    ]
    return "\n".join(escaped(line, encoding) for line in lines)


def summary(replay: Replay) -> str:
    """What became of the records, and why the others stay."""
    names = ("inserted", "unchanged", "duplicates")
    inserted, unchanged, copies = (sum(getattr(result, name) for result in replay.results) for name in names)
    lines = [
        f"{plural(replay.records, 'record')} read again: {plural(inserted, 'call')} inserted, {unchanged:,} unchanged"
        f" (in the table already), {plural(copies, 'duplicate')}, {len(replay.staying):,} stay in quarantine"
    ]
    reasons = Counter(record.reason for record in replay.staying)
    lines += [f"    {count:,}: {one_line(reason)}" for reason, count in reasons.most_common()]
    if replay.without_source:
        lines.append(
            f"{plural(replay.without_source, 'record')} not tried: the source is not in the credentials table any"
            " more, or is switched off there, or its row cannot be used"
        )
    if replay.bytes_billed is not None:
        lines.append(f"BigQuery billed: {replay.bytes_billed / 1e6:,.0f} MB")
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _choice(command: Command) -> Command:
    for option in (
        click.option("--client", help="Only this client, by ClientName or ClientID."),
        click.option("--campaign", help="Only this campaign."),
    ):
        command = option(command)
    return command


@click.group(epilog=f"""\b
Examples:
  python main.py quarantine list
  python main.py quarantine show 3f2a91c0d2e1
  python main.py quarantine replay

{EXIT_CODES}

{ENVIRONMENT}
""")  # fmt: skip
def quarantine() -> None:
    """Records that could not be read as calls: what they are, and reading them again."""


@quarantine.command("list", epilog=f"""\b
Examples:
  python main.py quarantine list
  python main.py quarantine list --campaign Campaign1 --client "Example Ltd" --json

{EXIT_CODES}

{ENVIRONMENT}
""")  # fmt: skip
@_choice
@click.option("--json", "for_programs", is_flag=True, help="One JSON object on stdout; the log goes to stderr.")
@click.pass_obj
def list_reasons(session: Session, campaign: str | None, client: str | None, for_programs: bool) -> None:
    """Reasons with counts per client and report, and a masked example of each."""
    settings = session.settings()
    with redirect_stdout(sys.stderr) if for_programs else nullcontext():
        records = of_choice(open_warehouse(settings, session.stop), campaign, client)
    found = groups(records)
    if for_programs:
        click.echo(json.dumps({"records": len(records), "groups": [group.for_programs() for group in found]}, indent=2))
        return
    click.echo(f"{plural(len(records), 'record')} in quarantine")
    for group in found:
        click.echo("\n".join(escaped(line, _encoding()) for line in group.lines()))


@quarantine.command("show", epilog=f"""\b
Examples:
  python main.py quarantine show 3f2a91c0d2e1
  python main.py quarantine show "length has a form that cannot be read" --limit 5

{EXIT_CODES}

{ENVIRONMENT}
""")  # fmt: skip
@click.argument("reason_or_hash")
@_choice
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Records to show at most.")
@click.pass_obj
def show_records(session: Session, reason_or_hash: str, campaign: str | None, client: str | None, limit: int) -> None:
    """Whole records of one reason, or with one hash (its first 6 digits or more), the last seen first.

    They are not masked: names, numbers and addresses of people are shown.
    """
    settings = session.settings()
    found = of_kind(of_choice(open_warehouse(settings, session.stop), campaign, client), reason_or_hash)
    if not found:
        raise OptionInvalid("quarantine show", repr(reason_or_hash), "a reason or hash that `quarantine list` shows")
    click.echo("\n".join(whole(record, _encoding()) for record in found[:limit]))
    if len(found) > limit:
        click.echo(f"{plural(len(found) - limit, 'further record')}: --limit {len(found)} shows all")


@quarantine.command(epilog=f"""\b
Examples:
  python main.py quarantine replay
  python main.py quarantine replay --campaign Campaign1 --client "Example Ltd"

Killed at any moment, the same command can be repeated. No dialer is asked.

{EXIT_CODES}

{ENVIRONMENT}
""")  # fmt: skip
@_choice
@click.pass_obj
def replay(session: Session, campaign: str | None, client: str | None) -> None:
    """Read the records again, after an upgrade that can; those that are calls now move to the calls table.

    A call that is in the table already stays as it is there, and its record is removed.
    """
    settings = session.settings()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        done = run_replay(warehouse, settings, session.stop, of_choice(warehouse, campaign, client))
    if not session.interrupted_code:
        click.echo(escaped_lines(summary(done)))
    session.exit()


def escaped_lines(text: str) -> str:
    return "\n".join(escaped(line, _encoding()) for line in text.splitlines())


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"
