"""`main.py clients …`: fills and shows the credentials table, and releases refused accounts."""

from collections.abc import Container, Sequence
from pathlib import Path

import click

from commands.folders import make_folder
from commands.imports import imported
from commands.sessions import EXIT_CODES, Session
from config import Settings
from credentials.csv_files import template
from credentials.rows import usable_credentials
from database import Warehouse, open_warehouse
from dialers.accounts import REFUSED, UNANSWERED, Account, is_of, make_key
from errors import NoCampaigns, OptionInvalid, full_disk_named
from messages import Credential, SkippedRow
from schedules.troubles import Troubles
from utils import one_line

CLIENTS_ENVIRONMENT = (
    "Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, DATASET_ID, CREDENTIALS_TABLE, DEFAULT_TIMEZONE (docs/settings.md)."
)
COLUMNS = ("Campaign", "Client", "ClientID", "Dialer", "Report", "User", "Time zone", "State")


def client_lines(warehouse: Warehouse, settings: Settings) -> list[str]:
    """The credentials table as text, without any password."""
    usable, skipped = usable_credentials(warehouse.credential_rows(), settings)
    if not usable and not skipped:
        raise NoCampaigns(warehouse.describe())
    refusals = warehouse.refused_accounts()
    rows = [_usable_row(source, refused=any(is_of(refusal, source) for refusal in refusals)) for source in usable]
    rows += [_skipped_row(row) for row in skipped]
    widths = [max(len(row[at]) for row in (COLUMNS, *rows)) for at in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (COLUMNS, *rows)
    ]


def _usable_row(source: Credential, *, refused: bool) -> tuple[str, ...]:
    state = "login was rejected" if refused else "ready"
    address = one_line(source.dialer_url, limit=60)
    return (*_names(source), address, source.report, one_line(source.username, limit=40), source.timezone, state)


def _skipped_row(row: SkippedRow) -> tuple[str, ...]:
    state = one_line(f"cannot be used: {row.reason}" if row.failed else row.reason, limit=200)
    user, zone = (one_line(cell, limit=40) for cell in (row.username, row.timezone))
    return (*_names(row), one_line(row.address, limit=60), "", user, zone, state)


def _names(row: Credential | SkippedRow) -> tuple[str, ...]:
    return tuple(one_line(name, limit=40) for name in (row.campaign, row.client_name, row.client_id))


def retried(warehouse: Warehouse, settings: Settings, name: str) -> list[str]:
    """Let what a client (by ClientName or ClientID) was refused or is spared be tried again; as it is told to people.

    Raises:
        OptionInvalid: nobody is called so.
    """
    usable, _ = usable_credentials(warehouse.credential_rows(), settings)
    chosen = [source for source in usable if name in (source.client_name, source.client_id)]
    if not chosen:
        raise OptionInvalid(
            "clients retry", repr(name), "the ClientName or ClientID of a row that can be read; see `clients list`"
        )
    make_folder(settings.data_dir)
    Troubles.read(settings.data_dir).forgive({source.origin for source in chosen})
    released = release(warehouse, settings, chosen, {REFUSED, UNANSWERED})
    accounts = sorted({(source.host, source.username) for source in chosen})
    clients = ", ".join(dict.fromkeys(one_line(source.client_name) for source in chosen))
    may, need_not = "may be tried again in the next cycle", "was not refused; its dialer is asked in the next cycle"
    return [
        f"{clients}: user {one_line(username)} of {host} {may if (host, username) in released else need_not}"
        for host, username in accounts
    ]


def release(
    warehouse: Warehouse, settings: Settings, chosen: Sequence[Credential], states: Container[str]
) -> set[tuple[str, str]]:
    """Let the passwords of these sources be tried once more that are remembered as refused, or noted as ``states`` say.

    What is known of other passwords stays, and so does a lock.

    Returns:
        Host and user of what was released.
    """
    refusals = [refusal for refusal in warehouse.refused_accounts() if any(is_of(refusal, each) for each in chosen)]
    directory = settings.data_dir / "accounts"
    with full_disk_named(directory):
        make_key(directory)
        noted = [source for source in chosen if Account(directory, source, run_id="").release(states)]
    warehouse.forget_refusals(refusals)
    remembered = {(refusal.host, refusal.username) for refusal in refusals}
    return remembered | {(source.host, source.username) for source in noted}


@click.group(epilog=f"""\b
Examples:
  python main.py clients template > clients.csv
  python main.py clients import clients.csv
  python main.py clients list
  python main.py clients retry "Example Ltd"

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
def clients() -> None:
    """Fill and show the credentials table."""


@clients.command("import", epilog=f"""\b
Examples:
  python main.py clients import clients.csv
  python main.py clients import clients.csv --replace    after a URL or Campaign was corrected

Columns: Campaign,URL,Username,Password,ClientName,ClientID and optionally
Timezone,Enabled,MaxConnections,VerifyTLS,dialer_campaigns,ingroups. All rows are taken, or none.

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Switch off the row that each takes the place of.")
@click.pass_obj
def import_file(session: Session, file: Path, replace: bool) -> None:
    """Add or change clients from a CSV file."""
    settings = session.settings()
    make_folder(settings.data_dir)
    click.echo("\n".join(imported(open_warehouse(settings, session.stop), settings, file, replace=replace)))


@clients.command("list", epilog=f"""\b
Examples:
  python main.py clients list

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
@click.pass_obj
def list_all(session: Session) -> None:
    """Show the credentials table, without passwords."""
    settings = session.settings()
    click.echo("\n".join(client_lines(open_warehouse(settings, session.stop), settings)))


@clients.command("template", epilog=f"""\b
Examples:
  python main.py clients template > clients.csv

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
def print_template() -> None:
    """Print a CSV file to fill in."""
    click.echo(template(), nl=False)


@clients.command("retry", epilog=f"""\b
Examples:
  python main.py clients retry "Example Ltd"
  python main.py clients retry 1001

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
@click.argument("name")
@click.pass_obj
def retry(session: Session, name: str) -> None:
    """Release the refused accounts of a client (ClientName or ClientID) that were repaired on the dialer."""
    settings = session.settings()
    click.echo("\n".join(retried(open_warehouse(settings, session.stop), settings, name)))
