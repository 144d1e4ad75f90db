"""`main.py quarantine`: shows the records that could not be read as calls, and reads them again."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from typing import TypeVar

import click

from commands.help_texts import help_epilog
from commands.quarantine_records import find_records, group_records, render_record, replay_summary, select_records
from commands.sessions import Session, warehouse_for_writing
from commands.terminal_text import escape
from database import open_for_reading
from engine.quarantine_replays import run_replay
from errors import OptionInvalid
from utils import plural

QUARANTINE_SETTINGS = """Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, PROJECT_ID, SERVICE_ACCOUNT_PATH and DATASET_ID
(docs/settings.md)."""
Command = TypeVar("Command", bound=Callable[..., None])


def _choice(command: Command) -> Command:
    for option in (
        click.option("--client", help="Select only this client, by ClientName or ClientID."),
        click.option("--campaign", help="Select only this campaign."),
    ):
        command = option(command)
    return command


@click.group(
    epilog=help_epilog(
        """
quarantine list
quarantine show 3f2a91c0d2e1
quarantine replay
""",
        settings=QUARANTINE_SETTINGS,
    )
)
def quarantine() -> None:
    """Show unreadable records, and read them again."""


@quarantine.command(
    "list",
    epilog=help_epilog(
        """
quarantine list
quarantine list --campaign Campaign1 --client "Example Ltd" --json
""",
        settings=QUARANTINE_SETTINGS,
    ),
)
@_choice
@click.option("--json", "for_programs", is_flag=True, help="Print one JSON object. The log goes to stderr.")
@click.pass_obj
def list_reasons(session: Session, campaign: str | None, client: str | None, for_programs: bool) -> None:
    """List the reasons with counts and an example.

    Counts are per client and report. Examples are masked.
    """
    settings = session.begin()
    with redirect_stdout(sys.stderr) if for_programs else nullcontext():
        records = select_records(open_for_reading(settings, session.stop), settings, campaign, client)
    found = group_records(records)
    if for_programs:
        click.echo(json.dumps({"records": len(records), "groups": [group.for_programs() for group in found]}, indent=2))
        return
    click.echo(f"{plural(len(records), 'record')} in quarantine")
    for group in found:
        click.echo("\n".join(escape(line, _encoding()) for line in group.lines()))


@quarantine.command(
    "show",
    epilog=help_epilog(
        """
quarantine show 3f2a91c0d2e1
quarantine show "length has a form that cannot be read" --limit 5
""",
        settings=QUARANTINE_SETTINGS,
    ),
)
@click.argument("reason_or_hash")
@_choice
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Records to show at most.")
@click.pass_obj
def show_records(session: Session, reason_or_hash: str, campaign: str | None, client: str | None, limit: int) -> None:
    """Show whole records of one reason or hash.

    Of a hash, 6 digits are enough. The last seen come first. They are not masked: names, numbers and addresses of
    people are shown.
    """
    settings = session.begin()
    records = select_records(open_for_reading(settings, session.stop), settings, campaign, client)
    found = find_records(records, reason_or_hash)
    if not found:
        raise OptionInvalid("quarantine show", repr(reason_or_hash), "a reason or hash that `quarantine list` shows")
    click.echo("\n".join(render_record(record, _encoding()) for record in found[:limit]))
    if len(found) > limit:
        click.echo(f"{plural(len(found) - limit, 'further record')}: --limit {len(found)} shows all")


@quarantine.command(
    epilog=help_epilog(
        """
quarantine replay
quarantine replay --campaign Campaign1 --client "Example Ltd"
""",
        remarks="After an interruption, repeat the command. No dialer is asked.",
        settings=QUARANTINE_SETTINGS,
    )
)
@_choice
@click.pass_obj
def replay(session: Session, campaign: str | None, client: str | None) -> None:
    """Read the records again, for instance after an upgrade. Calls among them move to the calls table.

    A call in the table already stays unchanged, and its record is removed.
    """
    settings = session.begin()
    with warehouse_for_writing(settings, session.stop) as warehouse:
        records = select_records(warehouse, settings, campaign, client)
        done = run_replay(warehouse, settings, session.stop, records)
    if not session.interrupted_code:
        click.echo(escape_lines(replay_summary(done)))
    session.exit()


def escape_lines(text: str) -> str:
    return "\n".join(escape(line, _encoding()) for line in text.splitlines())


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"
