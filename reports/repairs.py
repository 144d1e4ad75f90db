"""Puts the fields of a damaged export record back under their columns, by the shape of the values.

Raw tabs leak from list names and descriptions in every build, and from any text in builds before 160510. Columns with a
shape (dates, numbers, known campaigns) are anchors; only free text between them can have swallowed the extra tabs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
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
    "lead_id": r"\d*",
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
MOST_READINGS = 16


Aligner = Callable[[Sequence[str], Callable[[], frozenset[str]]], list[str] | None]


def aligner(columns: Sequence[str], needed: Sequence[str]) -> Aligner:
    """A function that aligns the fields of one record with ``columns``.

    It takes the fields and a way to learn the campaigns of the sound records, and gives one value per column, or None
    where the values of the ``needed`` columns cannot be told without doubt.
    """
    shapes = [re.compile(SHAPES[name], re.ASCII) if name in SHAPES else None for name in columns]
    shaped = [(column, shape.fullmatch) for column, shape in enumerate(shapes) if shape is not None]
    costs = [LIKELY.get(name, UNLIKELY) for name in columns]
    watched = [columns.index(name) for name in needed if name in columns]
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

        @cache
        def best(column: int, spent: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
            """Least cost from here to the end, and up to two ways (field counts per column) that have it."""
            if column == len(columns):
                return (0, ((),)) if spent == extra else (1 << 30, ())
            found: list[tuple[int, tuple[int, ...]]] = []
            widest = extra - spent if shapes[column] is None and column != campaign else 0
            for swallowed in range(widest + 1):
                if swallowed == 0 and not fits(column, fields[column + spent]):
                    continue
                cost, ways = best(column + 1, spent + swallowed)
                if ways:
                    found += [(cost + costs[column] * swallowed, (swallowed, *way)) for way in ways]
            if not found:
                return 1 << 30, ()
            least = min(cost for cost, _ in found)
            return least, tuple(way for cost, way in found if cost == least)[:MOST_READINGS]

        readings = [_joined(fields, way) for way in best(0, 0)[1]]
        if not readings or len({tuple(reading[at] for at in watched) for reading in readings}) > 1:
            return None
        return readings[0]

    return align


def _joined(fields: Sequence[str], swallowed: Sequence[int]) -> list[str]:
    values: list[str] = []
    at = 0
    for count in swallowed:
        values.append("\t".join(fields[at : at + count + 1]))
        at += count + 1
    return values
