"""Imported rows that switch off a row of the table. Cells that the file leaves empty keep what the table has."""

from collections.abc import Iterator, Sequence

from credentials.csv_files import ClientsFile
from credentials.row_problems import find_problems
from credentials.rows import ParsedRow, Row, parse_row, source_key


def find_unknown_rows(stored: Sequence[Row], file: ClientsFile) -> Iterator[str]:
    """Yield a mistake for each row that is to be switched off, but is not in the table and is no usable new row."""
    keys = {source_key(row) for row in stored}
    for line, row in zip(file.lines, file.rows, strict=True):
        parsed = parse_row(row)
        if parsed.is_switched_off and parsed.source_key not in keys and find_problems(parsed):
            yield (
                f"  line {line}: the table has no row with this Campaign, URL and ClientID to switch off; see"
                " `python main.py clients list`"
            )


def keep_stored_cells(stored: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Return the rows of a file. Those that are switched off get their empty cells and their URL from the table."""
    known = {old.source_key: old for old in map(parse_row, stored)}
    return [_fill(row, known.get(source_key(row))) for row in rows]


def _fill(row: Row, old: ParsedRow | None) -> Row:
    if old is None or not parse_row(row).is_switched_off:
        return row
    kept = {name: value or old.cells.get(name) or None for name, value in row.items()}
    return kept | {"url": old.cells["url"]}
