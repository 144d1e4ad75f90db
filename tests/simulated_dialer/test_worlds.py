"""A world is repeatable, follows its clock, and is as untidy as a real one."""

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from simulated_dialer import CarrierEntry, Clock, Leg, LegStory, Rates, World

NIGHT_CLOCKS_GO_BACK = date(2026, 11, 1)
CLOSER = Leg(
    direction="inbound",
    call_time_local=datetime(2026, 3, 2, 10, 0, 0),
    campaign_id="SALES_IN",
    lead_id=7,
    epoch=1_000_000,
    status="SALE",
    agent_user="2001",
    user_group="CLOSERS",
    length_seconds=130,
    queue_seconds=30.0,
    term_reason="AGENT",
)
STORY = LegStory(leg=CLOSER, born=1_000_000, answered=1_000_030, ended=1_000_130, disposed=1_000_400)


def test_the_same_seed_makes_the_same_calls_whatever_was_asked_before() -> None:
    one, other = World(5, days=3), World(5, days=3)
    other.stories_on(date(2026, 3, 4))
    assert one.legs_at() == other.legs_at()
    assert one.legs_at() != World(6, days=3).legs_at()


def test_volumes_are_what_was_asked_for() -> None:
    legs = World(calls_per_hour=10, inbound_share=0.3, rates=Rates.none()).legs_at()
    assert Counter(leg.direction for leg in legs) == {"outbound": 91, "inbound": 39}
    assert len(World(calls_per_hour=[0] * 12 + [3] + [0] * 11, inbound_share=0, rates=Rates.none()).legs_at()) == 3


def test_a_busy_day_has_the_size_and_the_damage_of_a_real_one() -> None:
    world = World.busy_day()
    legs = world.legs_at()
    directions = Counter(leg.direction for leg in legs)
    assert directions["outbound"] == pytest.approx(10_000, rel=0.01)
    assert directions["inbound"] == pytest.approx(2_800, rel=0.03)
    visible = [leg for leg in legs if leg.hidden is None]
    assert sum(leg.copies - 1 for leg in visible) == pytest.approx(71, abs=20)
    assert len(legs) - len(visible) == pytest.approx(110, abs=40)
    damaged = [leg for leg in visible if leg.list_id == 999 or "\n" in world.lead(leg.lead_id).address1]
    assert len(damaged) == pytest.approx(900, abs=90)
    assert len({leg.uniqueid for leg in legs if leg.direction == "outbound"}) == directions["outbound"]
    closer_channels = [leg.uniqueid for leg in legs if leg.direction == "inbound"]
    assert len(set(closer_channels)) < len(closer_channels)
    assert len({(leg.uniqueid, leg.campaign_id, leg.call_time_local) for leg in legs}) == len(legs)


@pytest.mark.parametrize(
    ("seconds", "status", "user", "length"),
    [
        (0, "QUEUE", "VDCL", None),
        (29, "QUEUE", "VDCL", None),
        (30, "INCALL", "2001", None),
        (130, "INCALL", "2001", 130),
        (400, "SALE", "2001", 130),
    ],
)
def test_an_inbound_leg_goes_through_queue_call_and_disposition(
    seconds: int, status: str, user: str, length: int | None
) -> None:
    leg = STORY.at(STORY.born + seconds)
    assert leg is not None
    assert (leg.status, leg.agent_user, leg.length_seconds) == (status, user, length)


def test_the_carrier_logs_a_call_at_its_end() -> None:
    entry = CarrierEntry(hangup_cause=16, dialstatus="ANSWER", channel="SIP/1", dial_seconds=7, answered_seconds=130)
    story = replace(STORY, leg=replace(CLOSER, carrier=entry))
    seen = [story.at(story.born + seconds) for seconds in (0, 129, 130, 400)]
    assert [leg and leg.carrier for leg in seen] == [None, None, entry, entry]


def test_a_channel_has_one_code_one_did_and_one_carrier_entry_in_all_its_legs() -> None:
    legs = World(2, calls_per_hour=300).legs_at()
    logged: dict[str, set[object]] = {}
    for leg in legs:
        logged.setdefault(leg.uniqueid, set()).add((leg.shown_caller_code, leg.did, leg.carrier))
    assert all(len(entries) == 1 for entries in logged.values())
    outbound = [leg for leg in legs if leg.direction == "outbound"]
    assert 0.9 < sum(leg.carrier is not None for leg in outbound) / len(outbound) < 0.97
    assert {leg.carrier.dialstatus for leg in legs if leg.carrier} == {
        "ANSWER", "BUSY", "CANCEL", "CONGESTION", "NOANSWER",
    }  # fmt: skip


def test_there_is_no_row_before_the_call() -> None:
    assert STORY.at(STORY.born - 1) is None


def test_what_is_in_progress_in_a_random_world_is_decided_in_the_end() -> None:
    world = World(calls_per_hour=2400, inbound_share=0.5)
    world.now = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    during = Counter(leg.status for leg in world.legs_at())
    assert {"QUEUE", "INCALL", "NA", "DROP", "SALE"} <= during.keys()
    assert not {"QUEUE", "INCALL"} & {leg.status for leg in world.legs_at(world.now + timedelta(days=2))}


def test_transfers_are_later_legs_of_the_same_call_elsewhere() -> None:
    legs = World(2, calls_per_hour=300).legs_at()
    by_channel: dict[str, list[Leg]] = {}
    for leg in legs:
        by_channel.setdefault(leg.uniqueid, []).append(leg)
    moved = [group for group in by_channel.values() if len(group) > 1]
    assert moved
    assert all(len({leg.campaign_id for leg in group}) > 1 for group in moved)


def test_some_leads_are_switched_during_the_call() -> None:
    world = World(3, calls_per_hour=300, rates=Rates(lead_switches=0.5))
    story = next(s for s in world.stories_on(date(2026, 3, 2)) if s.switched is not None)
    assert story.switched is not None
    before, after = story.at(story.switched - 1), story.at(story.switched)
    assert before is not None and after is not None
    assert before.lead_id != after.lead_id
    assert (before.uniqueid, before.campaign_id) == (after.uniqueid, after.campaign_id)


def test_some_lengths_are_corrected_after_the_disposition() -> None:
    world = World(3, calls_per_hour=300, rates=Rates(corrected_lengths=0.5))
    story = next(s for s in world.stories_on(date(2026, 3, 2)) if s.corrected is not None)
    assert story.corrected is not None
    moments = (story.ended, story.disposed, story.corrected - 1, story.corrected)
    legs = [leg for leg in map(story.at, moments) if leg is not None]
    first, final = story.first_length, story.leg.length_seconds
    assert [leg.length_seconds for leg in legs] == [first, first, first, final]
    assert first != final
    assert [leg.status for leg in legs[1:]] == [story.leg.status] * 3


def test_the_hour_repeats_when_the_clocks_go_back() -> None:
    world = World(start=NIGHT_CLOCKS_GO_BACK, calls_per_hour=[30] * 24, rates=Rates.none())
    legs = world.legs_at()
    assert len(legs) == pytest.approx(30 * 25, abs=1)
    twice = [leg for leg in legs if leg.call_time_local.hour == 1]
    assert len(twice) == 60
    assert len({leg.epoch // 3600 for leg in twice}) == 2


def test_given_legs_are_completed_and_may_be_rewritten() -> None:
    noon = Leg(direction="outbound", call_time_local=datetime(2026, 3, 2, 12), campaign_id="NEW", lead_id=1)
    world = World.of([noon])
    (leg,) = world.legs_at()
    assert (leg.epoch, leg.uniqueid, leg.status_name) == (1772470800, "1772470800.1", "No Answer AutoDial")
    assert "NEW" in world.centre.campaigns
    before = world.revision
    world.rewrite([])
    assert world.legs_at() == []
    assert world.revision != before


def test_a_clock_may_run_faster_than_real_time() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    clock = Clock(start, speed=3600)
    time.sleep(0.02)
    assert clock.now() - start >= timedelta(minutes=1)


def test_a_clock_needs_an_aware_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        World().now = datetime(2026, 3, 2)
