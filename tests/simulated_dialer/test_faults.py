"""Faults of real dialers on demand: crashed tables, limits, changing or endless calls, silence."""

import http.client
import json
import socket
import time
import urllib.request
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from simulated_dialer import Leg, LegStory, Rates, SimulatedDialer, World
from tests.simulated_dialer.client import WHOLE_DAY, Opening, ask, export

EXPORT = "call_report_export.php"
MONDAY = date(2026, 3, 2)
KINDS = ("outbound", "inbound")


@pytest.fixture
def dialer(open_dialer: Opening) -> SimulatedDialer:
    return open_dialer(World(calls_per_hour=10, inbound_share=0.4, rates=Rates.none()))


def hour_of(row: list[bytes]) -> int:
    return int(row[0][11:13])


def kind_of(row: list[bytes]) -> str:
    """Return the kind of a row. In-group rows have the seconds in the queue in place of the dialled number."""
    return "inbound" if row[32].replace(b".", b"").isdigit() else "outbound"


# Tables and limits


@pytest.mark.parametrize("kind", [*KINDS, "all"])
@pytest.mark.parametrize("hours", [range(24), range(14, 16), range(23, 24)])
def test_a_crashed_table_ends_an_export_before_the_first_record_that_needs_it(
    dialer: SimulatedDialer, kind: str, hours: range
) -> None:
    whole = export(dialer).rows()
    needing = [at for at, row in enumerate(whole) if kind in ("all", kind_of(row)) and hour_of(row) in hours]
    dialer.misbehave(crashed_table=kind, crashed_hours=hours)
    cut = export(dialer)
    assert cut.rows() == whole[: needing[0] if needing else None]
    assert (cut.status, cut.header("Content-Type")) == (200, "application/octet-stream")
    assert cut.body.endswith(b"\r\n")
    assert export(dialer).body == cut.body


@pytest.mark.parametrize("fields", ["EXTENDED", "EXTENDED_2", "EXTENDED_3", "EXTENDED_4"])
def test_only_the_standard_format_does_without_the_crashed_table(dialer: SimulatedDialer, fields: str) -> None:
    dialer.misbehave(crashed_table="all")
    assert export(dialer, export_fields=fields).rows() == []
    assert export(dialer, export_fields=fields).body.startswith(b"call_date\t")
    assert len(export(dialer, export_fields="STANDARD").rows()) == len(dialer.world.legs_at())


def test_a_crashed_table_leaves_hours_alone_that_do_not_need_it(dialer: SimulatedDialer) -> None:
    whole = export(dialer, query_hour="10", end_hour="13").body
    dialer.misbehave(crashed_table="all", crashed_hours=range(14, 16))
    assert export(dialer, query_hour="10", end_hour="13").body == whole
    assert export(dialer, query_hour="14", end_hour="15").rows() == []


def test_no_calls_are_told_whatever_table_is_crashed(dialer: SimulatedDialer) -> None:
    dialer.misbehave(crashed_table="all")
    assert export(dialer, query_date="2026-01-01", end_date="2026-01-01").body.startswith(b"There are no")


def test_a_crashed_table_does_not_concern_the_stats_of_a_user(dialer: SimulatedDialer) -> None:
    asked = {"user": "2001", "begin_date": "2026-03-02", "end_date": "2026-03-02"}
    before = [ask(dialer, "user_stats.php", asked | {"file_download": section}).body for section in ("6", "2")]
    dialer.misbehave(crashed_table="all")
    assert [ask(dialer, "user_stats.php", asked | {"file_download": section}).body for section in ("6", "2")] == before


def test_a_time_limit_cuts_at_another_row_each_time_and_leaves_smaller_answers_whole(dialer: SimulatedDialer) -> None:
    whole = export(dialer).rows()
    dialer.misbehave(cpu_rows=100)
    cuts = [export(dialer).rows() for _ in range(20)]
    assert all(cut == whole[: len(cut)] for cut in cuts)
    assert {len(cut) for cut in cuts} <= set(range(98, 101))
    assert len({len(cut) for cut in cuts}) > 1
    assert len(export(dialer, query_hour="12", end_hour="13").rows()) == sum(12 <= hour_of(row) < 14 for row in whole)


@pytest.mark.parametrize("limit", ["rows_before_memory_is_out", "rows_before_silence"])
def test_what_is_too_large_dies_or_is_never_answered_and_what_is_small_is_whole(
    dialer: SimulatedDialer, limit: str
) -> None:
    small = export(dialer, query_hour="12", end_hour="12").body
    dialer.misbehave(**{limit: 50})
    assert export(dialer, query_hour="12", end_hour="12").body == small
    if limit == "rows_before_memory_is_out":
        assert (export(dialer).status, export(dialer).body) == (500, b"")
    else:
        with closing(connect(dialer, seconds=0.3)) as connection, pytest.raises(TimeoutError):
            download(connection)


def test_a_fault_may_come_and_go(dialer: SimulatedDialer) -> None:
    dialer.misbehave(crashed_table="all", turns=(True, False, False), requests=2, pages=(EXPORT,))
    ask(dialer, "non_agent_api.php", {"function": "version"})
    assert [bool(export(dialer).rows()) for _ in range(8)] == [False, True, True, False, True, True, True, True]
    assert not dialer.will_misbehave


def test_any_status_can_be_had(dialer: SimulatedDialer) -> None:
    for status in (403, 404, 408, 413, 502, 504):
        dialer.misbehave(status=status)
        assert export(dialer).status == status


def test_observers_ask_for_faults_by_name(dialer: SimulatedDialer) -> None:
    wrong = {"crashed_table": "all", "crashed_hours": [8, 9], "turns": [True, False], "pages": [EXPORT]}
    control = dialer.url.replace("vicidial/", "_simulated/misbehave")
    with urllib.request.urlopen(control, data=json.dumps(wrong).encode()) as response:
        assert json.load(response) == {"misbehaving": wrong}
    assert [bool(export(dialer).rows()) for _ in range(2)] == [False, True]


# Connections


def connect(dialer: SimulatedDialer, seconds: float = 5) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=seconds)


def download(connection: http.client.HTTPConnection) -> int:
    """Request a day's export. Return the number of received bytes."""
    query = "&".join(f"{name}={value}" for name, value in WHOLE_DAY.items())
    login = {"Authorization": "Basic cmVwb3J0OnNlY3JldA=="}
    connection.request("GET", f"/vicidial/{EXPORT}?{query}", headers=login)
    return len(connection.getresponse().read())


def test_a_connection_that_was_used_before_is_reset_before_any_byte(dialer: SimulatedDialer) -> None:
    dialer.misbehave(drop_reused=True)
    with closing(connect(dialer)) as connection:
        assert download(connection) > 1000
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            download(connection)
    with closing(connect(dialer)) as connection:
        assert download(connection) > 1000
    assert dialer.seen.requests == 3


def test_a_header_may_drip(dialer: SimulatedDialer) -> None:
    dialer.misbehave(trickle_header=True)
    with socket.create_connection(("127.0.0.1", dialer.port), timeout=5) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /vicidial/non_agent_api.php?function=version HTTP/1.1\r\n\r\n")
        received = b""
        while len(received) < 8:
            received += connection.recv(100)
        assert received.startswith(b"HTTP/1.1")
        assert time.monotonic() - began > 0.3
    dialer.misbehave(trickle_header=0.0001)
    assert ask(dialer, "non_agent_api.php", {"function": "version"}).body.startswith(b"VERSION: ")


# Builds that do not tell what they can


def test_a_dialer_may_not_tell_its_build(open_dialer: Opening) -> None:
    silent = open_dialer(World(calls_per_hour=5), tells_version=False)
    answer = ask(silent, "non_agent_api.php", {"function": "version"})
    assert (answer.status, answer.body) == (500, b"")
    assert export(silent).rows()


def test_an_export_may_be_older_than_the_build_that_is_told(open_dialer: Opening) -> None:
    mixed = open_dialer(World(calls_per_hour=5), build="230701-1200", export_build="220301-1000")
    assert b"BUILD: 230701-1200|" in ask(mixed, "non_agent_api.php", {"function": "version"}).body
    assert export(mixed, query_hour="9", end_hour="9").body == export(mixed).body
    usual = open_dialer(World(calls_per_hour=5), build="230701-1200")
    assert len(export(usual, query_hour="9", end_hour="9").body) < len(export(usual).body)


# Calls that change, or never end


def legs_of_agents(world: World, kind: str) -> list[LegStory]:
    return [story for story in world.stories_on(MONDAY) if story.answered is not None and story.leg.direction == kind]


def test_a_uniqueid_may_change_when_an_outbound_call_ends(open_dialer: Opening) -> None:
    rates = replace(Rates.none(), changed_uniqueids=0.5)
    world = World(calls_per_hour=20, inbound_share=0.3, rates=rates)
    changed = [story for story in world.stories_on(MONDAY) if story.uniqueid_before]
    assert len(changed) == pytest.approx(len(legs_of_agents(world, "outbound")) / 2, rel=0.4)
    for story in changed:
        before, after = story.at(story.ended - 1), story.at(story.ended)
        assert before is not None and after is not None
        assert before.direction == "outbound"
        same = [(leg.lead_id, leg.campaign_id, leg.call_time_local, leg.epoch) for leg in (before, after)]
        assert same[0] == same[1]
        assert before.uniqueid != after.uniqueid
        assert before.uniqueid.partition(".")[0] == after.uniqueid.partition(".")[0]
    in_the_end = [leg.uniqueid for leg in world.legs_at() if leg.direction == "outbound"]
    ever = [*in_the_end, *(story.uniqueid_before for story in changed)]
    assert len(ever) == len(set(ever))
    dialer = open_dialer(world)
    story = changed[0]
    world.now = datetime.fromtimestamp(story.ended - 1, UTC)
    assert story.uniqueid_before.encode() in export(dialer).body
    assert story.leg.uniqueid.encode() not in export(dialer).body
    world.now = datetime.fromtimestamp(story.disposed, UTC)
    assert story.uniqueid_before.encode() not in export(dialer).body


def test_a_uniqueid_that_changes_can_be_given() -> None:
    noon = Leg(
        direction="outbound", call_time_local=datetime(2026, 3, 2, 12), campaign_id="SALES1", lead_id=1,
        epoch=1772470800, uniqueid="1772470800.7", agent_user="1001", status="SALE",
    )  # fmt: skip
    story = LegStory(
        leg=noon, born=noon.epoch, answered=noon.epoch, ended=noon.epoch + 60, disposed=noon.epoch + 90,
        uniqueid_before="1772470800.5",
    )  # fmt: skip
    world = World.of([story])
    shown = []
    for seconds in (0, 59, 60, 90):
        world.now = datetime.fromtimestamp(noon.epoch + seconds, UTC)
        shown += [leg.uniqueid for leg in world.legs_at()]
    assert shown == ["1772470800.5", "1772470800.5", "1772470800.7", "1772470800.7"]


def test_calls_may_stand_in_progress_for_days(open_dialer: Opening) -> None:
    world = World(calls_per_hour=20, rates=replace(Rates.none(), stuck_calls=0.3))
    world.now += timedelta(days=20)
    stuck = [leg for leg in world.legs_at() if leg.status == "INCALL"]
    assert len(stuck) == pytest.approx(sum(len(legs_of_agents(world, kind)) for kind in KINDS) * 0.3, rel=0.4)
    assert Counter(row[2] for row in export(open_dialer(world)).rows())[b"INCALL"] == len(stuck) > 0
    world.now += timedelta(days=20)
    assert not [leg for leg in world.legs_at() if leg.status == "INCALL"]


def test_a_call_may_end_in_a_status_that_hides_it(open_dialer: Opening) -> None:
    world = World(calls_per_hour=20, rates=Rates(hidden_outbound=0, hidden_inbound=0, hidden_endings=0.3))
    dialer = open_dialer(world)
    story = next(s for kind in KINDS for s in legs_of_agents(world, kind) if s.leg.hidden == "status")
    shown = []
    for moment in (story.born, story.ended, story.disposed):
        world.now = datetime.fromtimestamp(moment, UTC)
        shown.append(story.leg.uniqueid.encode() in export(dialer).body)
    assert shown == [True, True, False]


def test_a_call_may_be_hidden_between_hang_up_and_disposition(open_dialer: Opening) -> None:
    world = World(calls_per_hour=20, rates=Rates(hidden_outbound=0, hidden_wrapups=0.3))
    dialer = open_dialer(world)
    story = next(s for s in legs_of_agents(world, "outbound") if s.wrapup_status == "DISPO")
    shown = []
    for moment in (story.born, story.ended, story.disposed - 1, story.disposed):
        world.now = datetime.fromtimestamp(moment, UTC)
        shown.append(story.leg.uniqueid.encode() in export(dialer).body)
    assert shown == [True, False, False, True]


def test_a_day_without_such_calls_is_the_same_as_ever() -> None:
    none: dict[str, Any] = {"changed_uniqueids": 0.0, "stuck_calls": 0.0, "hidden_endings": 0.0, "hidden_wrapups": 0.0}
    assert replace(Rates(), **none) == Rates()
