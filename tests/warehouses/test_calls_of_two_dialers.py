"""Two dialers of a client count alike: calls of equal uniqueid, second and group are two rows in any order of reads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import call, digest, outcome

Row = dict[str, Any]
Step = tuple[tuple[int, str], ...]
"""A batch: the dialer, 0 or 1, and how it shows its call."""

STANDARD, IN_PROGRESS, ENDED = "without uniqueid", "in progress", "ended"
UNIQUEIDS = {STANDARD: None, IN_PROGRESS: "1795000000.417", ENDED: "1795000000.901"}
MASKED = "XXXXXXXXXX"
INBOUND = {"direction": "inbound", "ingroup": "IN", "dialer_campaign": None}


def describe_call(phone: str | None, lead: str, agent: str | None) -> Row:
    return {"phone": phone, "lead_id": lead, "agent": agent}


CALLS = {
    "other numbers": (describe_call("5551110001", "1", "7"), describe_call("5552220002", "1", "7")),
    "all differs": (describe_call("5551110001", "1", "7"), describe_call("5552220002", "2", "8")),
    "no agent": (describe_call("5551110001", "1", None), describe_call("5552220002", "1", None)),
    "one number withheld": (describe_call(None, "1", "7"), describe_call("5552220002", "2", "7")),
    "one number withheld and no agent": (describe_call(None, "1", None), describe_call("5552220002", "2", None)),
    "both withheld": (describe_call(None, "1", "7"), describe_call(None, "2", "8")),
    "both withheld and no agent": (describe_call(None, "1", None), describe_call(None, "2", None)),
    "both masked": (describe_call(MASKED, "1", "7"), describe_call(MASKED, "2", "8")),
}
"""The calls of the two dialers that have one uniqueid, second and group."""


@dataclass(frozen=True)
class Story:
    """Batches in order for two calls. The client has no others, so that many stories fit into one warehouse."""

    client: str
    shape: Row
    calls: tuple[Row, Row]
    steps: tuple[Step, ...]

    def row(self, dialer: int, level: str) -> Row:
        known = {**self.shape, **self.calls[dialer], "client_id": self.client, "campaign": f"C{dialer}"}
        if level == STANDARD and known["phone"] == MASKED:
            known["call_key"] = digest(self.client, "a mask is no part of a key")
        return call(1, uniqueid=UNIQUEIDS[level], **known)

    def batch(self, number: int) -> list[Row]:
        return [self.row(dialer, level) for dialer, level in self.steps[number : number + 1][0]]

    def dialers(self, number: int) -> set[int]:
        """Dialers that have shown their call up to this batch."""
        return {dialer for step in self.steps[: number + 1] for dialer, _ in step}


def stories(names: Sequence[str], length: int) -> Iterator[Story]:
    """Every order of that many batches with one or both calls, then both calls as they ended, together or in turn."""
    ends: tuple[tuple[Step, ...], ...] = (
        (((0, ENDED), (1, ENDED)),) * 3,
        (((1, ENDED),), ((0, ENDED),), ((0, ENDED), (1, ENDED))),
    )
    number = 0
    for name, shape in product(names, ({}, INBOUND)):
        levels = (STANDARD, ENDED) if shape else (STANDARD, IN_PROGRESS, ENDED)
        alone: list[Step] = [((dialer, level),) for dialer in (0, 1) for level in levels]
        together: list[Step] = [((0, one), (1, other)) for one, other in product(levels, levels)]
        for begin, end in product(product(alone + together, repeat=length), ends):
            if not goes_back(begin):
                yield Story(f"client {number}", shape, CALLS[name], (*begin, *end))
                number += 1


def goes_back(steps: Sequence[Step]) -> bool:
    """A call that has ended is never in progress again."""
    ended: set[int] = set()
    for step in steps:
        if any(level == IN_PROGRESS and dialer in ended for dialer, level in step):
            return True
        ended |= {dialer for dialer, level in step if level == ENDED}
    return False


def commit(desk: Desk, batches: Sequence[Sequence[Row]]) -> None:
    """Commit the rows as one batch with a source for each dialer."""
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in (row for batch in batches for row in batch):
        rows[row["campaign"]].append(row)
    if rows:
        desk.commit(*(outcome(desk.spool.sealed(*found, source=campaign)) for campaign, found in rows.items()))


def has_equal_keys(batch: Sequence[Row]) -> bool:
    return len({row["call_key"] for row in batch}) < len(batch)


def rows_of_clients(desk: Desk) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in desk.rows():
        found[row["client_id"]].append(row)
    return found


@pytest.mark.parametrize(
    ("settings", "names", "length"),
    [
        pytest.param("duckdb", list(CALLS), 1, id="duckdb"),
        pytest.param("duckdb", ["other numbers", "one number withheld"], 2, id="duckdb-longer"),
        pytest.param("bigquery", list(CALLS), 1, id="bigquery", marks=pytest.mark.slow),
    ],
    indirect=["settings"],
)
def test_calls_of_two_dialers_are_two_rows_after_any_order_of_reads(desk: Desk, names: list[str], length: int) -> None:
    """A row without uniqueid becomes the row with it, whichever of the two calls has the common key."""
    every_story = list(stories(names, length))
    for number in range(length + 3):
        batches = [story.batch(number) for story in every_story]
        for equal in (False, True):  # batches with and without equal keys take different ways
            commit(desk, [batch for batch in batches if has_equal_keys(batch) == equal])
        found = rows_of_clients(desk)
        assert [story for story in every_story if len(found[story.client]) != len(story.dialers(number))] == []
    for story in every_story:
        rows = found[story.client]
        assert {row["row_hash"] for row in rows} == {story.row(dialer, ENDED)["row_hash"] for dialer in (0, 1)}, story
        assert len({row["call_key"] for row in rows}) == len(rows), story
        for row in rows:
            expected = story.row(int(row["campaign"][1]), ENDED)
            assert {name: row[name] for name in ("phone", "lead_id", "agent", "uniqueid")} == {
                name: expected[name] for name in ("phone", "lead_id", "agent", "uniqueid")
            }, story
