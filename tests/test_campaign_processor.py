"""A worker's campaign: clients are read side by side, fairly and in time, and nothing is raised."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign_processor import process_campaign, time_for_windows
from config import Settings
from dialers.fingerprints import is_refusal_of
from messages import Source
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import (
    API,
    EXPORT,
    REPORT,
    count_exports,
    day_window,
    quick,
    small_world,
    source,
    wait_until,
)
from tests.reading.jobs import job_of, read, visible
from utils import utc_now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path)


def client(dialer: SimulatedDialer | str, number: int, **changes: Any) -> Source:
    return source(dialer, source_key=f"{number:032}", client_id=f"C{number}", client_name=f"Client {number}", **changes)


def test_one_clients_trouble_leaves_the_others(dialer: SimulatedDialer, settings: Settings, tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as gone:
        dead = gone.url
    troubled = [
        client(dialer, 1, password="wrong"),
        client(dead, 2),
        client(dialer, 3, report="unheard_of"),
        client(dialer, 4, timezone="Nowhere/Land"),
        client(dialer, 5, password="\ud800"),  # cannot be encoded
    ]
    clients = [*troubled, client(dialer, 6)]
    settings = replace(settings, retry_attempts=1)
    outcome = process_campaign(job_of(dialer, *((who, [day_window()]) for who in clients)), settings)
    assert outcome.failure is None
    labels = [fared.label for fared in outcome.clients]
    assert labels == ["login rejected", "dialer unreachable", *["program error"] * 3, "completed"]
    assert [fared.source.client_id for fared in outcome.clients] == [who.client_id for who in clients]
    (window,) = outcome.sealed
    assert (window.source.client_id, window.rows) == ("C6", visible(dialer))
    (refused,) = outcome.refused
    assert is_refusal_of(refused, troubled[0])


def test_a_backfill_asks_a_silent_dialer_again_for_each_client_and_day(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    settings = replace(settings, http_timeout=timedelta(seconds=0.3), retry_attempts=1)
    dialer.misbehave(hang=True)
    clients = [(client(dialer, number, max_connections=1), [day_window()]) for number in range(2)]
    asked = []
    for backfill_id in ("b1", None, "b1"):  # the second one leaves a note
        process_campaign(job_of(dialer, *clients, backfill_id=backfill_id), settings)
        asked.append(dialer.seen.requests_by_page[API])
    assert asked == [2, 3, 5]


@pytest.mark.parametrize("alone", [False, True])
def test_a_campaign_that_runs_alone_reads_one_client_at_a_time(tmp_path: Path, *, alone: bool) -> None:
    settings = replace(quick(tmp_path), concurrent_requests=3)
    accounts = [replace(REPORT, user=f"report{number}") for number in range(3)]  # one login of an account at a time
    with SimulatedDialer(small_world(), accounts=accounts) as dialer:
        clients = [
            (client(dialer, number, username=account.user), [day_window()]) for number, account in enumerate(accounts)
        ]
        dialer.misbehave(latency=0.3)
        outcome = process_campaign(replace(job_of(dialer, *clients), alone=alone), settings)
        most = dialer.seen.most_requests_at_once
    assert [fared.failure for fared in outcome.clients] == [None] * 3
    assert (most == 1) == alone


def test_clients_of_a_campaign_that_runs_alone_take_turns_in_being_first(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    clients = [(client(dialer, number), [day_window(9, 9)]) for number in range(3)]
    first = set()
    for run in range(10):
        outcome = process_campaign(job_of(dialer, *clients, alone=True, run_id=f"run {run}"), settings)
        assert [fared.source.client_id for fared in outcome.clients] == ["C0", "C1", "C2"]
        first.add(min(outcome.sealed, key=lambda window: window.read_at).source.client_id)
    assert first == {"C0", "C1", "C2"}


def test_clients_whose_dialer_hangs_leave_threads_to_those_of_others(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """One waits for its answer, one more has a connection, and the rest would only wait for that."""
    long = timedelta(seconds=30)
    settings = replace(settings, concurrent_requests=3, http_timeout=long, request_timeout=long, retry_attempts=1)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as silent, ThreadPoolExecutor(1) as pool:
        silent.misbehave(hang=True, pages=(EXPORT,))
        clients = [client(silent, n, username=f"silent-{n}", max_connections=2) for n in range(3)]
        clients += [client(dialer, n) for n in range(10, 14)]
        reading = pool.submit(process_campaign, job_of(dialer, *((who, [day_window()]) for who in clients)), settings)
        wait_until(lambda: count_exports(dialer) == 4)
        assert count_exports(silent) <= 2
        silent.stop()
        failed = [fared.failure is not None for fared in reading.result().clients]
    assert failed == [True] * 3 + [False] * 4


def test_a_wrong_password_of_many_clients_and_campaigns_is_sent_once(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    clients = [(client(dialer, number, password="wrong"), [day_window(), day_window()]) for number in range(5)]
    for job_id in ("0000", "0001"):
        outcome = process_campaign(job_of(dialer, *clients, job_id=job_id), settings)
        assert [fared.label for fared in outcome.clients] == ["login rejected"] * 5
        assert len(outcome.refused) == 5
    assert dialer.seen.failed_logins == {"report": 1}


def test_a_job_without_clients_or_key_is_a_failure_and_no_exception(dialer: SimulatedDialer, tmp_path: Path) -> None:
    outcome = process_campaign(job_of(dialer), quick(tmp_path))
    assert outcome.label == "program error"
    assert "Please report it" in str(outcome.failure)
    no_key = Settings(data_dir=tmp_path / "empty")
    outcome = read(dialer, source(dialer), no_key)
    assert (outcome.failure, outcome.clients[0].label) == (None, "warehouse")


# Time


def test_no_window_is_begun_after_its_time(dialer: SimulatedDialer, settings: Settings) -> None:
    late = dialer.world.now - timedelta(seconds=1)
    outcome = read(dialer, source(dialer), settings, no_new_window_after=late)
    (fared,) = outcome.clients
    assert (fared.failure, fared.label, fared.windows_read, fared.windows_planned) == (None, "completed", 0, 1)
    assert (outcome.sealed, count_exports(dialer)) == ((), 0)


@pytest.mark.parametrize("shift", [timedelta(), timedelta(days=30)])
def test_a_cycle_takes_its_interval_also_where_the_clock_was_set_meanwhile(shift: timedelta) -> None:
    settings, now = Settings(cycle_interval=timedelta(minutes=15)), utc_now()
    job = replace(job_of(None), clock_shift=shift, no_new_window_after=now + shift + timedelta(minutes=15))
    planned = {ahead: time_for_windows(job, settings, now + timedelta(minutes=ahead)) for ahead in (-1440, 0, 5, 1440)}
    assert {ahead: each / timedelta(minutes=1) for ahead, each in planned.items()} == {
        -1440: 15, 0: 15, 5: 10, 1440: -1425,
    }  # fmt: skip
    alone = replace(job, alone=True, no_new_window_after=job.no_new_window_after + timedelta(minutes=15))
    assert time_for_windows(alone, settings, now - timedelta(days=1)) == timedelta(minutes=30)
    backfill = replace(job, backfill_id="b", no_new_window_after=now + shift + timedelta(days=3650))
    assert time_for_windows(backfill, settings, now) == timedelta(days=3650)
