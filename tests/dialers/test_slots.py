"""Connections to one host never exceed what is allowed, over all processes, and come free when a process dies."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from dialers.slots import HostSlots, file_name_for
from errors import RequestCancelled, SlotUnavailable
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import (
    EXPORT,
    REPORT,
    connect_to,
    download,
    download_through,
    quick,
    small_world,
    source,
    wait_until,
)

ROOT = Path(__file__).resolve().parents[2]


def asking(folder: Path, url: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.dialers.other_process", str(folder), url, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def nothing() -> None:
    """Nobody gives up."""


def test_processes_together_keep_to_the_connections_of_a_host(tmp_path: Path) -> None:
    quick(tmp_path)
    users = [f"report{number}" for number in range(3)]  # requests of one account would wait for each other
    with SimulatedDialer(small_world(), accounts=[replace(REPORT, user=user) for user in users]) as dialer:
        dialer.misbehave(latency=0.05, pages=(EXPORT,))
        processes = [asking(tmp_path, dialer.url, f"{user}:secret", "run", "3", "2", "2") for user in users]
        outcomes = [process.communicate(timeout=30)[0].split() for process in processes]
        assert outcomes == [["fine"] * 3] * 3
        seen = dialer.seen
        assert seen.requests_by_page[EXPORT] == 18
        assert seen.most_connections_at_once == 2


def test_an_idle_connection_keeps_its_slot_until_it_is_closed(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer, max_connections=2)
        with connect_to(who, settings) as first, connect_to(who, settings) as second, ThreadPoolExecutor(1) as pool:
            first.ask_version()
            second.ask_version()
            assert dialer.seen.connections_now == 2
            waiting = threading.Event()
            third = pool.submit(download, who, settings)
            pool.submit(waiting.set)
            assert not waiting.wait(0.5), "a third connection was opened"
            assert dialer.seen.connections == 2
            first.__exit__()
            assert third.result(10).startswith(b"call_date\t")
        assert dialer.seen.most_connections_at_once == 2


def test_a_killed_process_frees_its_slots(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        process = asking(tmp_path, dialer.url, "secret", "run", "2", "1", "2", "wait")
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["open\n"] * 2
        assert dialer.seen.connections_now == 2
        with pytest.raises(SlotUnavailable):
            HostSlots(tmp_path / "slots", source(dialer).host, 2).take(wait_seconds=0.2, give_up=nothing)
        process.kill()
        process.communicate()
        assert download(source(dialer, max_connections=2), settings).startswith(b"call_date\t")


def test_a_request_that_waits_for_its_account_keeps_no_connection_from_the_one_it_waits_for(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer, max_connections=1)
        with connect_to(who, settings) as idle, ThreadPoolExecutor(2) as pool:
            idle.version()
            first = pool.submit(download, who, settings)
            wait_until(lambda: list((tmp_path / "accounts").glob("*.json")))  # it is admitted, and has no connection
            second = pool.submit(download_through, idle, settings)
            assert first.result(10).startswith(b"call_date\t")
            assert second.result(10).startswith(b"call_date\t")


def test_a_free_slot_is_waited_for_only_so_long(tmp_path: Path) -> None:
    slots = HostSlots(tmp_path, "dialer.example", 2)
    held = [slots.take(wait_seconds=1, give_up=nothing) for _ in range(2)]
    with pytest.raises(SlotUnavailable, match=r"All 2 allowed connections to dialer\.example"):
        slots.take(wait_seconds=0.1, give_up=nothing)
    held[0].release()
    assert slots.take(wait_seconds=1, give_up=nothing).is_locked


def test_whoever_is_stopped_waits_no_longer(tmp_path: Path) -> None:
    def give_up() -> None:
        raise RequestCancelled("dialer.example")

    slots = HostSlots(tmp_path, "dialer.example", 1)
    held = slots.take(wait_seconds=1, give_up=nothing)
    with pytest.raises(RequestCancelled):
        slots.take(wait_seconds=60, give_up=give_up)
    held.release()


def test_hosts_have_slots_of_their_own(tmp_path: Path) -> None:
    for host in ("a.example", "b.example"):
        assert HostSlots(tmp_path, host, 1).take(wait_seconds=0, give_up=nothing).is_locked


def test_a_file_name_tells_nobody_what_it_stands_for() -> None:
    name = file_name_for("dialer.example:8080", "réport/../x")
    assert name.isalnum()
    assert len(name) == 24
    assert file_name_for("ab", "c") != file_name_for("a", "bc")
