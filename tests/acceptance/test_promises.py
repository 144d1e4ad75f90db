"""The large promises, whole: a real day's untidiness comes out right, and no secret ever shows."""

import base64
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from simulated_dialer import Account, Leg, SimulatedDialer, World
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program

DAY = date(2026, 11, 20)
NOBODY = ("VDAD", "VDCL", "")


def as_row(leg: Leg) -> tuple[object, ...]:
    agent = None if leg.agent_user in NOBODY else leg.agent_user
    group = leg.ingroup if leg.direction == "inbound" else leg.dialer_campaign
    return (
        leg.direction, leg.call_time_local, str(leg.lead_id), leg.phone or None, leg.status, leg.status_name, group,
        leg.length_seconds, agent, leg.uniqueid,
    )  # fmt: skip


def test_a_day_of_a_new_build_comes_out_as_it_was_and_a_repeat_changes_nothing(program: Program) -> None:
    world = World.busy_day(3, DAY, ZONE)
    with SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]) as dialer:
        program.add_clients(("Sales", dialer.url, "1"))
        days = "--from", DAY.isoformat(), "--to", DAY.isoformat()
        done = program.run("backfill", *days)
        assert done.code == 0, done.text
        legs = [leg for leg in world.legs_at(world.now) if leg.hidden is None]
        assert len(legs) > 12_000
        first = program.calls()
        rows = [
            (
                row["direction"], row["call_time_local"], row["lead_id"], row["phone"], row["status"],
                row["status_name"], row["ingroup"] or row["dialer_campaign"], row["length_seconds"], row["agent"],
                row["uniqueid"],
            )
            for row in first
        ]  # fmt: skip
        assert Counter(rows) == Counter(map(as_row, legs))
        assert {row["term_reason"] for row in first if row["direction"] == "inbound"} == {None}
        assert {row["term_reason"] for row in first} & {"Y", "N", "Y1", "D"} == set()
        (counts,) = program.rows(
            "SELECT records, inserted, duplicates, quarantined FROM vicidial.runs WHERE job_id <> ''"
        )
        assert counts["records"] == sum(leg.copies for leg in legs)
        assert counts["inserted"] + counts["duplicates"] + counts["quarantined"] == counts["records"]
        again = program.run("backfill", *days)
        assert again.code == 0
        assert program.calls() == first


@pytest.mark.slow
@pytest.mark.parametrize("agents_first", [True, False])
def test_two_reports_of_one_day_show_each_leg_once_in_either_order(program: Program, *, agents_first: bool) -> None:
    world = World(4, DAY, 1, ZONE, calls_per_hour=40, inbound_share=0.6)
    legs = [leg for leg in world.legs_at(world.now) if leg.hidden is None]
    inbound = [leg for leg in legs if leg.direction == "inbound"]
    agent = Counter(leg.agent_user for leg in inbound if leg.agent_user not in NOBODY).most_common(1)[0][0]
    days = "--from", DAY.isoformat(), "--to", DAY.isoformat()
    with SimulatedDialer(world, accounts=[Account(USER, PASSWORD)], php=7) as dialer:
        whole = ("Whole", dialer.url, "1")
        one = ("Agent", f"{dialer.url}user_stats.php?user={agent}&file_download=6", "1")
        program.add_clients(whole, one)
        order = ("Agent", "Whole") if agents_first else ("Whole", "Agent")
        for campaign in order:
            assert program.run("backfill", *days, "--campaign", campaign).code == 0
        calls = program.calls()
        for campaign in order:
            program.run("backfill", *days, "--campaign", campaign)
        assert program.calls() == calls
    known = {row["uniqueid"] for row in calls}
    shown_by_agent_alone = [row for row in calls if row["uniqueid"] is None]
    assert known >= {leg.uniqueid for leg in legs}
    assert len(calls) - len(shown_by_agent_alone) == len(legs)
    reasons = {row["term_reason"] for row in calls if row["direction"] == "inbound" and row["agent"] == agent}
    assert None not in reasons


def test_call_times_are_utc_by_the_dialers_zone(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.run("--single")
    epochs = {
        (leg.uniqueid, leg.campaign_id, leg.call_time_local): datetime.fromtimestamp(leg.epoch, UTC)
        for leg in dialer.world.legs_at(dialer.world.now)
    }
    for row in program.calls():
        key = row["uniqueid"], row["ingroup"] or row["dialer_campaign"], row["call_time_local"]
        assert row["call_time"] == epochs[key]


@pytest.mark.slow
def test_a_wrong_zone_is_reported_and_once_corrected_every_call_is_put_right(
    program: Program, dialers: Dialers
) -> None:
    """Also those of days that no cycle would look at again."""
    dialer = dialers(days=7)
    program.add_clients(("Sales", dialer.url, "1"))
    path = program.folder / "clients.csv"
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(ZONE, "UTC"), encoding="utf-8")
    program.run("clients", "import", str(path))
    wrong = program.run("--single", FIRST_RUN_DAYS="6")
    assert wrong.code == 1
    assert "✗ Sales: " in wrong.text
    assert "(wrong time zone)" in wrong.text
    assert "which is not UTC" in wrong.text
    before = {row["call_key"]: row for row in program.calls()}
    days = len({row["call_date"] for row in before.values()})
    assert days >= 6  # of the seven from which it was asked, the last may not have begun on the dialer
    path.write_text(right, encoding="utf-8")
    program.run("clients", "import", str(path))
    mended = program.run("--single")
    assert mended.code == 0
    assert f"its time zone is {ZONE} now and was another before: what was read of {days} days has been" in mended.text
    after = program.calls()
    assert len(after) == len(before)
    assert len({row["call_date"] for row in after}) == days
    zone = ZoneInfo(ZONE)
    for row in after:
        assert row["call_time_local"] == before[row["call_key"]]["call_time_local"]
        if not row["time_ambiguous"]:
            assert row["call_time"].astimezone(zone).replace(tzinfo=None) == row["call_time_local"]
            assert row["call_time"] != before[row["call_key"]]["call_time"]
    settled = program.run("--single")
    assert settled.code == 0
    assert "its time zone is" not in settled.text


@pytest.mark.slow
def test_no_secret_shows_anywhere_whatever_goes_wrong(program: Program, dialers: Dialers) -> None:
    secret = "Marked-5ecret-Passw0rd"
    troubles: list[dict[str, object]] = [
        {}, {"status": 500}, {"status": 503}, {"database_down": True}, {"ip_block": True}, {"display_errors": True},
        {"redirect_to": f"http://{USER}:{secret}@127.0.0.1:1/"}, {"reset_after": 100}, {"cut_after": 100},
        {"hang": True}, {"trickle": True}, {"truncate": 0.5},
    ]  # fmt: skip
    texts = []
    with ExitStack() as stack:
        rows = []
        for number, trouble in enumerate(troubles):
            dialer = dialers(number)
            account = Account(USER, secret if number else "another-password")
            sick = stack.enter_context(SimulatedDialer(dialer.world, accounts=[account]))
            sick.misbehave(**trouble)
            rows.append((f"Campaign{number}", sick.url, str(number), secret))
        texts.append(program.import_clients(*rows).text)
        for level in ("DEBUG", "INFO"):
            done = program.run("--single", LOG_LEVEL=level, HTTP_TIMEOUT="2", REQUEST_TIMEOUT="3", RETRY_ATTEMPTS="2")
            assert done.code == 1
            texts.append(done.text)
    texts += [program.run("clients", "list").text, program.run("clients", "retry", "Client 0").text]
    tables = ("calls", "quarantine", "runs", "watermarks", "accounts", "ledger", "completeness", "hours")
    texts += [str(program.rows(f"FROM vicidial.{table}")) for table in tables]
    names = [str(path) for path in program.data.rglob("*")]
    contents = [path.read_bytes() for path in program.data.rglob("*") if path.suffix != ".duckdb" and path.is_file()]
    header = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    for hidden in (secret, header):
        assert not any(hidden in text for text in (*texts, *names))
        assert not any(hidden.encode() in content for content in contents)


def test_the_table_has_exactly_the_columns_that_are_promised(program: Program, dialers: Dialers) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    program.run("--single")
    promised = (
        "call_key client_id client_name campaign direction call_date call_time call_time_local time_ambiguous lead_id"
        " vendor_lead_code source_id phone status status_name ingroup dialer_campaign agent agent_name user_group"
        " length_seconds queue_seconds talk_seconds wrapup_seconds term_reason list_id uniqueid caller_code server_ip"
        " hangup_cause dialstatus dial_seconds answered_seconds cpd_result did_pattern did_id did_description"
        " source_report row_hash first_seen_at updated_at run_id"
    )
    assert list(program.calls()[0]) == promised.split()


def test_personal_fields_are_stored_only_where_they_are_asked_for(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    assert program.run("--single", INCLUDE_LEAD_FIELDS="yes").code == 0
    (counted,) = program.rows("SELECT count(lead_last_name) AS names, count(lead_email) AS mails FROM vicidial.calls")
    assert min(counted.values()) > 0
    before = program.calls()
    dialer.world.now += timedelta(minutes=15)
    assert program.run("--single", INCLUDE_LEAD_FIELDS="no").code == 0
    assert len(program.calls()) >= len(before)
