"""Rows that an import may be meant to replace: they read the same of the same client under another name."""

from collections.abc import Sequence

from credentials.rows import Row, by_our_names, is_switched_off, source_key
from credentials.urls import address_of, report_address
from errors import RowUnusable


def rows_meant(stored: Sequence[Row], imported: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Each imported row that is on, with those of the table that differ from it by address or by campaign alone.

    Both are part of what a row is known by, so that a corrected one does not change the row with the mistake. An
    address is scheme, host and folder. Rows that are imported too are not meant.
    """
    keys = {source_key(row) for row in imported}
    others = [row for row in map(by_our_names, stored) if source_key(row) not in keys]
    found: list[tuple[Row, list[Row]]] = []
    for row in imported:
        new = by_our_names(row)
        if not is_switched_off(new):
            meant = [_as_stored(old) for old in others if _may_be_meant(new, old)]
            found.append((row, meant))
    return found


def is_on(row: Row) -> bool:
    return not is_switched_off(by_our_names(row))


def _as_stored(row: dict[str, str]) -> Row:
    return {name: value or None for name, value in row.items()}


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
