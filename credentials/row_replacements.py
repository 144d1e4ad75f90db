"""Rows of the table that an imported row may replace: rows of the same ClientID that the file does not hold."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from credentials.choices import COLUMN_OF_PARAMETER
from credentials.name_lists import are_same_lists
from credentials.rows import ParsedRow, Row, is_switched_off, parse_row, rename_columns, source_key
from utils import plural


@dataclass(frozen=True, slots=True)
class Rivals:
    """The active rows of a ClientID that stand in the table beside those of the file. Each is read as well."""

    imported: tuple[Row, ...]
    """The active rows of the file, at least one."""
    stored: tuple[Row, ...]
    """The other active rows of the table, at least one."""
    obstacle: str
    """The reason to switch none of them off. Empty if the one imported row may replace the one stored row."""


def find_rivals(stored: Sequence[Row], imported: Sequence[Row], read_keys: Collection[str]) -> Iterator[Rivals]:
    """Yield the rows of the table that are read beside the imported ones of the same ClientID.

    Args:
        read_keys: keys of the sources that have been read before.
    """
    file_keys = {source_key(row) for row in imported}
    active = [row for row in map(parse_row, stored) if not row.is_switched_off]
    active_keys = {row.source_key for row in active}
    others: defaultdict[str, dict[str, ParsedRow]] = defaultdict(dict)
    for old in active:
        if old.source_key not in file_keys:
            others[old.cells.get("client_id", "")][old.source_key] = old
    of_client: defaultdict[str, list[ParsedRow]] = defaultdict(list)
    for new in map(parse_row, imported):
        if not new.is_switched_off:
            of_client[new.cells.get("client_id", "")].append(new)
    for client_id, rows in of_client.items():
        if beside := list(others[client_id].values()):
            obstacle = _find_obstacle(rows, beside, active_keys, read_keys)
            yield Rivals(tuple(row.raw for row in rows), tuple(_as_stored(row.cells) for row in beside), obstacle)


def find_replaceable_rows(stored: Sequence[Row], imported: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Return each active imported row with the rows of the table, on or off, that it may be a correction of.

    Such a row asks for the same calls of the same client. It differs by address (scheme, host, port and folder) or by
    Campaign, not by both. A row with an unusable URL may ask for any calls. Rows of the same file are left out.
    """
    keys = {source_key(row) for row in imported}
    others = [old for old in map(parse_row, stored) if old.source_key not in keys]
    found: list[tuple[Row, list[Row]]] = []
    for new in map(parse_row, imported):
        if not new.is_switched_off:
            found.append((new.raw, [_as_stored(old.cells) for old in others if _may_replace(new, old)]))
    return found


def is_on(row: Row) -> bool:
    return not is_switched_off(rename_columns(row))


def _as_stored(cells: dict[str, str]) -> Row:
    return {name: value or None for name, value in cells.items()}


def _find_obstacle(
    imported: Sequence[ParsedRow], beside: Sequence[ParsedRow], active_keys: Collection[str], read_keys: Collection[str]
) -> str:
    """Return the reason why none of the rows beside the imported ones is switched off. Empty if one is."""
    if len(imported) > 1:
        return f"the file has {len(imported)} rows of this ClientID"
    if len(beside) > 1:
        return f"the table has {plural(len(beside), 'other row')} of this ClientID"
    if imported[0].source_key in active_keys and _may_both_be_right(imported[0], beside[0], read_keys):
        return "both rows have been read, and the client may have two dialers"
    return ""


def _may_both_be_right(new: ParsedRow, old: ParsedRow, read_keys: Collection[str]) -> bool:
    """Tell whether two rows may be two dialers, or two choices of calls.

    A row that was never read may have a mistake in its URL. Two rows that differ by Campaign alone ask one dialer for
    the same calls.
    """
    both_read = {new.source_key, old.source_key} <= set(read_keys)
    return both_read and not (new.shown_address == old.shown_address and _ask_alike(new, old))


def _may_replace(new: ParsedRow, old: ParsedRow) -> bool:
    if new.cells.get("client_id") != old.cells.get("client_id") or not _ask_alike(new, old):
        return False
    return new.cells.get("campaign") == old.cells.get("campaign") or new.shown_address == old.shown_address


def _ask_alike(new: ParsedRow, old: ParsedRow) -> bool:
    """Tell whether two rows ask for the same calls. An old row with an unusable URL may ask for anything."""
    if old.url is None:
        return True
    if new.url is None or (old.url.report, old.url.parameters) != (new.url.report, new.url.parameters):
        return False
    return all(are_same_lists(new.cells.get(name), old.cells.get(name)) for name in COLUMN_OF_PARAMETER.values())
