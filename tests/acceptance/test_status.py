"""`main.py status`: what an operator or a monitoring script sees, before, between and after trouble."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.conftest import Dialers
from tests.acceptance.running import PASSWORD, ZONE, Program

WRONG = "Wr0ng-Marked-Passw0rd"


def told(program: Program, *, code: int, **settings: str) -> dict[str, Any]:
    """What a program reads, by client."""
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
    program.import_clients(*rows)
    path = program.folder / "clients.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(f"Client 4,4,{ZONE}", "Client 4,4,UTC"), encoding="utf-8")
    program.run("clients", "import", str(path))
    before = program.run("status")
    assert before.code == 1
    assert "none yet: python main.py --single" in before.text
    assert "! Good / Client 1: no cycle has read it yet" in before.text
    assert "✗" not in before.text
    program.run("--single")

    found = told(program, code=1)
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
    program.import_clients(rows[0], ("Bad", dialer.url, "2", WRONG), ("Bad", "http://127.0.0.1:9/vicidial/", "3"))
    program.run("--single")
    again = told(program, code=1)["clients"]
    assert again["2"]["failing_since"] == first_failure
    program.import_clients(("Bad", dialer.url, "2", PASSWORD), ("Bad", dialer.url, "4"))
    switched_off = "UPDATE vicidial.credentials SET enabled = 'no' WHERE client_id = '3'"
    program.change(switched_off)
    no_old_orders_are_given(program, changed=2)
    program.run("--single")
    mended = told(program, code=0)["clients"]
    assert set(mended) == {"1", "2", "4"}
    assert (mended["2"]["failure"], mended["2"]["failing_since"]) == (None, None)
    assert "Correct the password" in mended["2"]["last"]["last_failure"]
    assert "which is not" not in str(mended["4"]["last"]["notices"])
    healthy = program.run("status").text
    assert "over since: login rejected" in healthy
    assert "Correct the password" not in healthy


def test_a_campaign_that_was_lost_as_a_whole_and_a_row_that_cannot_be_used_are_shown(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers()
    program.import_clients(("Sales", dialer.url, "1"))
    program.change("INSERT INTO vicidial.credentials (campaign, client_id, client_name, url, username, password)"
                   " VALUES ('Typo', '2', 'Typo', 'dialer', 'u', 'p')")  # fmt: skip
    dialer.misbehave(hang=True)
    done = program.run("--single", PROCESS_TIMEOUT="3", REQUEST_TIMEOUT="60", HTTP_TIMEOUT="60")
    assert done.code == 1
    clients = told(program, code=1)["clients"]
    assert clients["1"]["label"] == "timed out"
    assert "PROCESS_TIMEOUT" in clients["1"]["failure"]
    assert clients["2"]["failure"].startswith("not read: url: the URL must begin with http")


def test_a_client_that_is_not_read_any_more_gets_stale(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.import_clients(("Sales", dialer.url, "1"))
    dialer.world.now = datetime.now(UTC)
    assert program.run("--single").code == 0
    well = program.run("status")
    assert well.code == 0
    assert "✓ Sales / Client 1: read until" in well.text
    program.change("UPDATE vicidial.watermarks SET read_until = read_until - INTERVAL 61 MINUTE")
    stale = program.run("status")
    assert stale.code == 1
    assert "Not read in the last 60 minutes (STALE_AFTER_MINUTES): Sales / Client 1" in stale.text
    assert program.run("status", STALE_AFTER_MINUTES="120").code == 0


def test_a_client_that_was_read_until_a_moment_to_come_is_not_well_until_the_next_cycle(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers()
    program.import_clients(("Sales", dialer.url, "1"))
    dialer.world.now = datetime.now(UTC)
    assert program.run("--single").code == 0
    calls = len(program.calls())
    program.change("UPDATE vicidial.watermarks SET read_until = read_until + INTERVAL 10 DAY")
    program.change("UPDATE vicidial.hours SET read_at = read_at + INTERVAL 10 DAY")
    ahead = program.run("status")
    assert ahead.code == 1
    assert "✗ Sales / Client 1" in ahead.text
    assert "Read until a moment that has not come" in ahead.text
    assert not told(program, code=1)["clients"]["1"]["ok"]
    assert program.run("--single").code == 0
    assert program.run("status").code == 0
    assert len(program.calls()) == calls
    (row,) = program.rows("SELECT max(read_at) AS latest FROM vicidial.hours")
    assert row["latest"] <= datetime.now(UTC)
