"""The view of transfers has every transfer of a generated day, and invents none."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from simulated_dialer import Leg, LegStory, Rates, World
from simulated_dialer.legs import NO_AGENT
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import call
from tests.warehouses.test_queries import at
from tests.warehouses.test_views import commit, queued, shown
from warehouses.sql.view_columns import TOLERANCE_SECONDS

PAIRS = "call_key, transfer_call_key, matched_by"
MANY = replace(Rates.none(), transferred_outbound=0.4, transferred_inbound=0.4)


def row(number: int, leg: Leg, **changed: Any) -> dict[str, Any]:
    """Return the row of a leg of the dialer's log."""
    local = leg.call_time_local
    known = {
        "direction": leg.direction, "call_date": local.date(), "call_time": local.replace(tzinfo=UTC),
        "call_time_local": local, "lead_id": str(leg.lead_id), "phone": leg.phone, "status": leg.status,
        "ingroup": leg.ingroup or None, "dialer_campaign": leg.dialer_campaign or None,
        "agent": None if leg.agent_user == NO_AGENT[leg.direction] else leg.agent_user,
        "length_seconds": leg.length_seconds, "queue_seconds": leg.queue_seconds, "uniqueid": leg.uniqueid,
        "call_key": f"key-{number}",
    }  # fmt: skip
    return call(number, **known | changed)


def stories_of(rates: Rates) -> list[LegStory]:
    world = World(7, calls_per_hour=60, inbound_share=0.3, rates=rates)
    return [
        story
        for day in sorted({leg.call_time_local.date() for leg in world.legs_at()})
        for story in world.stories_on(day)
    ]


def pairs_of(stories: Iterable[LegStory], *, first_only: bool = False) -> set[tuple[str, str]]:
    """Return the keys of each outbound leg and its in-group legs, as the dialer made them on one channel."""
    channels: defaultdict[str, list[tuple[int, Leg]]] = defaultdict(list)
    for number, story in enumerate(stories):
        channels[story.leg.uniqueid].append((number, story.leg))
    found = set()
    for legs in channels.values():
        outbound = [number for number, leg in legs if leg.direction == "outbound"]
        closers = sorted((leg.call_time_local, number) for number, leg in legs if leg.direction == "inbound")
        for number in outbound:
            found |= {(f"key-{number}", f"key-{closer}") for _, closer in closers[: 1 if first_only else None]}
    return found


@DUCKDB_FIRST
@pytest.mark.parametrize("rates", [Rates(transferred_outbound=0.4), replace(MANY, changed_uniqueids=0.3)])
def test_every_transfer_of_a_day_is_found_and_none_is_invented(desk: Desk, rates: Rates) -> None:
    stories = stories_of(rates)
    former = [
        row(number, story.leg, uniqueid=story.uniqueid_before or story.leg.uniqueid)
        for number, story in enumerate(stories)
    ]
    commit(desk, *former)
    found = shown(desk, "transfers", PAIRS)
    assert {pair[:2] for pair in found} == pairs_of(stories)
    assert len(found) == len(pairs_of(stories)) > 50
    assert {matched_by for *_, matched_by in found} == {"uniqueid"}


@DUCKDB_FIRST
def test_without_uniqueids_lead_and_time_find_the_first_ingroup_of_each_transfer(desk: Desk) -> None:
    stories = stories_of(MANY)
    commit(desk, *(row(number, story.leg, uniqueid=None) for number, story in enumerate(stories)))
    found = shown(desk, "transfers", PAIRS)
    first, every = pairs_of(stories, first_only=True), pairs_of(stories)
    assert first <= {pair[:2] for pair in found} <= every
    assert len(found) == len({transfer for _, transfer, _ in found}) > 50
    assert {matched_by for *_, matched_by in found} == {"lead and time"}


@DUCKDB_FIRST
def test_a_transfer_shows_both_agents_and_dispositions(desk: Desk) -> None:
    commit(
        desk,
        call(1, status="XFER", uniqueid="100.1", lead_id="7"),
        queued(25, agent="2001", uniqueid="100.1", lead_id="7", queue_seconds=4.5, length_seconds=60),
        queued(90, agent=None, uniqueid="100.1", lead_id="7", status="DROP", queue_seconds=9.0, length_seconds=9),
        queued(27, agent="2001", uniqueid="127.1", lead_id="8"),  # a call of its own
    )
    columns = (
        "call_time_local, agent, status, transfer_time_local, ingroup, transfer_agent, transfer_status, queue_seconds,"
        " transfer_length_seconds"
    )
    assert shown(desk, "transfers", columns, "transfer_time_local") == [
        (at(1), "1001", "XFER", at(25), "SALESLINE", "2001", "SALE", 4.5, 60),
        (at(1), "1001", "XFER", at(90), "SALESLINE", None, "DROP", 9.0, 9),
    ]


ENDS = 1 + 30
"""Second of the end of the outbound leg below."""


@DUCKDB_FIRST
@pytest.mark.parametrize(
    ("second", "changed", "is_found"),
    [
        (ENDS, {}, True),
        (ENDS + TOLERANCE_SECONDS, {}, True),
        (ENDS + TOLERANCE_SECONDS + 1, {}, False),
        (0, {}, False),
        (ENDS, {"lead_id": "8"}, False),
        (ENDS, {"client_id": "C2"}, False),
        (ENDS, {"lead_id": "8", "phone": "1", "uniqueid": "1.1"}, False),  # of another dialer that counts alike
        (ENDS, {"lead_id": "8", "phone": "07001", "uniqueid": "1.1"}, True),  # its agent changed the lead
        (ENDS, {"phone": "1", "uniqueid": "1.2"}, True),  # the dialer changed the counter of the outbound leg
        (ENDS, {"uniqueid": "31.1"}, False),  # the same person calls: a channel of its own
    ],
)
def test_a_leg_is_a_transfer_by_channel_or_by_lead_and_time(
    desk: Desk, second: int, changed: dict[str, Any], is_found: bool
) -> None:
    commit(desk, call(1, lead_id="7"), queued(second, **{"lead_id": "7", "uniqueid": None} | changed))
    assert len(shown(desk, "transfers", "call_key")) == is_found


@DUCKDB_FIRST
def test_the_next_call_of_a_lead_takes_the_legs_after_its_beginning(desk: Desk) -> None:
    commit(
        desk,
        call(1, lead_id="7", uniqueid=None),
        call(ENDS + 2, lead_id="7", uniqueid=None),
        queued(ENDS + 3, lead_id="7", uniqueid=None),
    )
    assert shown(desk, "transfers", "call_time_local") == [(at(ENDS + 2),)]


@DUCKDB_FIRST
def test_an_outbound_leg_under_a_former_uniqueid_is_shown_once(desk: Desk) -> None:
    commit(
        desk,
        call(1, lead_id="7", uniqueid="1.1", status="INCALL", length_seconds=None),
        call(1, lead_id="7", uniqueid="1.2", status="XFER"),
        queued(20, lead_id="7", uniqueid="1.1"),
    )
    assert shown(desk, "transfers", "status, matched_by") == [("XFER", "uniqueid")]
