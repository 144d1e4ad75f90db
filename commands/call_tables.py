"""The table of `main.py calls`: the newest calls in lines that fit the terminal."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from commands.terminal_text import escape
from utils import one_line, plural

HEADINGS = {
    "call_time_local": "Time", "client": "Client", "direction": "Direction", "phone": "Phone", "status": "Status",
    "agent": "Agent", "length_seconds": "Seconds", "group": "Campaign or in-group",
}  # fmt: skip
READ = (
    "call_time_local", "client_name", "client_id", "direction", "phone", "status", "agent", "length_seconds", "ingroup",
    "dialer_campaign",
)  # fmt: skip
"""Columns of the warehouse in the table."""
SHRINKING = ("client", "agent", "group", "phone")
"""Columns that are cut on a narrow terminal."""
GAP, LEAST_WIDTH, CELL_LIMIT = 2, 6, 40
Row = Mapping[str, object]


def table_lines(rows: Iterable[Row], *, one_day: bool, room: int | None, encoding: str) -> Iterator[str]:
    """Yield the lines of the table.

    Args:
        rows: with the columns of READ.
        one_day: leave out the day, which is named above the table.
        room: characters of a line. None for an output that is no terminal.
        encoding: of the output.
    """
    cells = [HEADINGS, *(_cells(row, one_day, encoding) for row in rows)]
    widths = {name: max(len(line[name]) for line in cells) for name in HEADINGS}
    widths = _fit(widths, room)
    for line in cells:
        padded = (_cut(line[name], width, encoding).ljust(width) for name, width in widths.items())
        yield (" " * GAP).join(padded).rstrip()


def rest_line(shown: int, calls: int) -> str:
    """Say how many calls are not shown."""
    if shown >= calls:
        return plural(calls, "call")
    rest = plural(calls - shown, "further call")
    return f"{rest} not shown: --limit {calls} shows all, and --output calls.csv writes all to a file."


def _cells(row: Row, one_day: bool, encoding: str) -> dict[str, str]:
    begin = row["call_time_local"]
    assert isinstance(begin, datetime)
    found = dict(row) | {
        "call_time_local": f"{begin:%H:%M:%S}" if one_day else f"{begin:%Y-%m-%d %H:%M:%S}",
        "client": row["client_name"] or row["client_id"],
        "group": row["ingroup"] or row["dialer_campaign"],
    }
    texts = {name: "" if found[name] is None else str(found[name]) for name in HEADINGS}
    clean = {name: one_line(text, limit=len(text)) for name, text in texts.items()}
    return {name: _cut(escape(text, encoding), CELL_LIMIT, encoding) for name, text in clean.items()}


def _cut(text: str, limit: int, encoding: str) -> str:
    """Cut a text that is escaped already, with a mark that the terminal can show."""
    mark = "…" if escape("…", encoding) == "…" else "..."
    return text if len(text) <= limit else text[: limit - len(mark)] + mark


def _fit(widths: dict[str, int], room: int | None) -> dict[str, int]:
    """Shrink the widest of the shrinking columns until a line fits, or none can shrink any more."""
    fitting = dict(widths)
    while room is not None and sum(fitting.values()) + GAP * (len(fitting) - 1) > room:
        widest = max(SHRINKING, key=lambda name: fitting[name])
        if fitting[widest] <= LEAST_WIDTH:
            break
        fitting[widest] -= 1
    return fitting
