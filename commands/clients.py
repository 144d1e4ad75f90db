"""`main.py clients …`: fills and shows the credentials table, and releases refused accounts."""

from pathlib import Path

from config import Settings
from credentials.csv_files import read_clients
from credentials.rows import source_key, usable_credentials
from database import Warehouse
from dialers.accounts import is_of, notes_file
from errors import NoCampaigns
from messages import Credential, RowsMerged, SkippedRow
from utils import one_line

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
    cells = (row.campaign, row.client_name, row.client_id, "", "", "", "", row.reason)
    return tuple(one_line(cell, limit=80) for cell in cells)


def release(warehouse: Warehouse, settings: Settings, name: str) -> int:
    """Let the accounts of a client (by ClientName or ClientID) be tried again; how many accounts it has."""
    usable, _ = usable_credentials(warehouse.credential_rows(), settings)
    accounts = sorted(
        {(source.host, source.username) for source in usable if name in (source.client_name, source.client_id)}
    )
    refusals = warehouse.refused_accounts()
    warehouse.forget_refusals([refusal for refusal in refusals if (refusal.host, refusal.username) in accounts])
    for host, username in accounts:
        notes_file(settings.data_dir / "accounts", host, username).unlink(missing_ok=True)
    return len(accounts)
