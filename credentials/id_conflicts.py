"""Conflicts of damaged ClientIDs in a file: a spreadsheet has given two clients one id. Pure."""

from collections.abc import Iterator, Sequence

from credentials.cell_damage import comparison_key, may_stand_for_several
from credentials.csv_files import ClientsFile
from credentials.rows import Row, is_switched_off, rename_columns, source_key
from utils import one_line


def find_id_conflicts(stored: Sequence[Row], file: ClientsFile) -> Iterator[str]:
    """Yield a line of advice for each row that would merge its client with another one.

    A row of the table with the same id and name merges nothing anew. The advice repeats no cell of the file, because a
    password may stand in the wrong column.
    """
    keys = {source_key(row) for row in file.rows}
    table = [rename_columns(row) for row in stored]
    known = {(source_key(row), _name(row)) for row in table}
    others = [(f"the row of {_title(row)} in the table", row) for row in table if source_key(row) not in keys]
    for line, imported in zip(file.lines, file.rows, strict=True):
        row = rename_columns(imported)
        if is_switched_off(row) or not may_stand_for_several(row["client_id"]):
            continue
        if (source_key(row), _name(row)) not in known:
            other = next((place for place, other in others if _are_merged(row, other)), None)
            if other is not None:
                yield _advice(line, other)
        others.append((f"line {line}", row))


def _are_merged(one: dict[str, str], other: dict[str, str]) -> bool:
    """Tell whether two rows have one id and two names. A row without a name contradicts none."""
    names = {name for name in (_name(one), _name(other)) if name}
    return one["client_id"] == other.get("client_id") and len(names) > 1


def _name(row: dict[str, str]) -> str:
    return comparison_key(row.get("client_name", ""))


def _title(row: dict[str, str]) -> str:
    return f"{one_line(row.get('campaign', ''))} / {one_line(row.get('client_name', ''))}"


def _advice(line: int, other: str) -> str:
    return (
        f"  line {line}, column ClientID: a spreadsheet has shortened or spoiled it, and {other} has the same one for"
        " another ClientName, so that the calls of two clients would become one client's. Format that column as text"
        " and enter the whole id of each; if both are one client, give both the same ClientName"
    )
