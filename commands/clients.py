"""`main.py clients`: fills and shows the credentials table, and releases refused accounts."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from commands.help_texts import help_epilog
from commands.output import WARNING_MARK
from commands.sessions import Session
from config import Settings
from credentials.csv_files import render_template
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import Warehouse, open_for_reading, open_warehouse
from dialers.login_notes import LoginState, find_refusal_time
from dialers.machines import identify_machines
from dialers.unreachable_hosts import UnreachableHosts
from engine.account_releases import release_accounts
from engine.client_imports import import_clients
from engine.data_folder import prepare_data_dir
from errors import NoCampaigns, OptionRefused
from messages import SkippedRow, Source
from utils import one_line

CLIENTS_SETTINGS = """Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, PROJECT_ID, SERVICE_ACCOUNT_PATH, DATASET_ID,
CREDENTIALS_TABLE and DEFAULT_TIMEZONE (docs/settings.md)."""
URL_SHOWN = 400
"""Characters of a URL. Rows may differ only in its last parameter."""
COLUMNS = ("Campaign", "Client", "ClientID", "Dialer", "Report", "User", "Time zone", "State")


def client_lines(warehouse: Warehouse, settings: Settings) -> list[str]:
    """Return the credentials table as lines of text, without any password."""
    table = parse_rows(warehouse.reader.credential_rows())
    usable, skipped = usable_sources(table, settings)
    if not usable and not skipped:
        raise NoCampaigns(warehouse.describe())
    refusals, accounts = warehouse.reader.account_refusals(), settings.data_dir / "accounts"
    urls = {row.source_key: row.shown_url for row in table}
    rows = [
        _row_of_source(source, urls[source.key], refused=find_refusal_time(source, refusals, accounts) is not None)
        for source in identify_machines(usable)
    ]
    rows += [_row_of_skipped(row) for row in skipped]
    widths = [max(len(row[at]) for row in (COLUMNS, *rows)) for at in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (COLUMNS, *rows)
    ]


def _row_of_source(source: Source, url: str, *, refused: bool) -> tuple[str, ...]:
    state = "login was rejected" if refused else "ready"
    address = one_line(url, limit=URL_SHOWN)
    agent = source.identity.agent
    report = one_line(f"{source.report}, agent {agent}" if agent else source.report, limit=60)
    return (*_names(source), address, report, one_line(source.username, limit=40), source.timezone, state)


def _row_of_skipped(row: SkippedRow) -> tuple[str, ...]:
    state = one_line(f"cannot be used: {row.reason}" if row.failed else row.reason, limit=200)
    user, zone = (one_line(cell, limit=40) for cell in (row.username, row.timezone))
    return (*_names(row), one_line(row.address, limit=URL_SHOWN), one_line(row.report, limit=60), user, zone, state)


def _names(row: Source | SkippedRow) -> tuple[str, ...]:
    return tuple(
        one_line(name, limit=40) for name in (row.identity.campaign, row.identity.client_name, row.identity.client_id)
    )


def retry_client(warehouse: Warehouse, settings: Settings, name: str) -> list[str]:
    """Let a client's refused accounts and silent dialers be tried again, and return lines for people.

    Args:
        name: ClientName or ClientID.

    Raises:
        OptionRefused: no usable row has this name.
    """
    usable, _ = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
    chosen = [source for source in identify_machines(usable) if name in (source.client_name, source.client_id)]
    if not chosen:
        raise OptionRefused(
            f"No readable row has the ClientName or ClientID {name!r}.", "See `python main.py clients list`."
        )
    prepare_data_dir(settings.data_dir)
    UnreachableHosts(settings.data_dir).forget({source.address.origin for source in chosen})
    released = release_accounts(warehouse, settings, chosen, {LoginState.REFUSED, LoginState.UNANSWERED})
    accounts = sorted({(source.host, source.username) for source in chosen})
    clients = ", ".join(dict.fromkeys(one_line(source.client_name) for source in chosen))
    released_text = "may be tried again in the next cycle"
    not_refused_text = "was not refused; its dialer is asked in the next cycle"
    return [
        f"{clients}: user {one_line(username)} of {host}"
        f" {released_text if (host, username) in released else not_refused_text}"
        for host, username in accounts
    ]


def make_private(stream: TextIO) -> None:
    """Close an empty file to everybody but its owner. Passwords will be written into it."""
    with suppress(OSError, ValueError):  # a stream without a file, a file of somebody else
        if sys.platform != "win32":
            found = os.fstat(stream.fileno())
            if stat.S_ISREG(found.st_mode) and not found.st_size:
                os.fchmod(stream.fileno(), 0o600)


@click.group(
    epilog=help_epilog(
        """
clients template > clients.csv
clients import clients.csv
clients list
clients retry "Example Ltd"
""",
        settings=CLIENTS_SETTINGS,
    )
)
def clients() -> None:
    """Fill and show the credentials table."""


@clients.command(
    "import",
    epilog=help_epilog(
        """
clients import clients.csv
clients import clients.csv --replace    after a correction of URL or Campaign
""",
        remarks="""Columns: Campaign,URL,Username,Password,ClientName,ClientID and optionally
Timezone,Enabled,MaxConnections,VerifyTLS,dialer_campaigns,ingroups. All rows are imported, or none.""",
        settings=CLIENTS_SETTINGS,
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Switch off the rows replaced by the file.")
@click.pass_obj
def import_file(session: Session, file: Path, replace: bool) -> None:
    """Add or change clients from a CSV file."""
    settings = session.begin()
    prepare_data_dir(settings.data_dir)
    report = import_clients(open_warehouse(settings, session.stop), settings, file, replace=replace)
    click.echo("\n".join([*report.notes, *(f"{WARNING_MARK} {warning}" for warning in report.warnings)]))


@clients.command("list", epilog=help_epilog("clients list", settings=CLIENTS_SETTINGS))
@click.pass_obj
def list_all(session: Session) -> None:
    """Show the credentials table, without passwords."""
    settings = session.begin()
    click.echo("\n".join(client_lines(open_for_reading(settings, session.stop), settings)))


@clients.command("template", epilog=help_epilog("clients template > clients.csv", settings=CLIENTS_SETTINGS))
def print_template() -> None:
    """Print a CSV file to fill in."""
    make_private(sys.stdout)
    click.echo(render_template(), nl=False)


@clients.command(
    "retry", epilog=help_epilog('clients retry "Example Ltd"\nclients retry 1001', settings=CLIENTS_SETTINGS)
)
@click.argument("name")
@click.pass_obj
def retry(session: Session, name: str) -> None:
    """Release the refused accounts of a client.

    NAME is its ClientName or ClientID. Repair the account on the dialer first.
    """
    settings = session.begin()
    click.echo("\n".join(retry_client(open_warehouse(settings, session.stop), settings, name)))
