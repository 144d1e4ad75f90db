"""CSV files of clients: read as a whole or not at all, with line and column of every mistake."""

import codecs
import csv
import io
from pathlib import Path

from credentials.rows import CANONICAL, by_our_names, problems_of, source_key
from errors import ImportRefused
from tables import CREDENTIALS
from utils import one_line, squeezed

HEADER = ("Campaign", "URL", "Username", "Password", "ClientName", "ClientID")
OPTIONAL = ("Timezone", "Enabled", "MaxConnections", "VerifyTLS", "dialer_campaigns", "ingroups")
EXAMPLE = (
    "Campaign1", "https://dialer.example.com/vicidial/", "report_user", "its-password", "Example Ltd", "1001",
    "America/New_York", "yes", "2", "yes", "", "",
)  # fmt: skip


def template() -> str:
    """A CSV file with every column and one example row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER + OPTIONAL, EXAMPLE])
    return text.getvalue()


def read_clients(path: Path) -> list[dict[str, str | None]]:
    """Rows with every column of ``tables.CREDENTIALS`` and ``source_key``.

    Excel's own exports are read too: a BOM, semicolons or tabs between the columns, cp1252.

    Raises:
        ImportRefused: names every line and column that has a mistake.
    """
    try:
        text = _text(path.read_bytes())
    except OSError as exc:
        raise ImportRefused(path.name, f"  the file cannot be read: {exc.strerror}") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[dict[str, str | None]] = []
    mistakes: list[str] = []
    lines: dict[str, int] = {}
    try:
        header = _without_empty_end(next(filter(any, reader), []), 0)
        mistakes += _header_mistakes(header, reader.line_num or 1)
        for cells in reader if not mistakes else ():
            if any(cell.strip() for cell in cells):
                row, found = _row(header, cells, reader.line_num, lines)
                rows.append(row)
                mistakes += found
    except csv.Error as exc:
        mistakes.append(f"  line {reader.line_num}: {exc}")
    if not rows and not mistakes:
        mistakes.append("  there is no row below the header")
    if mistakes:
        raise ImportRefused(path.name, "\n".join(mistakes))
    return rows


def _text(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what `>` of Windows PowerShell 5 writes
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    header = next(filter(None, text.splitlines()), "")
    return max(",;\t", key=header.count)


def _header_mistakes(header: list[str], line: int) -> list[str]:
    known = [CANONICAL.get(squeezed(name), "") for name in header]
    if known.count("") > min(2, len(known) // 2):  # not shown: a client's cells may be among them, password and all
        return [f"  line {line}: is not the header row; see `clients template`"]
    mistakes = [
        f"  line {line}, column {number}: {one_line(name, limit=40)!r} is not a column; see `clients template`"
        for number, (name, ours) in enumerate(zip(header, known, strict=True), 1)
        if not ours
    ]
    needed = [CANONICAL[squeezed(name)] for name in HEADER]
    names = dict(zip(needed, HEADER, strict=True))
    mistakes += [f"  line {line}: the column {names[name]} is missing" for name in needed if name not in known]
    twice = {name for name in known if name and known.count(name) > 1}
    return mistakes + [f"  line {line}: the column {name} stands there twice" for name in sorted(twice)]


def _row(
    header: list[str], cells: list[str], line: int, lines: dict[str, int]
) -> tuple[dict[str, str | None], list[str]]:
    """One row and its mistakes; ``lines`` remembers which line named a source first."""
    cells = _without_empty_end(cells, len(header))
    if len(cells) != len(header):
        quotes = "; a cell with a comma in it stands in double quotes" if len(cells) > len(header) else ""
        return {}, [f"  line {line}: {len(cells)} cells instead of {len(header)}{quotes}"]
    ours = by_our_names(dict(zip(header, cells, strict=True)))
    mistakes = [f"  line {line}, column {_shown(problem.column)}: {problem.text}" for problem in problems_of(ours)]
    row: dict[str, str | None] = {column.name: ours.get(column.name) or None for column in CREDENTIALS.columns}
    if [ours.get(CANONICAL[squeezed(name)], "") for name in HEADER] == list(EXAMPLE[: len(HEADER)]):
        mistakes.append(f"  line {line}: the example of `clients template`; fill it in, or take it out")
    row["source_key"] = key = source_key(ours)
    if lines.setdefault(key, line) != line:
        mistakes.append(f"  line {line}: the same client, campaign and URL as line {lines[key]}")
    return row, mistakes


def _without_empty_end(cells: list[str], least: int) -> list[str]:
    """Excel adds separators behind the last column."""
    while len(cells) > least and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _shown(column: str) -> str:
    """A column as the header of the template spells it."""
    return next((name for name in HEADER + OPTIONAL if squeezed(name) == squeezed(column)), column)
