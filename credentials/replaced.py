"""Rows that an import may be meant to replace: they read the same of the same client under another name."""

from collections.abc import Sequence

from credentials.rows import Row, by_our_names, is_switched_off, source_key
from credentials.urls import address_of, report_address
from errors import RowUnusable


def rows_beside(stored: Sequence[Row], imported: Sequence[Row]) -> list[dict[str, str | None]]:
    """Of the table's rows, those switched on that differ from an imported one by address or by campaign alone.

    Both are part of what a row is known by, so that a corrected one does not change the row with the mistake. An
    address is scheme, host and folder.
    """
    keys = {source_key(row) for row in imported}
    wanted = [row for row in map(by_our_names, imported) if not is_switched_off(row)]
    others = [row for row in map(by_our_names, stored) if not is_switched_off(row) and source_key(row) not in keys]
    return [
        {name: value or None for name, value in row.items()}
        for row in others
        if any(_may_be_meant(new, row) for new in wanted)
    ]


def zones_changed(stored: Sequence[Row], imported: Sequence[Row], default: str) -> list[tuple[Row, str]]:
    """Imported rows whose time zone the table has as another one, and that other one; ``default`` where it is empty."""
    before = {source_key(row): by_our_names(row).get("timezone") or default for row in stored}
    changed = []
    for row in imported:
        zone = before.get(source_key(row), "")
        if zone not in ("", row.get("timezone") or default) and not is_switched_off(by_our_names(row)):
            changed.append((row, zone))
    return changed


def _may_be_meant(new: dict[str, str], old: dict[str, str]) -> bool:
    if new.get("client_id") != old.get("client_id") or _asked(old) not in (None, _asked(new)):
        return False
    return new.get("campaign") == old.get("campaign") or _address(new) == _address(old)


def _address(row: dict[str, str]) -> str:
    return address_of(row.get("url", ""))


def _asked(row: dict[str, str]) -> tuple[object, ...] | None:
    """Report and parameters; None where the URL does not tell them."""
    try:
        address = report_address(row.get("url", ""))
    except RowUnusable:
        return None
    return address.report, address.parameters, row.get("dialer_campaigns"), row.get("ingroups")
