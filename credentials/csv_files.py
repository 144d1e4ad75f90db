"""CSV files of clients. A file is read as a whole or not at all, with line and column of every mistake."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from credentials.cell_damage import find_padded_cells
from credentials.file_decoding import UNSEEN, decode_file, describe_other_kind
from credentials.row_problems import find_key_problems, find_problems
from credentials.rows import CANONICAL, parse_row
from errors import ImportRefused
from tables import CREDENTIALS
from utils import fold_name, one_line

HEADER = ("Campaign", "URL", "Username", "Password", "ClientName", "ClientID")
NEEDED_TO_SWITCH_OFF = ("Campaign", "URL", "ClientID")
OPTIONAL = ("Timezone", "Enabled", "MaxConnections", "VerifyTLS", "dialer_campaigns", "ingroups")
EXAMPLE = (
    "Campaign1", "https://dialer.example.com/vicidial/", "report_user", "its-password", "Example Ltd", "1001",
    "America/New_York", "yes", "2", "yes", "", "",
)  # fmt: skip
SEPARATORS = ",;\t|"
NAMED_SEPARATOR = re.compile(r'"?sep=(.)', re.IGNORECASE)
"""First line of a file that names the separator for Excel."""


@dataclass(frozen=True, slots=True)
class ClientsFile:
    """The rows of a file, with every column of ``tables.CREDENTIALS`` and ``source_key``, and their lines."""

    rows: tuple[dict[str, str | None], ...]
    lines: tuple[int, ...]
    padded: tuple[tuple[str, ...], ...]
    """Names of the cells of each row that had blanks around their text. The rows are without these blanks."""


def render_template() -> str:
    """Return a CSV file with every column and one example row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER + OPTIONAL, EXAMPLE])
    return text.getvalue()


def read_clients(path: Path) -> ClientsFile:
    """Read a file of clients, all of it or nothing.

    Variants of spreadsheets are read too: a line ``sep=``, semicolons or tabs between the columns, UTF-16, cp1252.

    Raises:
        ImportRefused: names every line and column that has a mistake.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ImportRefused(path.name, f"  the file cannot be read: {exc.strerror}") from None
    if (advice := describe_other_kind(content)) is not None:
        raise ImportRefused(path.name, f"  the file {advice}")
    text = decode_file(content)
    if not text.strip():
        raise ImportRefused(path.name, "  the file is empty; see `clients template`")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    rows: list[dict[str, str | None]] = []
    places: list[int] = []
    padded: list[tuple[str, ...]] = []
    mistakes: list[str] = []
    lines: dict[str, int] = {}
    try:
        header = [cell.strip(UNSEEN) for cell in _strip_empty_end(next(filter(_is_header, reader), []), 0)]
        header_line = reader.line_num or 1
        mistakes += _header_mistakes(header, header_line)
        for cells in reader if not mistakes else ():
            if any(cell.strip() for cell in cells) and not _repeats_header(header, cells):
                row, found = _read_row(header, cells, reader.line_num, lines)
                rows.append(row)
                places.append(reader.line_num)
                padded.append(tuple(find_padded_cells(dict(zip(header, cells, strict=False)))))
                mistakes += found
        if not all(parse_row(row).is_switched_off for row in rows if row):
            mistakes[:0] = _missing_columns(header, HEADER, header_line)
    except csv.Error as exc:
        mistakes.append(f"  line {reader.line_num}: {exc}")
    if not rows and not mistakes:
        mistakes.append("  there is no row below the header")
    if mistakes:
        raise ImportRefused(path.name, "\n".join(mistakes))
    return ClientsFile(tuple(rows), tuple(places), tuple(padded))


def _find_delimiter(text: str) -> str:
    """Return the separator of a line ``sep=`` if the header row has it, or else the most frequent one there."""
    header, below, *_ = [*(line for line in text.splitlines() if line.strip()), "", ""]
    named = NAMED_SEPARATOR.match(header)
    if named is None:
        return max(SEPARATORS, key=header.count)
    return named[1] if named[1] in SEPARATORS and named[1] in below else max(SEPARATORS, key=below.count)


def _is_header(cells: list[str]) -> bool:
    return any(cell.strip() for cell in cells) and NAMED_SEPARATOR.match(f"{cells[0]};") is None


def _repeats_header(header: list[str], cells: list[str]) -> bool:
    """Tell whether this is the header row again, as in joined files or in prints of several pages."""
    names = [fold_name(cell.strip(UNSEEN)) for cell in _strip_empty_end(cells, len(header))]
    return names == [fold_name(name) for name in header]


def _header_mistakes(header: list[str], line: int) -> list[str]:
    known = [CANONICAL.get(fold_name(name), "") for name in header]
    if known.count("") > min(2, len(known) // 2):  # not shown: a client's cells may be among them, password and all
        apart = ", or has other separators than comma, semicolon, tab and |" * (len(header) == 1)
        return [f"  line {line}: is not the header row{apart}; see `clients template`"]
    mistakes = [
        f"  line {line}, column {number}: {one_line(name, limit=40)!r} is not a column; see `clients template`"
        for number, (name, ours) in enumerate(zip(header, known, strict=True), 1)
        if not ours
    ]
    mistakes += _missing_columns(header, NEEDED_TO_SWITCH_OFF if "enabled" in known else HEADER, line)
    twice = {name for name in known if name and known.count(name) > 1}
    return mistakes + [f"  line {line}: the column {name} stands there twice" for name in sorted(twice)]


def _missing_columns(header: list[str], needed: Sequence[str], line: int) -> list[str]:
    known = {fold_name(name) for name in header}
    return [f"  line {line}: the column {name} is missing" for name in needed if fold_name(name) not in known]


def _read_row(
    header: list[str], cells: list[str], line: int, lines: dict[str, int]
) -> tuple[dict[str, str | None], list[str]]:
    """Return one row and its mistakes.

    Args:
        lines: source_key → first line with it. The row's own line is added.
    """
    cells = _strip_empty_end(cells, len(header))
    if len(cells) != len(header):
        return {}, [f"  line {line}: {len(cells)} cells instead of {len(header)}{_cause(header, cells)}"]
    if len({fold_name(cell.strip(UNSEEN)) for cell in cells} & CANONICAL.keys()) >= len(HEADER):
        return {}, [f"  line {line}: another header row with its columns in another order; import that part by itself"]
    parsed = parse_row(dict(zip(header, cells, strict=True)))
    ours = parsed.cells
    absent = {CANONICAL[fold_name(name)] for name in HEADER} - ours.keys()
    problems = find_key_problems(parsed) if parsed.is_switched_off else find_problems(parsed)
    mistakes = [
        f"  line {line}, column {_display_name(problem.column)}: {problem.text}"
        for problem in problems
        if problem.column not in absent
    ]
    row: dict[str, str | None] = {column.name: ours.get(column.name) or None for column in CREDENTIALS.columns}
    if [ours.get(CANONICAL[fold_name(name)], "") for name in HEADER] == list(EXAMPLE[: len(HEADER)]):
        mistakes.append(f"  line {line}: the example of `clients template`; fill it in, or take it out")
    row["source_key"] = key = parsed.source_key
    if lines.setdefault(key, line) != line:
        mistakes.append(f"  line {line}: the same client, campaign and URL as line {lines[key]}")
    return row, mistakes


def _cause(header: list[str], cells: list[str]) -> str:
    """Return the probable cause of another number of cells than in the header."""
    if len(cells) > len(header):
        return "; a cell with a comma in it stands in double quotes"
    if len(cells) == 1 and any(cells[0].count(separator) >= len(HEADER) - 1 for separator in SEPARATORS):
        return "; other separators than in the header row, or double quotes around the whole line"
    return ""


def _strip_empty_end(cells: list[str], least: int) -> list[str]:
    """Return the cells without the empty ones at the end. Excel adds separators behind the last column."""
    while len(cells) > least and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _display_name(column: str) -> str:
    """Return the name of a column in the spelling of the template."""
    return next((name for name in HEADER + OPTIONAL if fold_name(name) == fold_name(column)), column)
