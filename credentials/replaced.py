"""Rows that an import may be meant to replace: they read the same of the same client at another address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from credentials.rows import NO, Row, by_our_names, source_key
from credentials.urls import report_address
from errors import RowUnusable


@dataclass(frozen=True, slots=True)
class Reading:
    """What a row is for; ``what`` is report and parameters, or None where its URL does not tell them."""

    client: tuple[str, str]
    what: tuple[object, ...] | None


def rows_beside(stored: Sequence[Row], imported: Sequence[Row]) -> list[dict[str, str | None]]:
    """Of the table's rows, those switched on that differ from an imported one by scheme, host or folder alone.

    The URL is part of what a row is known by, so that a corrected one does not change the row with the mistake.
    """
    keys = {source_key(row) for row in imported}
    wanted = [_reading(by_our_names(row)) for row in imported if _is_on(by_our_names(row))]
    return list(_beside([row for row in stored if source_key(row) not in keys], wanted))


def _beside(stored: Sequence[Row], wanted: Sequence[Reading]) -> Iterator[dict[str, str | None]]:
    for row in map(by_our_names, stored):
        mine = _reading(row)
        if _is_on(row) and any(mine.client == other.client and mine.what in (None, other.what) for other in wanted):
            yield {name: value or None for name, value in row.items()}


def _is_on(row: dict[str, str]) -> bool:
    return row.get("enabled", "").casefold() not in NO


def _reading(row: dict[str, str]) -> Reading:
    client = row.get("client_id", ""), row.get("campaign", "")
    try:
        address = report_address(row.get("url", ""))
    except RowUnusable:
        return Reading(client, None)
    return Reading(client, (address.report, address.parameters, row.get("dialer_campaigns"), row.get("ingroups")))
