"""user_stats.php: one user's in-group calls as a CSV, and its silent gaps."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from simulated_dialer import Leg, World
from tests.simulated_dialer.client import Opening, user_stats

FIXTURES = Path(__file__).parent / "fixtures"
SALE = Leg(
    direction="inbound",
    call_time_local=datetime(2026, 3, 2, 21, 0, 28),
    campaign_id="SALES_IN",
    lead_id=14396,
    phone="0337367905",
    status="SALE",
    agent_user="2010",
    user_group="CLOSERS",
    length_seconds=580,
    list_id=104,
    term_reason="AGENT",
)
CALLBACK = replace(
    SALE,
    call_time_local=datetime(2026, 3, 2, 8, 0, 36),
    status='OK "x" ',
    length_seconds=1162,
    queue_seconds=23.56,
    term_reason="CALLER",
)


def test_calls_come_newest_first_with_totals(open_dialer: Opening) -> None:
    answer = user_stats(open_dialer(World.of([CALLBACK, SALE])), "2010")
    assert answer.body.decode() == (FIXTURES / "user_stats_2025.csv").read_text("utf-8") + (
        '"","1","2026-03-02 21:00:28","580","SALE","0337367905","SALES_IN","0.00","580","104","14396","AGENT"\n'
        '"","2","2026-03-02 08:00:36","1162","OK"x"","0337367905","SALES_IN","23.56","1138.44","104","14396","CALLER"\n'
        '"","","TOTALS","1742","","","","","1718.44"\n'
    )
    assert answer.header("Content-Type") == "application/octet-stream"
    assert (answer.header("Content-Disposition") or "").startswith('attachment; filename="user_stats_2026')
    assert answer.header("Content-Length") is None


def test_a_user_without_calls_has_an_empty_file(open_dialer: Opening) -> None:
    empty = (FIXTURES / "user_stats_empty.csv").read_bytes()
    dialer = open_dialer(World.of([SALE]))
    assert user_stats(dialer, "nobody").body == empty
    assert user_stats(dialer, "2010", begin_date="03/02/2026").body == empty
    assert user_stats(dialer, "2010", begin_date="2026-03-03", end_date="2026-03-01").body == empty


def test_a_call_in_progress_has_no_length(open_dialer: Opening) -> None:
    lines = user_stats(open_dialer(World.of([replace(SALE, length_seconds=None)])), "2010").body.splitlines()
    assert lines[2].startswith(b'"","1","2026-03-02 21:00:28","","SALE"')


def test_midnight_is_in_no_day(open_dialer: Opening) -> None:
    legs = [replace(SALE, call_time_local=datetime(2026, 3, 2, 0, 0, second)) for second in (0, 1)]
    dialer = open_dialer(World.of(legs))
    assert len(user_stats(dialer, "2010").body.splitlines()) == 4
    assert len(user_stats(dialer, "2010", begin_date="2026-03-01", end_date="2026-03-01").body.splitlines()) == 3


def test_ten_thousand_rows_are_all_there_is(open_dialer: Opening) -> None:
    first = datetime(2026, 3, 2, 8)
    legs = [replace(SALE, call_time_local=first + timedelta(seconds=number)) for number in range(10_003)]
    lines = user_stats(open_dialer(World.of(legs)), "2010").body.splitlines()
    assert len(lines) == 10_003
    assert lines[2].startswith(b'"","1","2026-03-02 10:46:42"')


def test_on_php_8_it_dies_for_users_without_an_agent_log(open_dialer: Opening) -> None:
    world = World.of([replace(SALE, agent_user="VDCL", user_group="", status="DROP")])
    answer = user_stats(open_dialer(world), "VDCL")
    assert (answer.status, answer.version, answer.body) == (500, 10, b"")
    assert (answer.header("Content-Length"), answer.header("Connection")) == ("0", "close")
    assert user_stats(open_dialer(world, php=7), "VDCL").status == 200


@pytest.mark.parametrize("begin", ["2026-03-02 10:00:00", "notadate-x"])
def test_on_php_8_it_dies_of_odd_dates(open_dialer: Opening, begin: str) -> None:
    assert user_stats(open_dialer(World.of([SALE])), "2010", begin_date=begin).status == 500
    assert user_stats(open_dialer(World.of([SALE]), php=7), "2010", begin_date=begin).status == 200


def test_short_dates_are_today(open_dialer: Opening) -> None:
    world = World.of([SALE])
    world.now -= timedelta(days=2)
    assert b"14396" in user_stats(open_dialer(world), "2010", begin_date="", end_date="2026").body


def test_other_sections_are_empty_files(open_dialer: Opening) -> None:
    answer = user_stats(open_dialer(World.of([SALE])), "2010", file_download="99")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Type") == "application/octet-stream"


def test_title_and_column_were_others_before_2021_03(open_dialer: Opening) -> None:
    lines = user_stats(open_dialer(World.of([SALE]), build="210317-0000"), "2010").body.splitlines()
    assert lines[0] == b'"INBOUND/CLOSER CALLS FOR THIS TIME PERIOD: (10000 record limit)"'
    assert b'"PHONE","CAMPAIGN","WAIT(S)"' in lines[1]


def test_before_2011_07_there_is_only_a_page(open_dialer: Opening) -> None:
    answer = user_stats(open_dialer(World.of([SALE]), build="110101-0000"), "2010")
    assert (answer.header("Content-Type") or "").startswith("text/html")


def test_calls_can_be_filtered_by_status(open_dialer: Opening) -> None:
    assert len(user_stats(open_dialer(World.of([SALE, CALLBACK])), "2010", call_status="SALE").body.splitlines()) == 4
