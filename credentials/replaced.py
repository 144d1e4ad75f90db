"""Rows that an import may be meant to replace: they read the same of the same client at another address."""

from collections.abc import Sequence

from credentials.rows import Row, by_our_names, is_switched_off, source_key
from credentials.urls import report_address
from errors import RowUnusable


def rows_beside(stored: Sequence[Row], imported: Sequence[Row]) -> list[dict[str, str | None]]:
    """Of the table's rows, those switched on that differ from an imported one by scheme, host or folder alone.

    The URL is part of what a row is known by, so that a corrected one does not change the row with the mistake.
    """
    keys = {source_key(row) for row in imported}
    wanted = [(_client(row), _asked(row)) for row in map(by_our_names, imported) if not is_switched_off(row)]
    others = [row for row in map(by_our_names, stored) if not is_switched_off(row) and source_key(row) not in keys]
    return [
        {name: value or None for name, value in row.items()}
        for row in others
        if any(_client(row) == client and _asked(row) in (None, asked) for client, asked in wanted)
    ]


def _client(row: dict[str, str]) -> tuple[str, str]:
    return row.get("client_id", ""), row.get("campaign", "")


def _asked(row: dict[str, str]) -> tuple[object, ...] | None:
    """Report and parameters; None where the URL does not tell them."""
    try:
        address = report_address(row.get("url", ""))
    except RowUnusable:
        return None
    return address.report, address.parameters, row.get("dialer_campaigns"), row.get("ingroups")
