"""Notes of an import about the rows of its file. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from config import Settings
from credentials.choices import COLUMN_OF_PARAMETER, find_unused_columns
from credentials.csv_files import ClientsFile
from credentials.name_lists import asks_for_more, describe_reading
from credentials.row_problems import find_variable_problems
from credentials.row_replacements import Rivals, is_on
from credentials.rows import Row, parse_row, rename_columns, source_key
from utils import one_line, plural

LINES_SHOWN = 5
ROWS_SHOWN = 5


def rival_rows(rivals: Rivals, *, replace: bool) -> Iterator[str]:
    """Name the other rows of a ClientID that are read too, and say how to switch them off."""
    new = rivals.imported[0]
    shown = rivals.stored if replace else rivals.stored[:ROWS_SHOWN]
    client_id = one_line(new.get("client_id") or "")
    for old in shown:
        who = f"{row_title(new)}: the row {row_place(old)}"
        if not replace:
            advice = (
                f"import that one with Enabled no (--replace would not switch it off: {rivals.obstacle})"
                if rivals.obstacle
                else "import the file once more with --replace, which switches that one off"
            )
            yield f"{who} has the same ClientID {client_id} and is read too; if this one takes its place, {advice}"
        elif rivals.obstacle:
            yield (
                f"{who} is not switched off and is read too, because {rivals.obstacle}; if it is no longer right,"
                " import it with Enabled no"
            )
        else:
            yield f"{who} is switched off; if both are right, import it again"
    if len(rivals.stored) > len(shown):
        more = plural(len(rivals.stored) - len(shown), "more row")
        yield f"{row_title(new)}: {more} of ClientID {client_id} are read too; see `python main.py clients list`"


def new_rows_off(stored: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """Name the imported rows that are switched off and were not in the table: another row may be meant."""
    known, of_file = ({source_key(row) for row in each} for each in (stored, rows))
    still_read = [old for old in stored if is_on(old) and source_key(old) not in of_file]
    for row in rows:
        if not is_on(row) and source_key(row) not in known:
            for old in still_read:
                if rename_columns(old).get("client_id") == row.get("client_id"):
                    yield (
                        f"{row_title(row)}: this row was not in the table and is added, switched off; the row"
                        f" {row_place(old)} has the same ClientID and is still read"
                    )


def file_notes(file: ClientsFile) -> Iterator[str]:
    """Say how cells of the file were understood that may mean something else."""
    yield from _blanks_left_out(file)
    yield from _list_readings(file)
    yield from _dates_not_used(file)


def _blanks_left_out(file: ClientsFile) -> Iterator[str]:
    padded = [(line, cells) for line, cells in zip(file.lines, file.padded, strict=True) if cells]
    if padded:
        columns = " and ".join(dict.fromkeys(cell for _, cells in padded for cell in cells))
        yield f"blanks around the text of {columns} were left out ({_lines([line for line, _ in padded])})"


def _list_readings(file: ClientsFile) -> Iterator[str]:
    """Say how lists of names were understood that are not written as the template has it."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for line, row in zip(file.lines, file.rows, strict=True):
        parsed = parse_row(row)
        if parsed.is_switched_off:
            continue
        unused = find_unused_columns(parsed)
        for name in COLUMN_OF_PARAMETER.values():
            understood = None if name in unused else describe_reading(row.get(name) or "")
            if understood is not None:
                found[name, understood].append(line)
    for (name, understood), lines in found.items():
        yield f"{name} is read as {understood} ({_lines(lines)})"


def _dates_not_used(file: ClientsFile) -> Iterator[str]:
    """Name the lines whose URL has dates. A pasted URL has the days that were looked at in the browser."""
    dated = [
        line
        for line, row in zip(file.lines, file.rows, strict=True)
        if (url := parse_row(row).url) is not None and url.has_dates
    ]
    if dated:
        yield f"the dates in the URL are not used ({_lines(dated)}): `backfill` brings older days"


def _lines(lines: Sequence[int]) -> str:
    more = f" and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return f"line {', '.join(str(line) for line in lines[:LINES_SHOWN])}{more}"


def variable_warnings(rows: Sequence[Row], settings: Settings) -> Iterator[str]:
    """Name the rows whose password refers to a variable that may not be read. They stay: it may be allowed later."""
    for row in rows:
        for problem in find_variable_problems(row, settings):
            yield f"{row_title(row)} is not read: {problem.text}."


def wider_choices(stored: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """Name the rows that ask for more campaigns or in-groups than before. Cycles bring their calls from now on.

    Args:
        rows: those that have been read before. A first load brings older calls by itself.
    """
    before = {source_key(row): rename_columns(row) for row in stored}
    for row in rows:
        old = before.get(source_key(row))
        if old is not None and any(
            asks_for_more(row.get(name), old.get(name)) for name in COLUMN_OF_PARAMETER.values()
        ):
            yield (
                f"{row_title(row)}: it asks for other campaigns or in-groups than before; their older calls are brought"
                " by `python main.py backfill --from YYYY-MM-DD --to YYYY-MM-DD`"
            )


def row_title(row: Row) -> str:
    client = row.get("client_name") or row.get("client_id") or ""
    return f"{one_line(row.get('campaign') or '')} / {one_line(client)}"


def row_place(row: Row) -> str:
    """Tell a row from the others of its client, by Campaign, URL and agent."""
    parsed = parse_row(row)
    agent = f", agent {one_line(parsed.agent)}" if parsed.agent else ""
    address = one_line(parsed.shown_url) or "another address"
    return f"with Campaign {one_line(row.get('campaign') or '')} for {address}{agent}"
