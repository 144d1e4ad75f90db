"""Alignment of the fields of a damaged export record with their columns, by the shape of the values.

Raw tabs leak from list names and descriptions in every build, and from any text in builds before 160510. Columns with a
shape (dates, numbers, known campaigns) are anchors. Only free text between them can have swallowed the extra tabs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

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
"""Shape of the values of a column. A column without one is free text."""

LIKELY: Mapping[str, int] = {"list_description": 0, "list_name": 1, "comments": 1, "full_name": 2}
"""Cost of each tab that a column swallows. Descriptions and comments have tabs, other texts hardly ever."""
UNLIKELY = 4
MOST_TABS = 12
IMPOSSIBLE = 1 << 30


class Aligner:
    """Alignment of the fields of records with the columns of one header row."""

    def __init__(self, columns: Sequence[str], needed: Sequence[str]) -> None:
        """Prepare the shapes and costs of the columns.

        Args:
            needed: columns without which a record is worth nothing.
        """
        self.shapes = [re.compile(SHAPES[name], re.ASCII) if name in SHAPES else None for name in columns]
        self.costs = [LIKELY.get(name, UNLIKELY) for name in columns]
        self.needed = {columns.index(name) for name in needed if name in columns}
        self.campaign = columns.index("campaign_id")
        self._description = columns.index("list_description")
        self._shaped = [(column, shape.fullmatch) for column, shape in enumerate(self.shapes) if shape is not None]

    def align(self, fields: Sequence[str], campaigns: Callable[[], frozenset[str]]) -> list[str] | None:
        """Return one value per column, or None if the record leaves doubt.

        A value is empty if the likeliest alignments differ in it. If they differ in a needed column, all are in doubt.

        Args:
            campaigns: returns the campaigns of the sound records.
        """
        extra = len(fields) - len(self.shapes)
        if not 0 <= extra <= MOST_TABS:
            return None
        end = self._description + extra + 1
        usual = [*fields[: self._description], "\t".join(fields[self._description : end]), *fields[end:]]
        if all(shape(usual[column]) for column, shape in self._shaped):
            return usual  # all other alignments cost more
        return _Alignment(self, fields, campaigns()).likeliest_values()


class _Alignment:
    """Search for the cheapest alignment of one record. The columns swallow all tabs that the record has too many."""

    def __init__(self, aligner: Aligner, fields: Sequence[str], campaigns: frozenset[str]) -> None:
        self._aligner = aligner
        self._fields = fields
        self._campaigns = campaigns
        self._width = len(aligner.shapes)
        self._extra = len(fields) - self._width
        self._least_costs: dict[tuple[int, int], int] = {}

    def likeliest_values(self) -> list[str] | None:
        """Follow the cheapest alignments. None if there is none, or if they differ in a needed column."""
        if self._least_cost(0, 0) >= IMPOSSIBLE:
            return None
        values: list[str] = []
        reached = {0}
        for column in range(self._width):
            likeliest = {choice for spent in reached for choice in self._cheapest_choices(column, spent)}
            reached = {spent for spent, _ in likeliest}
            value, *others = {value for _, value in likeliest}
            if others and column in self._aligner.needed:
                return None
            values.append("" if others else value)
        return values

    def _cheapest_choices(self, column: int, spent: int) -> Iterator[tuple[int, str]]:
        """Yield the tabs spent behind the column, and its value, for each of the cheapest alignments."""
        for count, value in self._readings(column, spent):
            if self._cost(column, spent, count) == self._least_cost(column, spent):
                yield spent + count, value

    def _least_cost(self, column: int, spent: int) -> int:
        """Return the least cost of the columns from here to the end. Earlier columns have ``spent`` tabs."""
        if column == self._width:
            return 0 if spent == self._extra else IMPOSSIBLE
        if (column, spent) not in self._least_costs:
            onward = (self._cost(column, spent, count) for count, _ in self._readings(column, spent))
            self._least_costs[column, spent] = min(onward, default=IMPOSSIBLE)
        return self._least_costs[column, spent]

    def _cost(self, column: int, spent: int, count: int) -> int:
        return self._aligner.costs[column] * count + self._least_cost(column + 1, spent + count)

    def _readings(self, column: int, spent: int) -> Iterator[tuple[int, str]]:
        """Yield each possible number of tabs in the column, and its value."""
        is_free = self._aligner.shapes[column] is None and column != self._aligner.campaign
        for swallowed in range((self._extra - spent if is_free else 0) + 1):
            value = "\t".join(self._fields[column + spent : column + spent + swallowed + 1])
            if swallowed or self._fits(column, value):
                yield swallowed, value

    def _fits(self, column: int, value: str) -> bool:
        if column == self._aligner.campaign and self._campaigns:
            return value in self._campaigns
        shape = self._aligner.shapes[column]
        return shape is None or shape.fullmatch(value) is not None
