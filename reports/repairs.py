"""Puts the fields of a damaged export record back under their columns, by the shape of the values.

Raw tabs leak from list names and descriptions in every build, and from any text in builds before 160510. Columns with a
shape (dates, numbers, known campaigns) are anchors; only free text between them can have swallowed the extra tabs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

SHAPES: Mapping[str, str] = {
    "call_date": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "phone_number_dialed": r"[-+\dX]*",
    "status": r"\S{0,8}",
    "user": r"\S{0,20}",
    "list_id": r"\d*",
    "gmt_offset_now": r"-?\d*\.?\d*",
    "phone_code": r"\+?\d*",
    "phone_number": r"[-+\dX]*",
    "country_code": r"\w{0,3}",
    "gender": r"[MFU]?",
    "date_of_birth": r"(\d{4}-\d\d-\d\d)?",
    "alt_phone": r"[-+\dX]*",
    "length_in_sec": r"-?\d*",
    "alt_dial": r"[A-Z]{0,5}\d{0,3}|-?\d+(\.\d+)?",
    "rank": r"-?\d*",
    "lead_id": r"\d+",
    "entry_date": r"[-\d :]*",
    "called_count": r"[-\d :]*",
    "last_local_call_time": r"[-\d :]*",
    "modify_date": r"[-\d :]*",
    "called_since_last_reset": r"([YND]\d*)?|[-\d :]*",
    "term_reason": r"[A-Z]*\d*",
    "log_called_count": r"\d*",
    "log_list_id": r"[-\d :]*",
    "wrapup_time": r"\d*",
    "queue_time": r"-?\d*(\.\d+)?",
    "uniqueid": r"\d{9,10}\.\d+|",
    "server_ip": r"[\d.]*",
    "hangup_cause": r"\d*",
    "dial_time": r"\d*",
    "answered_time": r"\d*",
    "did_id": r"\d*",
}
"""What the values of a column look like; a column that is missing here is free text."""

LIKELY: Mapping[str, int] = {"list_description": 0, "list_name": 1, "comments": 1, "full_name": 2}
"""Cost of each tab that a column swallows: descriptions and comments have tabs, other texts hardly ever."""
UNLIKELY = 4
MOST_TABS = 12
IMPOSSIBLE = 1 << 30


Aligner = Callable[[Sequence[str], Callable[[], frozenset[str]]], list[str] | None]


def aligner(columns: Sequence[str], needed: Sequence[str]) -> Aligner:
    """A function that aligns the fields of one record with ``columns``.

    It takes the fields and a way to learn the campaigns of the sound records, and gives one value per column: empty
    where the likeliest readings differ, and None for the whole record where they differ in a ``needed`` column.
    """
    shapes = [re.compile(SHAPES[name], re.ASCII) if name in SHAPES else None for name in columns]
    shaped = [(column, shape.fullmatch) for column, shape in enumerate(shapes) if shape is not None]
    costs = [LIKELY.get(name, UNLIKELY) for name in columns]
    watched = {columns.index(name) for name in needed if name in columns}
    campaign = columns.index("campaign_id")
    free_of_charge = columns.index("list_description")

    def align(fields: Sequence[str], campaigns: Callable[[], frozenset[str]]) -> list[str] | None:
        extra = len(fields) - len(columns)
        if not 0 <= extra <= MOST_TABS:
            return None

        end = free_of_charge + extra + 1
        usual = [*fields[:free_of_charge], "\t".join(fields[free_of_charge:end]), *fields[end:]]
        if all(shape(usual[column]) for column, shape in shaped):
            return usual  # nothing else costs nothing
        known = campaigns()

        def fits(column: int, value: str) -> bool:
            if column == campaign and known:
                return value in known
            shape = shapes[column]
            return shape is None or shape.fullmatch(value) is not None

        def taken(column: int, spent: int) -> Iterator[tuple[int, str]]:
            """How many tabs the column can have swallowed, where those before it swallowed ``spent``, and its value."""
            widest = extra - spent if shapes[column] is None and column != campaign else 0
            for swallowed in range(widest + 1):
                value = "\t".join(fields[column + spent : column + spent + swallowed + 1])
                if swallowed or fits(column, value):
                    yield swallowed, value

        @cache
        def least_cost(column: int, spent: int) -> int:
            """Of the columns from here to the end."""
            if column == len(columns):
                return 0 if spent == extra else IMPOSSIBLE
            onward = (
                costs[column] * count + least_cost(column + 1, spent + count) for count, _ in taken(column, spent)
            )
            return min(onward, default=IMPOSSIBLE)

        if least_cost(0, 0) >= IMPOSSIBLE:
            return None
        values: list[str] = []
        reached = {0}
        for column in range(len(columns)):
            likeliest = {
                (spent + count, value)
                for spent in reached
                for count, value in taken(column, spent)
                if costs[column] * count + least_cost(column + 1, spent + count) == least_cost(column, spent)
            }
            reached = {spent for spent, _ in likeliest}
            value, *others = {value for _, value in likeliest}
            if others and column in watched:
                return None
            values.append("" if others else value)
        return values

    return align
