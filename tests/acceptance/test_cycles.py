"""`main.py --single`: right rows, each once, and failures staying local."""

import re
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psutil
import pytest

from simulated_dialer import Account, Leg, Rates, SimulatedDialer, World
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program
from tests.channels import channel_of_leg, channel_of_row


def legs_shown(dialer: SimulatedDialer) -> list[Leg]:
    """Return the current legs of the dialer's export."""
    return [leg for leg in dialer.world.legs_at(dialer.world.now) if leg.hidden is None]


def identities(dialer: SimulatedDialer) -> set[tuple[object, ...]]:
    """Return the legs of the dialer's export, each with its channel."""
    return {
        (leg.direction, leg.uniqueid, leg.call_time_local, leg.status, leg.lead_id, *channel.values())
        for leg in legs_shown(dialer)
        for channel in [channel_of_leg(leg, dialer.world)]
    }


def legs_stored(program: Program, client: str) -> set[tuple[object, ...]]:
    return {
        (
            row["direction"],
            row["uniqueid"],
            row["call_time_local"],
            row["status"] or "",
            int(row["lead_id"]),
            *channel_of_row(row).values(),
        )
        for row in program.calls()
        if row["client_id"] == client
    }


def test_a_cycle_brings_every_call_once_and_the_next_one_only_what_is_new(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"), ("Support", dialer.url, "2"))
    first = program.run("--single")
    assert first.code == 0, first.text
    assert legs_stored(program, "1") == identities(dialer)
    before = program.calls()
    again = program.run("--single")
    assert again.code == 0
    assert program.calls() == before
    dialer.world.now += timedelta(minutes=15)
    assert program.run("--single").code == 0
    assert legs_stored(program, "2") == identities(dialer)
    assert program.leftovers() == []


def test_the_summary_has_the_form_that_scripts_read(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Campaign1", dialer.url, "1"), ("Campaign2", "http://127.0.0.1:9/", "2"))
    done = program.run("--single", RETRY_ATTEMPTS="1")
    assert done.code == 1
    rule = "=" * 60
    block = re.search(rf"{rule}\nPROCESSING SUMMARY\n{rule}\n.*?\n{rule}", done.text, re.DOTALL)
    assert block, done.text
    lines = block[0].splitlines()
    assert lines[3] == "Total campaigns processed: 2"
    assert re.fullmatch(r"Total records processed: [\d,]+", lines[4])
    assert re.fullmatch(r"Processing duration: \d+\.\d seconds", lines[5])
    assert lines[6:8] == ["", "Campaign breakdown:"]
    assert re.fullmatch(r"  ✓ Campaign1: [\d,]+ records \(completed\)", lines[8])
    assert lines[9] == "  ✗ Campaign2: 0 records (dialer unreachable)"
    stamp = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - "
    assert re.search(stamp + "Starting multiprocess campaign processing$", done.text, re.MULTILINE)
    assert re.search(stamp + "Found 2 campaigns to process$", done.text, re.MULTILINE)
    assert re.search(stamp + r"Starting worker for campaign: Campaign\d \(1/2\)$", done.text, re.MULTILINE)
    assert re.search(r"Campaign2 / Client 2: 127\.0\.0\.1:9 could not be reached", done.text)
    assert re.search(r"Campaign1: \d+ inserted, 0 updated, 0 unchanged, \d+ duplicates, \d+ quarantined", done.text)


def test_a_console_without_ticks_gets_words(program: Program, dialers: Dialers) -> None:
    program.add_clients(("Campaign1", dialers().url, "1"))
    done = program.run("--single", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert "  [ok] Campaign1: " in done.text
    assert done.code == 0


def test_one_failed_login_for_a_wrong_password_over_campaigns_and_runs(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    wrong = "Wr0ng-Marked-Passw0rd"
    agent = f"{dialer.url}user_stats.php?user=2001&file_download=6"
    rows = [("Sales", dialer.url, "1"), ("Support", dialer.url, "2"), ("Support", agent, "3")]
    program.add_clients(*((*row, wrong) for row in rows))
    for _ in range(3):
        done = program.run("--single", LOG_LEVEL="DEBUG")
        assert done.code == 1
        assert "login rejected" in done.text
        assert wrong not in done.text
    assert dialer.seen.failed_logins == {"report": 1}
    told = program.rows("SELECT client_id, label, failure, requests FROM vicidial.runs WHERE job_id <> ''")
    assert Counter(row["client_id"] for row in told) == {"1": 3, "2": 3, "3": 3}
    assert {row["label"] for row in told} == {"login rejected"}
    assert all("clients retry" in row["failure"] for row in told)
    assert wrong.encode() not in b"".join(path.read_bytes() for path in program.data.rglob("*.json"))
    assert "login was rejected" in program.run("clients", "list").text
    program.add_clients(*rows[:2], (*rows[2], PASSWORD))
    dialer.misbehave(pages=("user_stats.php",))
    program.add_clients(*rows[:2])
    corrected = program.run("--single")
    assert "login rejected" not in corrected.text
    assert dialer.seen.failed_logins == {"report": 1}
    assert legs_stored(program, "1") == identities(dialer)


def test_an_account_repaired_on_the_dialer_is_released_by_hand(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1", "Set-Tomorrow"))
    assert program.run("--single").code == 1
    released = program.run("clients", "retry", "1")
    assert released.code == 0
    assert "Client 1: user report of 127.0.0.1" in released.text
    assert program.run("--single").code == 1
    assert dialer.seen.failed_logins == {"report": 2}
    assert program.run("clients", "retry", "Nobody").code == 2


def test_a_killed_worker_and_a_dead_dialer_cost_their_own_campaign(program: Program, dialers: Dialers) -> None:
    quick, slow = dialers(1), dialers(2)
    slow.misbehave(latency=60)
    program.add_clients(("Quick", quick.url, "1"), ("Slow", slow.url, "2"), ("Dead", "http://127.0.0.1:9/", "3"))
    process = program.start("--single", HTTP_TIMEOUT="90", RETRY_ATTEMPTS="1", MAX_CAMPAIGN_PROCESSES="3")
    while not slow.seen.requests:
        assert process.poll() is None
    kill_worker_of(process.pid, slow.port)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "✓ Quick" in text
    assert "✗ Slow: 0 records (worker died)" in text
    assert "✗ Dead: 0 records (dialer unreachable)" in text
    assert legs_stored(program, "1") == identities(quick)
    slow.behave()
    assert program.run("--single", RETRY_ATTEMPTS="1").code == 1
    assert legs_stored(program, "2") == identities(slow)
    assert program.leftovers() == []


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 looks like a lack of memory on POSIX only")
def test_a_campaign_whose_worker_was_killed_runs_alone_in_the_next_cycle(program: Program, dialers: Dialers) -> None:
    quick, slow = dialers(1), dialers(2)
    slow.misbehave(latency=60)
    program.add_clients(("Quick", quick.url, "1"), ("Slow", slow.url, "2"))
    process = program.start("--single", HTTP_TIMEOUT="90", RETRY_ATTEMPTS="1")
    while not slow.seen.requests:
        assert process.poll() is None
    kill_worker_of(process.pid, slow.port)
    process.communicate(timeout=60)
    slow.behave()
    alone = program.run("--single")
    assert alone.code == 0
    assert "[Slow] It ran out of memory lately: it runs alone, after the others, one client at a time" in alone.text
    assert alone.text.index("Starting worker for campaign: Quick") < alone.text.index("campaign: Slow")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone lets another process's memory be limited")
def test_a_campaign_that_lacks_memory_says_so_and_runs_alone_in_the_next_cycle(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers(calls_per_hour=200)  # its answer alone takes more memory than there is left
    dialer.misbehave(latency=3, pages=("call_report_export.php",))
    program.add_clients(("Sales", dialer.url, "1"))
    process = program.start("--single", HTTP_TIMEOUT="60", REQUEST_TIMEOUT="120")
    while not dialer.seen.requests_by_page.get("call_report_export.php"):
        assert process.poll() is None
    for worker in psutil.Process(process.pid).children():
        if "spawn_main" not in " ".join(worker.cmdline()):
            continue
        limit = worker.memory_info().data + (1 << 20)  # of addresses it has reserved more than it will need
        worker.rlimit(psutil.RLIMIT_DATA, (limit, limit))
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "ran out of memory" in text or "worker died" in text  # as an Arrow error, or with a thread it cannot start
    assert "program error" not in text
    dialer.behave()
    alone = program.run("--single", HTTP_TIMEOUT="60", REQUEST_TIMEOUT="120")
    assert alone.code == 0
    assert "[Sales] It ran out of memory lately: it runs alone" in alone.text
    assert legs_stored(program, "1") == identities(dialer)


@pytest.mark.slow
def test_a_host_that_fails_for_several_cycles_is_asked_less_often(program: Program, dialers: Dialers) -> None:
    dialer, dead = dialers(1), dialers(2)
    dead.misbehave(status=503)
    program.add_clients(("Sales", dialer.url, "1"), ("Dead", dead.url, "2"))
    settings = {"RETRY_ATTEMPTS": "1", "RETRY_SECONDS": "0"}
    for _ in range(3):
        assert "could not answer now" in program.run("--single", **settings).text
    asked = dead.seen.requests
    resting = program.run("--single", **settings)
    assert resting.code == 1
    assert "has not answered since" in resting.text
    assert dead.seen.requests == asked
    assert "has not answered since" in program.run("status").text
    dead.behave()
    assert program.run("clients", "retry", "2").code == 0
    assert program.run("--single").code == 0
    assert legs_stored(program, "2") == identities(dead)


def kill_worker_of(parent: int, port: int) -> None:
    """Kill the process connected to this port with SIGKILL."""
    for child in psutil.Process(parent).children(recursive=True):
        if any(connection.raddr and connection.raddr.port == port for connection in child.net_connections()):
            child.kill()
            return
    raise AssertionError("no worker is connected")


@pytest.mark.slow
def test_work_of_three_times_the_process_timeout_is_done_after_a_few_cycles(program: Program, dialers: Dialers) -> None:
    dialer = dialers(days=6)
    dialer.misbehave(latency=0.7, pages=("call_report_export.php",))
    program.add_clients(("Sales", dialer.url, "1"))
    settings = {"PROCESS_TIMEOUT": "4", "FIRST_RUN_DAYS": "5"}
    first = program.run("--single", **settings)
    assert first.code == 1
    assert "(timed out)" in first.text
    so_far = legs_stored(program, "1")
    assert so_far
    assert so_far < identities(dialer)
    assert any(program.run("--single", **settings).code == 0 for _ in range(12))
    assert legs_stored(program, "1") == identities(dialer)
    assert program.leftovers() == []


def test_a_truncated_answer_is_noticed_and_repaired_at_once(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    dialer.misbehave(truncate=0.5, pages=("call_report_export.php",), requests=1)
    repaired = program.run("--single")
    assert repaired.code == 0
    assert repaired.text.count("cut short, and whole when it was asked again") == 1
    assert program.rows("SELECT repaired FROM vicidial.runs WHERE job_id <> ''") == [{"repaired": 1}]
    assert legs_stored(program, "1") == identities(dialer)
    dialer.world.now += timedelta(minutes=15)
    dialer.misbehave(truncate=0.3, pages=("call_report_export.php",), requests=1)
    assert program.run("--single").code == 0
    assert legs_stored(program, "1") == identities(dialer)
    assert program.rows("FROM vicidial.completeness") == []


def test_a_dialer_that_cuts_every_answer_alike_is_not_believed(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=20)  # no hour with so few calls that its answer is whole
    program.add_clients(("Sales", dialer.url, "1"))
    program.run("--single")
    before = program.calls()
    dialer.misbehave(truncate=3, pages=("call_report_export.php",))
    done = program.run("--single")
    assert done.code == 1
    assert "does not show all calls of" in done.text
    assert program.calls() == before
    assert program.rows("SELECT * FROM vicidial.completeness") == []
    assert program.rows("SELECT day FROM vicidial.hours WHERE doubt IS NOT NULL")
    dialer.behave()
    assert program.run("--single").code == 0
    assert program.rows("SELECT day FROM vicidial.hours WHERE doubt IS NOT NULL") == []


def test_rows_that_cannot_be_used_fail_alone(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.change(
        "INSERT INTO vicidial.credentials (campaign, client_id, client_name, url, username, password, enabled)"
        " VALUES ('Bad', '2', 'Typo', 'dialer', 'u', 'p', NULL), ('Off', '3', 'Off', 'http://d/', 'u', 'p', 'no')"
    )
    listed = program.run("clients", "list").text
    assert re.search(r"Bad +Typo +2 +u +cannot be used: url: the URL must begin with http", listed)
    assert re.search(r"Off +Off +3 +http://d/vicidial/ +call_report_export +u +switched off", listed)
    done = program.run("--single")
    assert done.code == 1
    assert "✗ Bad: 0 records (row cannot be used)" in done.text
    assert "Bad / Typo: not read: url: the URL must begin with http" in done.text
    assert "Not read: 1 row (switched off); see `python main.py clients list`\n" in done.text
    told = program.rows("SELECT client_id, label, failure FROM vicidial.runs WHERE job_id <> '' ORDER BY client_id")
    assert [(row["client_id"], row["label"]) for row in told] == [("1", "completed"), ("2", "row cannot be used")]
    assert told[1]["failure"].startswith("not read: url: the URL must begin with http")
    assert "✓ Sales" in done.text


def test_no_campaigns_says_where_it_looked(program: Program) -> None:
    done = program.run("--single")
    assert done.code == 2
    assert "No campaigns found in vicidial.credentials of" in done.text
    assert "clients import" in done.text


def test_nothing_of_a_call_is_lost_on_its_way(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.run("--single")
    legs = {(leg.uniqueid, leg.campaign_id, leg.call_time_local): leg for leg in legs_shown(dialer)}
    for row in program.calls():
        leg = legs[row["uniqueid"], row["ingroup"] or row["dialer_campaign"], row["call_time_local"]]
        assert row["phone"] == leg.phone
        assert row["length_seconds"] == leg.length_seconds
        assert row["agent"] == (None if leg.agent_user in ("VDAD", "VDCL") else leg.agent_user)
        assert row["call_date"] == leg.call_time_local.date()
        assert row["status_name"] == leg.status_name
        assert abs(row["call_time"] - datetime.fromtimestamp(int(leg.uniqueid.split(".")[0]), UTC)) < timedelta(hours=3)
    assert len(program.calls()) == len(legs)


@pytest.mark.parametrize("size", ["1", pytest.param("100", marks=pytest.mark.slow)])
def test_small_chunks_give_the_same_rows(program: Program, dialers: Dialers, size: str) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    assert program.run("--single", BATCH_SIZE=size, DB_BATCH_SIZE="1").code == 0
    assert legs_stored(program, "1") == identities(dialer)


def test_a_day_of_an_agent_that_fails_holds_up_no_other_and_comes_once_the_dialer_shows_it(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers(days=4)
    program.add_clients(("Sales", f"{dialer.url}user_stats.php?user=2001&file_download=6", "1"))
    dialer.misbehave(status=500, requests=2, pages=("user_stats.php",))
    dialer.misbehave(requests=1, pages=("user_stats.php",))
    settings = {"FIRST_RUN_DAYS": "3", "RETRY_SECONDS": "5", "LOOKBACK_HOURS": "1"}
    first = program.run("--single", **settings)
    assert first.code == 1
    assert re.search(r"agent 2001, \d{4}-\d\d-\d\d could not be read: 127\.0\.0\.1:\d+ answered HTTP 500", first.text)
    (mark,) = program.rows("SELECT read_until, doubted_since FROM vicidial.watermarks")
    assert datetime.now(UTC) - mark["read_until"] < timedelta(minutes=5)
    dialer.misbehave(status=500, requests=2, pages=("user_stats.php",))
    dialer.misbehave(requests=1, pages=("user_stats.php",))
    asked = dialer.seen.requests_by_page["user_stats.php"]
    assert program.run("--single", **settings).code == 1
    assert dialer.seen.requests_by_page["user_stats.php"] - asked == 3  # today, and twice the day in doubt
    assert program.run("--single", **settings).code == 0
    (mark,) = program.rows("SELECT read_until, doubted_since FROM vicidial.watermarks")
    assert mark["doubted_since"] is None
    days = {row["call_date"] for row in program.calls()}
    assert len(days) == len({leg.call_time_local.date() for leg in legs_shown(dialer) if leg.agent_user == "2001"})


def test_calls_that_never_end_are_told_and_counted_and_cost_a_cycle_one_request_at_most(program: Program) -> None:
    now = datetime.now(UTC) - timedelta(minutes=40)
    first = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=2)
    rates = replace(Rates.none(), stuck_calls=0.5)
    world = World(1, first, 4, ZONE, calls_per_hour=[6] * 24, rates=rates)
    world.now, world.tells_real_time = now, True
    with SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]) as dialer:
        program.add_clients(("Sales", dialer.url, "1"))
        assert program.run("--single", FIRST_RUN_DAYS="2").code == 0
        local = now.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) - timedelta(hours=8)
        stuck = [leg for leg in legs_shown(dialer) if leg.status == "INCALL" and leg.call_time_local < local]
        assert len({(leg.call_time_local.date(), leg.call_time_local.hour) for leg in stuck}) > 24
        for _ in range(2):
            before = dialer.seen.requests
            cycle = program.run("--single", FIRST_RUN_DAYS="2")
            assert cycle.code == 0
            assert dialer.seen.requests - before <= 4  # version, the last hours on both sides of midnight, one more
        told = re.search(r"Client 1: (\d+) calls of \S+ in progress for longer than any call lasts, since", cycle.text)
        assert told
        assert int(told[1]) >= len(stuck)
        assert told[0] in program.run("status").text.replace("    ", "Client 1: ")
        (counted, *_) = program.rows("SELECT stuck FROM vicidial.runs WHERE job_id <> '' ORDER BY committed_at DESC")
        assert counted["stuck"] == int(told[1])


@pytest.mark.slow
def test_a_dialer_of_many_sources_tells_its_version_once_in_a_cycle(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(*((f"Campaign {number % 3}", dialer.url, f"{number}") for number in range(6)))
    for cycles in (1, 2):
        assert program.run("--single").code == 0
        assert dialer.seen.requests_by_page["non_agent_api.php"] == cycles
