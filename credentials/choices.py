"""Choices of a row: the campaigns and in-groups that it asks for, in its URL or in its columns."""

from collections.abc import Iterator, Sequence

from credentials.name_lists import are_same_lists, names_in_cell, names_in_url
from credentials.rows import ParsedRow
from credentials.urls import ReportUrl
from reports.call_report_export import ALL, NONE
from reports.call_report_export import NAME as CALL_REPORT_EXPORT

COLUMN_OF_PARAMETER = {"campaign[]": "dialer_campaigns", "group[]": "ingroups"}
"""Parameter of an export → column with the same choice."""


def url_parameters(url: ReportUrl) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a URL in their order. The names of a kind stand together at the place of its first one.

    Raises:
        RowUnusable: a name is invalid.
    """
    given = url.parameters
    for at, (name, value) in enumerate(given):
        if name not in COLUMN_OF_PARAMETER:
            yield name, value
        elif name not in {earlier for earlier, _ in given[:at]}:
            for each in names_in_url([other for other_name, other in given if other_name == name]):
                yield name, each


def choice_cells(row: dict[str, str], url: ReportUrl) -> dict[str, str]:
    """Return the columns with an effect, and their cells: of an export, the choices that its URL leaves open."""
    present = {name for name, _ in url.parameters}
    columns = COLUMN_OF_PARAMETER.items() if url.report == CALL_REPORT_EXPORT else ()
    return {column: row.get(column, "") for parameter, column in columns if parameter not in present}


def column_parameters(row: dict[str, str], url: ReportUrl) -> Iterator[tuple[str, str]]:
    """Yield the names in the columns. Beside a filled column, an empty one means all of its kind."""
    if any(row.get(column) for column in COLUMN_OF_PARAMETER.values()):
        cells = choice_cells(row, url)
        for parameter, column in COLUMN_OF_PARAMETER.items():
            if column in cells:
                yield from ((parameter, name) for name in names_in_cell(cells[column]) or (ALL,))


def asks_for_nothing(parameters: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a row names kinds of calls but no name of any. Without a kind it asks for everything."""
    chosen = [value for name, value in parameters if name in COLUMN_OF_PARAMETER]
    return bool(chosen) and set(chosen) == {NONE}


def find_unused_columns(row: ParsedRow) -> list[str]:
    """Return the filled columns without an effect: the report has no such choice, or the URL names some itself."""
    assert row.url is not None
    unused = [column for column in COLUMN_OF_PARAMETER.values() if column not in choice_cells(row.cells, row.url)]
    return [column for column in unused if not are_same_lists(row.cells.get(column), ALL)]
