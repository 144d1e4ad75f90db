"""`main.py clients …`: fills and shows the credentials table, and releases refused accounts."""

from collections.abc import Sequence
from pathlib import Path

import click

from commands.folders import make_folder
from commands.sessions import EXIT_CODES, Session
from config import Settings
from credentials.csv_files import read_clients, template
from credentials.rows import source_key, usable_credentials
from database import Warehouse, open_warehouse
from dialers.accounts import is_of, notes_file
from errors import NoCampaigns, OptionInvalid
from messages import Credential, RowsMerged, SkippedRow
from schedules.troubles import Troubles
from utils import one_line

CLIENTS_ENVIRONMENT = (
    "Environment: WAREHOUSE, DUCKDB_PATH, DATA_DIR, DATASET_ID, CREDENTIALS_TABLE, DEFAULT_TIMEZONE (docs/settings.md)."
)
COLUMNS = ("Campaign", "Client", "ClientID", "Dialer", "Report", "User", "Time zone", "State")


def import_clients(warehouse: Warehouse, path: Path) -> RowsMerged:
    """All rows of a CSV file, or none."""
    rows = read_clients(path)
    warehouse.prepare()
    return warehouse.put_credential_rows(rows, source_key)


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
    cells = (source.campaign, source.client_name, source.client_id, source.host, source.report, source.username)
    return (*(one_line(cell, limit=40) for cell in cells), source.timezone, state)


def _skipped_row(row: SkippedRow) -> tuple[str, ...]:
    cells = (row.campaign, row.client_name, row.client_id, row.host, "", row.username, row.timezone)
    state = f"cannot be used: {row.reason}" if row.failed else row.reason
    return (*(one_line(cell, limit=40) for cell in cells), one_line(state, limit=200))


def release(warehouse: Warehouse, settings: Settings, name: str) -> list[str]:
    """Let the accounts of a client (by ClientName or ClientID) be tried again; each as it is shown to people."""
    usable, _ = usable_credentials(warehouse.credential_rows(), settings)
    return release_accounts(
        warehouse, settings, [source for source in usable if name in (source.client_name, source.client_id)]
    )


def release_accounts(warehouse: Warehouse, settings: Settings, chosen: Sequence[Credential]) -> list[str]:
    """The same for the accounts of these sources."""
    accounts = sorted({(source.host, source.username) for source in chosen})
    refusals = warehouse.refused_accounts()
    warehouse.forget_refusals([refusal for refusal in refusals if (refusal.host, refusal.username) in accounts])
    Troubles.read(settings.data_dir).forgive({host for host, _ in accounts})
    for host, username in accounts:
        notes_file(settings.data_dir / "accounts", host, username).unlink(missing_ok=True)
    clients = ", ".join(dict.fromkeys(one_line(source.client_name) for source in chosen))
    return [f"{clients}: user {one_line(username)} of {host}" for host, username in accounts]


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

Columns: Campaign,URL,Username,Password,ClientName,ClientID and optionally
Timezone,Enabled,MaxConnections,VerifyTLS,dialer_campaigns,ingroups. All rows are taken, or none.

{EXIT_CODES}

{CLIENTS_ENVIRONMENT}
""")  # fmt: skip
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def import_file(session: Session, file: Path) -> None:
    """Add or change clients from a CSV file."""
    settings = session.settings()
    make_folder(settings.data_dir)
    merged = import_clients(open_warehouse(settings, session.stop), file)
    click.echo(f"{file.name}: {merged.added} added, {merged.changed} changed, {merged.left} left as they were")


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
    released = release(open_warehouse(settings, session.stop), settings, name)
    if not released:
        raise OptionInvalid("clients retry", repr(name), "a ClientName or ClientID that `clients list` shows")
    click.echo("\n".join(f"{account} may be tried again in the next cycle" for account in released))
