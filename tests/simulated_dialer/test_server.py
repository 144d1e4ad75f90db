"""Connections, counters and all misbehaviours of a dialer."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from simulated_dialer import SimulatedDialer, World
from tests.simulated_dialer.client import WHOLE_DAY, Opening, ask, export

EXPORT = "call_report_export.php"


@pytest.fixture
def dialer(open_dialer: Opening) -> SimulatedDialer:
    return open_dialer(World(calls_per_hour=20))


def raw(dialer: SimulatedDialer, path: str = "/vicidial/" + EXPORT) -> bytes:
    """Return all bytes until the dialer hangs up."""
    query = "?run_export=1&query_date=2026-03-02&end_date=2026-03-02&campaign[]=---ALL---&header_row=YES"
    with socket.create_connection(("127.0.0.1", dialer.port), timeout=5) as connection:
        request = f"GET {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.sendall(f"{request}Authorization: Basic cmVwb3J0OnNlY3JldA==\r\n\r\n".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_a_connection_is_kept_for_further_requests(dialer: SimulatedDialer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/vicidial/non_agent_api.php?function=version")
        assert connection.getresponse().read().startswith(b"VERSION: ")
    seen = dialer.seen
    assert (seen.requests, seen.connections, seen.connections_now, seen.most_connections_at_once) == (3, 1, 1, 1)
    connection.close()


def test_idle_connections_count(dialer: SimulatedDialer) -> None:
    sockets = [socket.create_connection(("127.0.0.1", dialer.port)) for _ in range(4)]
    export(dialer)
    assert dialer.seen.most_connections_at_once == 5
    for connection in sockets:
        connection.close()
    wait_until(lambda: dialer.seen.connections_now == 0)
    assert dialer.seen.most_connections_at_once == 5


def wait_until(fact: Any) -> None:
    for _ in range(500):
        if fact():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_requests_are_logged_without_secrets(dialer: SimulatedDialer) -> None:
    export(dialer, campaign=["A", "B"])
    ask(dialer, "non_agent_api.php", {"function": "x", "user": "report", "pass": "hunter2"}, login=None, method="POST")
    first, second = dialer.seen.log
    assert (first.page, first.method, first.user) == (EXPORT, "GET", "report")
    assert [value for key, value in first.parameters if key == "campaign[]"] == ["A", "B"]
    assert second.one("pass") == "***"
    assert "hunter2" not in repr(dialer.seen)
    assert "secret" not in repr(dialer.seen)
    assert dialer.seen.requests_by_page == {EXPORT: 1, "non_agent_api.php": 1}
    assert dialer.seen.bytes_sent > 1000


def test_truncation_is_cleanly_terminated(dialer: SimulatedDialer) -> None:
    whole = export(dialer)
    dialer.misbehave(truncate=3)
    assert export(dialer).rows() == whole.rows()[:3]
    assert raw(dialer).endswith(b"\r\n\r\n0\r\n\r\n")
    dialer.misbehave(truncate=0.5)
    assert export(dialer).rows() == whole.rows()[: len(whole.rows()) // 2]
    dialer.behave()
    assert export(dialer) == whole


def test_misbehaviour_ends_after_so_many_requests_and_concerns_its_pages(dialer: SimulatedDialer) -> None:
    dialer.misbehave(status=503, retry_after=7, requests=2, pages=(EXPORT,))
    assert ask(dialer, "non_agent_api.php", {"function": "version"}).status == 200
    refused = export(dialer)
    assert (refused.status, refused.header("Retry-After")) == (503, "7")
    assert [export(dialer).status for _ in range(2)] == [503, 200]


def test_latency_delays_the_answer(dialer: SimulatedDialer) -> None:
    dialer.misbehave(latency=0.2)
    started = time.monotonic()
    export(dialer)
    assert time.monotonic() - started >= 0.2


def test_a_cut_body_has_no_last_chunk(dialer: SimulatedDialer) -> None:
    dialer.misbehave(cut_after=1000)
    with pytest.raises(http.client.IncompleteRead):
        export(dialer)
    assert not raw(dialer).endswith(b"0\r\n\r\n")


def test_a_reset_is_a_reset(dialer: SimulatedDialer) -> None:
    dialer.misbehave(reset_after=1000)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        export(dialer)


def test_php_and_mysql_fail_in_their_own_ways(open_dialer: Opening) -> None:
    eight, seven = open_dialer(World(calls_per_hour=5)), open_dialer(World(calls_per_hour=5), php=7)
    for dialer in (eight, seven):
        dialer.misbehave(database_down=True)
    assert (export(eight).status, export(eight).body) == (500, b"")
    assert (export(seven).status, export(seven).body) == (200, b"MySQL connect ERROR:  Connection refused\n")
    eight.misbehave(rows_before_memory_is_out=10)
    assert (export(eight).status, export(eight).header("Content-Length")) == (500, "0")


def test_displayed_errors_make_it_no_export(dialer: SimulatedDialer) -> None:
    dialer.misbehave(display_errors=True)
    answer = export(dialer)
    assert answer.body.startswith(b"<br />\n<b>Warning</b>:  ")
    assert answer.body.count(b"<b>Warning</b>") == 2
    assert (answer.header("Content-Type"), answer.header("Content-Disposition")) == ("text/html; charset=UTF-8", None)


def test_redirects_and_wrong_clocks(dialer: SimulatedDialer) -> None:
    dialer.misbehave(redirect_to="http://127.0.0.2:1/vicidial/")
    assert (export(dialer).status, export(dialer).header("Location")) == (302, "http://127.0.0.2:1/vicidial/")
    dialer.misbehave(clock_offset=3600.0)
    assert (
        b"DATE: 2026-03-05 01:00:00|EPOCH: 1772690400|"
        in ask(dialer, "non_agent_api.php", {"function": "version"}).body
    )


@pytest.mark.parametrize("wrong", [{"trickle": True}, {"hang": True}, {"trickle": 0.001}])
def test_slow_answers_end_with_the_client_or_the_dialer(open_dialer: Opening, wrong: dict[str, Any]) -> None:
    dialer = open_dialer(World(calls_per_hour=5))
    dialer.misbehave(**wrong)
    connection = http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=0.3)
    connection.request(
        "GET", f"/vicidial/{EXPORT}?run_export=1", headers={"Authorization": "Basic cmVwb3J0OnNlY3JldA=="}
    )
    if "hang" in wrong:
        with pytest.raises(TimeoutError):
            connection.getresponse()
    else:
        assert connection.getresponse().read(5)
    connection.close()
    wait_until(lambda: dialer.seen.connections_now == 0)


def test_stopping_hangs_up_on_those_who_wait() -> None:
    with SimulatedDialer(World(calls_per_hour=5)) as dialer:
        dialer.misbehave(hang=True)
        connection = http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=5)
        connection.request("GET", f"/vicidial/{EXPORT}")
        wait_until(lambda: dialer.seen.requests_now == 1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_endless_bodies_do_not_end(dialer: SimulatedDialer) -> None:
    dialer.misbehave(endless=True)
    connection = http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=5)
    query = "run_export=1&query_date=2026-03-02&end_date=2026-03-02&campaign[]=---ALL---"
    headers = {"Authorization": "Basic cmVwb3J0OnNlY3JldA=="}
    connection.request("GET", f"/vicidial/{EXPORT}?{query}", headers=headers)
    assert len(connection.getresponse().read(20_000_000)) == 20_000_000
    connection.close()


def test_recorded_bodies_are_sent_as_they_are(dialer: SimulatedDialer, tmp_path: Path) -> None:
    recorded = b"call_date\tstatus\r\n2026-03-02 10:00:00\tNI\r\n"
    dialer.answer_with(EXPORT, recorded)
    assert export(dialer).body == recorded
    assert export(dialer, ("report", "wrong")).status == 401
    file = tmp_path / "body.txt"
    file.write_bytes(b"x" * 3_000_000)
    dialer.answer_with(EXPORT, file, head=b"head\r\n", repeat=2, when={"query_date": "2026-03-02"})
    assert export(dialer).body == b"head\r\n" + b"x" * 6_000_000
    assert export(dialer, query_date="2026-03-01").body == recorded
    dialer.misbehave(truncate=0)
    assert export(dialer, query_date="2026-03-01").body == b"call_date\tstatus\r\n"
    dialer.behave()
    dialer.answer_itself()
    assert export(dialer).body.startswith(b"call_date\tphone_number_dialed")


def test_a_new_moment_is_a_new_answer_and_the_same_moment_the_same(dialer: SimulatedDialer) -> None:
    late = export(dialer).body
    dialer.world.now = dialer.world.now.replace(day=2, hour=15)
    early = export(dialer).body
    assert len(early) < len(late)
    assert export(dialer).body == early


def test_many_clients_at_once_get_the_same(dialer: SimulatedDialer) -> None:
    bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: bodies.append(export(dialer).body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 8
    assert len(set(bodies)) == 1


def test_head_has_no_length_and_no_body(dialer: SimulatedDialer) -> None:
    answer = ask(dialer, EXPORT, WHOLE_DAY, method="HEAD")
    assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", None)


def test_clients_that_hang_up_leave_no_traceback(dialer: SimulatedDialer, capfd: pytest.CaptureFixture[str]) -> None:
    dialer.answer_with(EXPORT, b"x" * 1_000_000, repeat=50)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", dialer.port)) as connection:
            connection.sendall(b"GET /vicidial/call_report_export.php?run_export=1 HTTP/1.1\r\n")
            connection.sendall(b"Authorization: Basic cmVwb3J0OnNlY3JldA==\r\n\r\n")
            connection.recv(100)
    wait_until(lambda: dialer.seen.connections_now == 0)
    assert capfd.readouterr().err == ""


COMMAND = [sys.executable, "-m", "simulated_dialer", "--count", "2", "--now", "2026-03-02T18:00:00Z"]
ROOT = Path(__file__).parents[2]


def start_process() -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_dialers_run_from_the_command_line_until_their_input_closes() -> None:
    with start_process() as process:
        assert process.stdin is not None and process.stdout is not None
        first, second = json.loads(process.stdout.readline())["dialers"]
        assert (first["seed"], second["seed"]) == (1, 2)
        control = f"http://127.0.0.1:{first['port']}/_simulated/"
        posted = [
            ("now", b"2026-03-02T20:00:00+00:00", {"now": "2026-03-02T20:00:00+00:00"}),
            ("misbehave", b'{"status": 503, "requests": 1}', {"misbehaving": {"status": 503, "requests": 1}}),
            ("behave", b"", {"misbehaving": {}}),
        ]
        for name, body, expected in posted:
            with urllib.request.urlopen(control + name, data=body) as response:
                assert json.load(response) == expected
        with urllib.request.urlopen(first["url"] + "non_agent_api.php?function=version") as response:
            assert b"DATE: 2026-03-02 15:00:00|" in response.read()
        with urllib.request.urlopen(control + "seen") as response:
            seen = json.load(response)
        assert (seen["requests"], seen["most_connections_at_once"]) == (1, 1)
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.mark.skipif(os.name == "nt", reason="terminate() kills at once on Windows")
def test_dialers_end_in_peace_when_terminated() -> None:
    with start_process() as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=10) == 0
