"""`main.py clients import`: a CSV file into the credentials table, and what it changes beyond its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config import Settings
from credentials.csv_files import read_clients
from credentials.id_conflicts import find_id_conflicts
from credentials.row_replacements import find_replaceable_rows, find_rivals, is_on
from credentials.rows import Row, parse_rows, rename_columns, source_key
from credentials.sources import usable_sources
from credentials.switched_off_rows import find_unknown_rows, keep_stored_cells
from credentials.table_warnings import find_warnings
from database import Warehouse
from engine.import_notes import file_notes, new_rows_off, rival_rows, variable_warnings, wider_choices
from engine.import_time_zones import zone_changes
from errors import ImportRefused
from planning.history import History


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome of an import, for people: one line each."""

    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def import_clients(warehouse: Warehouse, settings: Settings, path: Path, *, replace: bool) -> ImportReport:
    """Take all rows of a CSV file, or none.

    Args:
        replace: switch off the one other row of an imported row's ClientID, where only one can be meant.

    Raises:
        ImportRefused: the file has mistakes, or would make several clients one.
    """
    file = read_clients(path)
    warehouse.prepare()
    stored = warehouse.reader.credential_rows()
    if mistakes := [*find_id_conflicts(stored, file), *find_unknown_rows(stored, file)]:
        raise ImportRefused(path.name, "\n".join(mistakes))
    rows = keep_stored_cells(stored, file.rows)
    keys = {source_key(row) for row in rows}
    clients = {row["client_id"] for row in rows}
    of_clients = [row for row in stored if rename_columns(row).get("client_id") in clients]
    history = History.from_rows({}, warehouse.reader.hours(date.max, keys | {source_key(row) for row in of_clients}))
    rivals = list(find_rivals(of_clients, rows, {key for key, hours in history.hours.items() if hours}))
    replaced = {source_key(old): old for each in rivals if replace and not each.obstacle for old in each.stored}
    off = [{**old, "enabled": "no"} for old in replaced.values()]
    merged = warehouse.put_credential_rows([*rows, *off], source_key)
    changed = merged.changed - len(off)
    table = parse_rows(warehouse.reader.credential_rows())
    usable, _ = usable_sources(table, settings)
    imported = [source for source in usable if source.key in keys]
    return ImportReport(
        notes=(
            f"{path.name}: {merged.added} added, {changed} changed, {merged.left} left as they were",
            *(note for each in rivals for note in rival_rows(each, replace=replace)),
            *new_rows_off(of_clients, rows),
            *file_notes(file),
            *wider_choices(stored, [row for row in rows if history.hours[source_key(row)]]),
            *zone_changes(history, settings, imported, _earlier_rows(of_clients, rows, replaced)),
        ),
        warnings=(
            *variable_warnings([row for row in rows if is_on(row)], settings),
            *(str(warning) for warning in find_warnings(usable, table) if warning.sources & keys),
        ),
    )


def _earlier_rows(
    stored: Sequence[Row], imported: Sequence[Row], replaced: Mapping[str, Row]
) -> list[tuple[Row, list[Row]]]:
    """Return each imported row with the rows of the table that may have read the same calls before it."""
    by_client = {row["client_id"]: row for row in replaced.values()}
    found = []
    for new, others in find_replaceable_rows(stored, imported):
        old = by_client.get(new["client_id"])
        known = {source_key(row) for row in others}
        found.append((new, [*others, old] if old is not None and source_key(old) not in known else others))
    return found
