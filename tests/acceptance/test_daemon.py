"""The daemon: cycles from start to start, one per warehouse, and it ends in order."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import Program

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX; Windows has its own console events")


def wait_for(fact: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.02)


@posix_only
def test_it_says_when_the_next_cycle_starts_and_ends_on_sigterm(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    daemon = program.start()
    assert daemon.stdout
    for line in daemon.stdout:
        if "Next cycle starts at" in line:
            assert re.search(r"Next cycle starts at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", line)
            break
    daemon.send_signal(signal.SIGTERM)
    text, _ = daemon.communicate(timeout=10)
    assert daemon.returncode == 143, text
    assert len(program.calls()) > 0


@posix_only
def test_a_client_that_is_added_now_is_read_in_the_next_cycle(program: Program, dialers: Dialers) -> None:
    first, second = dialers(1), dialers(2)
    program.add_clients(("Sales", first.url, "1"))
    daemon = program.start(CYCLE_INTERVAL_MINUTES="0.1")
    try:
        wait_for(lambda: first.seen.requests_by_page.get("call_report_export.php"))
        program.import_clients(("Sales", second.url, "2"))
        wait_for(lambda: second.seen.requests_by_page.get("call_report_export.php"), 60)
    finally:
        daemon.send_signal(signal.SIGINT)
        daemon.communicate(timeout=30)
    assert daemon.returncode == 130


@posix_only
def test_a_second_one_is_refused_and_told_who_is_there(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    dialer.misbehave(latency=3)
    program.add_clients(("Sales", dialer.url, "1"))
    daemon = program.start()
    try:
        wait_for(lambda: dialer.seen.connections)
        refused = program.run("--single")
        assert refused.code == 4
        assert f"process {daemon.pid}" in refused.text
        assert program.run("clients", "list").code == 0
    finally:
        daemon.kill()
        daemon.communicate()


@posix_only
def test_workers_end_with_a_killed_parent_and_the_next_run_goes_on(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    dialer.misbehave(latency=30)
    program.add_clients(("Sales", dialer.url, "1"))
    daemon = program.start(HTTP_TIMEOUT="60")
    wait_for(lambda: dialer.seen.connections)
    workers = psutil.Process(daemon.pid).children(recursive=True)
    daemon.kill()
    daemon.communicate()
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    dialer.behave()
    assert program.run("--single").code == 0
    assert len(program.calls()) > 0
    assert program.leftovers() == []


@posix_only
def test_a_reader_that_holds_the_file_makes_the_commit_wait(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.run("--single")
    dialer.misbehave(latency=1)
    process = program.start("--single")
    wait_for(lambda: dialer.seen.connections_now)
    code = "import duckdb, sys, time; db = duckdb.connect(sys.argv[1], read_only=True); time.sleep(5)"
    reader = subprocess.Popen([sys.executable, "-c", code, str(program.data / "calls.duckdb")])
    text, _ = process.communicate(timeout=60)
    reader.wait()
    assert process.returncode == 0
    assert f"is held by the process {reader.pid}" in text


@posix_only
def test_ctrl_c_while_a_commit_waits_ends_with_a_summary(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    program.run("--single")
    dialer.misbehave(latency=1)
    process = program.start("--single")
    wait_for(lambda: dialer.seen.connections_now)
    code = "import duckdb, sys, time; db = duckdb.connect(sys.argv[1], read_only=True); time.sleep(30)"
    reader = subprocess.Popen([sys.executable, "-c", code, str(program.data / "calls.duckdb")])
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if "waiting until" in line:
            process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    reader.kill()
    reader.wait()
    assert process.returncode == 130, text
    assert "✗ Sales: 0 records (warehouse)" in text


@pytest.mark.skipif(sys.platform != "linux", reason="tells by /proc when signals are taken")
@pytest.mark.parametrize(("signals", "grace"), [(1, "1"), (2, "60")])
def test_it_ends_in_time_although_nobody_reads_what_it_writes(program: Program, signals: int, grace: str) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write_end, b"." * 512)
    os.set_blocking(write_end, True)
    with os.fdopen(read_end), os.fdopen(write_end, "w") as full:
        process = program.start("--single", output=full, SHUTDOWN_GRACE_SECONDS=grace)
        wait_for(lambda: takes(signal.SIGTERM, process.pid))
        asked = time.monotonic()
        try:
            for _ in range(signals):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
            assert process.wait(timeout=10) == 143
        finally:
            process.kill()
            process.wait()
        assert time.monotonic() - asked < 1 + 5


def takes(number: signal.Signals, process: int) -> bool:
    """Return whether the process has a handler for this signal."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> number - 1 & 1)
