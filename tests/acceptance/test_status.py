"""`main.py status` for an operator or a monitoring script, before, during and after failures."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, ZONE, Program

WRONG = "Wr0ng-Marked-Passw0rd"


def entries_by_client(program: Program, *, code: int, **settings: str) -> dict[str, Any]:
    """Return the JSON entries by client."""
    done = program.run("status", "--json", **settings)
    assert done.code == code, done.text
    found: dict[str, Any] = json.loads(done.text[done.text.index("{") :])
    return {**found, "clients": {client["client_id"]: client for client in found["clients"]}}


SHOWN = (
    "✓ Good / Client 1: read until",
    "✗ Bad / Client 2: no cycle has read it yet",
    "login rejected since",
    'clients retry "Client 2"`',
    "✗ Bad / Client 4: read until",
    "which is not UTC: call_time is wrong. Set Timezone of its row",
    "Never read yet: Bad / Client 2, Bad / Client 3",
    "With call times that are hours off: Bad / Client 4",
)


def no_old_orders_are_given(program: Program, *, changed: int) -> None:
    text = program.run("status").text
    assert text.count("its row was changed since then; the next cycle shows whether it is right") == changed
    assert "Correct the password" not in text
    assert "which is not UTC" not in text


def test_three_mistakes_are_plain_after_a_cycle_and_gone_after_the_next(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    assert program.run("status").code == 2  # there is no client yet
    rows = [("Good", dialer.url, "1"), ("Bad", dialer.url, "2", WRONG), ("Bad", "http://127.0.0.1:9/vicidial/", "3")]
    rows += [("Bad", dialer.url, "4")]
    program.add_clients(*rows)
    path = program.folder / "clients.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(f"Client 4,4,{ZONE}", "Client 4,4,UTC"), encoding="utf-8")
    program.run("clients", "import", str(path))
    before = program.run("status")
    assert before.code == 1
    assert "none yet: python main.py --single" in before.text
    assert "! Good / Client 1: no cycle has read it yet" in before.text
    assert "✗" not in before.text
    program.run("--single")

    found = entries_by_client(program, code=1)
    clients = found["clients"]
    assert {client: known["label"] for client, known in clients.items()} == {
        "1": None, "2": "login rejected", "3": "dialer unreachable", "4": "wrong time zone",
    }  # fmt: skip
    assert [clients[client]["ok"] for client in "1234"] == [True, False, False, False]
    assert "Correct the password" in clients["2"]["failure"]
    assert "which is not UTC" in clients["4"]["last"]["notices"]
    assert datetime.fromisoformat(clients["3"]["failing_since"]) > datetime.now(UTC) - timedelta(minutes=2)
    calls = program.rows("SELECT max(call_time) AS newest, count(*) AS calls FROM vicidial.calls WHERE client_id = '1'")
    assert clients["1"]["last"]["inserted"] == calls[0]["calls"]
    assert datetime.fromisoformat(clients["1"]["newest_call"]) == calls[0]["newest"]
    assert 0 <= clients["1"]["seconds_behind"] < 120
    (run,) = found["runs"]
    assert run["requests"] == sum(known["last"]["requests"] for known in clients.values()) > 0
    assert (run["sources"], run["failed"]) == (4, 2)
    assert 0 < run["commit_seconds"] < run["seconds"]
    text = program.run("status").text
    assert [line for line in SHOWN if line not in text] == []
    assert WRONG not in text

    first_failure = clients["2"]["failing_since"]
    program.add_clients(rows[0], ("Bad", dialer.url, "2", WRONG), ("Bad", "http://127.0.0.1:9/vicidial/", "3"))
    program.run("--single")
    again = entries_by_client(program, code=1)["clients"]
    assert again["2"]["failing_since"] == first_failure
    program.add_clients(("Bad", dialer.url, "2", PASSWORD), ("Bad", dialer.url, "4"))
    switched_off = "UPDATE vicidial.credentials SET enabled = 'no' WHERE client_id = '3'"
    program.change(switched_off)
    no_old_orders_are_given(program, changed=2)
    program.run("--single")
    mended = entries_by_client(program, code=0)["clients"]
    assert set(mended) == {"1", "2", "4"}
    assert (mended["2"]["failure"], mended["2"]["failing_since"]) == (None, None)
    assert "Correct the password" in mended["2"]["last"]["last_failure"]
    assert "which is not" not in str(mended["4"]["last"]["notices"])
    healthy = program.run("status").text
    assert "last failure, over now: login rejected at" in healthy
    assert "Correct the password" not in healthy


def test_a_campaign_that_was_lost_as_a_whole_and_a_row_that_cannot_be_used_are_shown(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.change("INSERT INTO vicidial.credentials (campaign, client_id, client_name, url, username, password)"
                   " VALUES ('Typo', '2', 'Typo', 'dialer', 'u', 'p')")  # fmt: skip
    dialer.misbehave(hang=True)
    done = program.run("--single", PROCESS_TIMEOUT="3", REQUEST_TIMEOUT="60", HTTP_TIMEOUT="60")
    assert done.code == 1
    clients = entries_by_client(program, code=1)["clients"]
    assert clients["1"]["label"] == "timed out"
    assert "PROCESS_TIMEOUT" in clients["1"]["failure"]
    assert clients["2"]["failure"].startswith("not read: url: the URL must begin with http")


def test_a_client_that_is_not_read_any_more_gets_stale(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    dialer.world.now = datetime.now(UTC)
    assert program.run("--single").code == 0
    well = program.run("status")
    assert well.code == 0
    assert "✓ Sales / Client 1: read until" in well.text
    assert re.search(r"\nDialers:\n  127\.0\.0\.1:\d+: build \d{6}, its clock (agrees|is \d+ seconds) ", well.text)
    program.change("UPDATE vicidial.watermarks SET read_until = read_until - INTERVAL 61 MINUTE")
    stale = program.run("status")
    assert stale.code == 1
    assert "Not read in the last 60 minutes (STALE_AFTER_MINUTES): Sales / Client 1" in stale.text
    assert program.run("status", STALE_AFTER_MINUTES="120").code == 0


def test_a_client_that_was_read_until_a_moment_to_come_is_not_well_until_the_next_cycle(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    dialer.world.now = datetime.now(UTC)
    assert program.run("--single").code == 0
    calls = len(program.calls())
    program.change("UPDATE vicidial.watermarks SET read_until = read_until + INTERVAL 10 DAY")
    program.change("UPDATE vicidial.hours SET read_at = read_at + INTERVAL 10 DAY")
    ahead = program.run("status")
    assert ahead.code == 1
    assert "✗ Sales / Client 1" in ahead.text
    assert "Read until a moment that has not come" in ahead.text
    assert not entries_by_client(program, code=1)["clients"]["1"]["ok"]
    assert program.run("--single").code == 0
    assert program.run("status").code == 0
    assert len(program.calls()) == calls
    (row,) = program.rows("SELECT max(read_at) AS latest FROM vicidial.hours")
    assert row["latest"] <= datetime.now(UTC)


def test_rows_of_one_client_are_told_apart_by_agent_wherever_they_are_named(program: Program, dialers: Dialers) -> None:
    """In check, summary, status, list and log: those that are read, that fail, and that cannot be used."""
    dialer = dialers()
    rows = [("Sales", f"{dialer.url}user_stats.php?user={user}", "1") for user in ("2001", "2002")]
    away = [("Sales", f"http://127.0.0.1:9/vicidial/user_stats.php?user={user}", "1") for user in ("2003", "2004")]
    program.add_clients(*rows, *away)
    program.change("UPDATE vicidial.credentials SET timezone = 'Nowhere' WHERE url LIKE '%2002' OR url LIKE '%2004'")
    check, cycle = program.run("check").text, program.run("--single", RETRY_ATTEMPTS="1").text
    status, listed = program.run("status").text, program.run("clients", "list").text
    assert "Client 1 (Sales): agent 2001: login" in check
    assert "Client 1 (Sales): agent 2002: row: cannot be used" in check
    assert "Client 1 (Sales): agent 2003: reachable" in check
    assert "Sales / Client 1, agent 2002: not read:" in cycle
    assert "Sales / Client 1, agent 2003: 127.0.0.1:9 could not be reached" in cycle
    assert "Client 1, agent 2003: 127.0.0.1:9" in cycle.partition("PROCESSING SUMMARY")[0]
    assert "✓ Sales / Client 1, agent 2001: read until" in status
    assert "✗ Sales / Client 1, agent 2003: no cycle has read it yet" in status
    assert "✗ Sales / Client 1, agent 2004: no cycle has read it yet" in status
    assert "user_stats, agent 2001" in listed


def test_a_web_server_in_another_zone_than_its_calls_is_nobodys_trouble(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=40)
    dialer.misbehave(php_timezone="UTC", pages=("non_agent_api.php",))
    program.add_clients(("Sales", dialer.url, "1"))
    cycle = program.run("--single")
    assert cycle.code == 0, cycle.text
    assert "UTC, which is not" not in cycle.text
    for command, code in (("status", 0), ("check", 0)):
        done = program.run(command)
        assert done.code == code, done.text
        assert "Timezone" not in done.text.replace("DEFAULT_TIMEZONE", "")


def test_a_row_that_cannot_be_used_any_more_shows_what_was_read_before(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"), ("Sales", dialer.url, "2"))
    assert program.run("--single").code == 0
    read = "read until 20"
    program.change("UPDATE vicidial.credentials SET password = 'env:NO_SUCH_VARIABLE' WHERE client_id = '1'")
    program.change("UPDATE vicidial.credentials SET url = 'dialer' WHERE client_id = '2'")
    for _ in range(2):
        text = program.run("status").text
        lines = [line for line in text.splitlines() if line.startswith("✗ Sales")]
        assert [line.count(read) + line.count("newest call") for line in lines] == [2, 2], text
        assert all(line.endswith("cannot be read now") for line in lines)
        assert "no calls lately" not in text
        assert "Never read" not in text
        program.run("--single")


def test_the_start_of_a_first_load_is_no_reading(program: Program, dialers: Dialers) -> None:
    """Its watermark is there, so that the next first load does not start later."""
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"), ("Sales", "http://127.0.0.1:9/vicidial/", "2"))
    program.run("--single", RETRY_ATTEMPTS="1")
    assert len(program.rows("FROM vicidial.watermarks")) == 2
    program.change("DELETE FROM vicidial.runs WHERE client_id = '2'")
    text = program.run("status").text
    assert "✓ Sales / Client 1: read until" in text
    assert "! Sales / Client 2: no cycle has read it yet" in text
    program.change("UPDATE vicidial.credentials SET timezone = 'Nowhere' WHERE client_id = '2'")
    text = program.run("status").text
    assert "✗ Sales / Client 2: no cycle has read it yet; cannot be read now" in text
    assert "Never read yet: Sales / Client 2" in text
