"""A worker's whole story: whatever happens to one client or window, the others are read, and nothing is raised."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign_processor import process_campaign
from config import Settings
from dialers.accounts import is_of
from messages import CampaignJob, Credential
from simulated_dialer import Rates, SimulatedDialer
from tests.dialers.sources import API, EXPORT, REPORT, day_window, exports_asked, quick, small_world, source, wait_until
from tests.spools.jobs import job_of, only_window, read, rows, visible


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[REPORT]) as dialer:
        yield dialer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path)


def client(dialer: SimulatedDialer | str, number: int, **changes: Any) -> Credential:
    return source(dialer, source_key=f"{number:032}", client_id=f"C{number}", client_name=f"Client {number}", **changes)


def test_a_row_that_accepts_any_certificate_is_told_each_time(tmp_path: Path) -> None:
    told = {}
    for scheme, verify in (("https", False), ("https", True), ("http", False)):
        who = source(f"{scheme}://127.0.0.1:9/", verify_tls=verify)
        outcome = process_campaign(job_of(None, (who, [day_window()])), quick(tmp_path, retry_attempts=1))
        told[scheme, verify] = [notice for notice in outcome.clients[0].notices if "certificate" in notice]
    assert "127.0.0.1:9 is not checked" in told.pop(("https", False))[0]
    assert list(told.values()) == [[], []]


def test_every_window_is_read_sealed_and_counted(dialer: SimulatedDialer, settings: Settings) -> None:
    windows = [day_window(0, 11), day_window(12, 23)]
    outcome = read(dialer, source(dialer), settings, *windows, backfill_id="b1")
    (fared,) = outcome.clients
    assert (outcome.failure, fared.failure, fared.label, fared.notices) == (None, None, "completed", ())
    assert (fared.windows_planned, fared.windows_read, fared.requests, fared.retries) == (2, 2, 3, 0)
    assert fared.bytes_received > 10_000
    assert [window.window for window in outcome.sealed] == windows
    assert {window.backfill_id for window in outcome.sealed} == {"b1"}
    frame = rows(*outcome.sealed)
    assert len(frame) == frame["call_key"].nunique() == visible(dialer)
    for window in outcome.sealed:
        assert [count.hour for count in window.hours] == list(window.window.hours)
        assert sum(count.legs for count in window.hours) == window.rows
    assert list((settings.data_dir / "downloads").iterdir()) == []


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
    assert [fared.client_id for fared in outcome.clients] == [who.client_id for who in clients]
    (window,) = outcome.sealed
    assert (window.client_id, window.rows) == ("C6", visible(dialer))
    (refused,) = outcome.refused
    assert is_of(refused, troubled[0])


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
    with ExitStack() as stack:
        dialers = [stack.enter_context(SimulatedDialer(small_world(), accounts=[REPORT])) for _ in range(3)]
        clients = [(client(each, number), [day_window()]) for number, each in enumerate(dialers)]
        for each in dialers:
            each.misbehave(latency=0.3)
        began = time.monotonic()
        outcome = process_campaign(replace(job_of(dialers[0], *clients), alone=alone), settings)
        took = time.monotonic() - began
        seconds = [fared.seconds for fared in outcome.clients]
    assert [fared.failure for fared in outcome.clients] == [None] * 3
    assert (took > sum(seconds) * 0.9) == alone


def test_clients_of_a_campaign_that_runs_alone_take_turns_in_being_first(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    clients = [(client(dialer, number), [day_window(9, 9)]) for number in range(3)]
    first = set()
    for run in range(10):
        outcome = process_campaign(job_of(dialer, *clients, alone=True, run_id=f"run {run}"), settings)
        assert [fared.client_id for fared in outcome.clients] == ["C0", "C1", "C2"]
        first.add(min(outcome.sealed, key=lambda window: window.read_at).client_id)
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
        wait_until(lambda: exports_asked(dialer) == 4)
        assert exports_asked(silent) <= 2
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
    assert "Please report it" in (outcome.failure or "")
    no_key = Settings(data_dir=tmp_path / "empty")
    outcome = read(dialer, source(dialer), no_key)
    assert (outcome.failure, outcome.clients[0].label) == (None, "program error")


def test_a_program_error_is_told_by_place_and_without_values(
    dialer: SimulatedDialer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (fared,) = read(dialer, source(dialer, report="unheard_of"), settings).clients
    assert fared.failure is not None
    assert fared.failure.startswith("KeyError at readings.py:")
    assert "unheard_of" not in fared.failure + caplog.text


# Time


def test_no_window_is_begun_after_its_time(dialer: SimulatedDialer, settings: Settings) -> None:
    late = dialer.world.now - timedelta(seconds=1)
    outcome = read(dialer, source(dialer), settings, no_new_window_after=late)
    (fared,) = outcome.clients
    assert (fared.failure, fared.label, fared.windows_read, fared.windows_planned) == (None, "completed", 0, 1)
    assert (outcome.sealed, exports_asked(dialer)) == ((), 0)


# One window's trouble


def test_an_empty_500_of_one_window_leaves_the_next_ones(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.misbehave(status=500, requests=2, pages=(EXPORT,))
    windows = [day_window(0, 9), day_window(10, 14), day_window(15, 23)]
    outcome = read(dialer, source(dialer), settings, *windows)
    (fared,) = outcome.clients
    assert fared.label == "dialer error"
    assert "twice" in (fared.failure or "")
    assert [window.window for window in outcome.sealed] == windows[1:]
    assert (fared.windows_planned, fared.windows_read, exports_asked(dialer)) == (3, 2, 4)


def test_any_other_trouble_of_a_window_ends_its_source(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.misbehave(display_errors=True, requests=1, pages=(EXPORT,))
    dialer.misbehave(requests=1, pages=(EXPORT,))
    outcome = read(dialer, source(dialer), settings, day_window(0, 9), day_window(10, 14), day_window(15, 23))
    (fared,) = outcome.clients
    assert (fared.label, fared.windows_read, exports_asked(dialer)) == ("not an export", 1, 2)
    assert [window.window.hours for window in outcome.sealed] == [range(10)]


def test_a_backfill_reads_nothing_in_a_zone_that_the_dialers_clock_contradicts(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """It would put a wrong time to every call of its days, right ones among them."""
    outcome = read(dialer, source(dialer, timezone="Europe/Berlin"), settings, backfill_id="b1")
    (fared,) = outcome.clients
    assert (fared.label, outcome.sealed, exports_asked(dialer)) == ("wrong time zone", (), 0)
    assert "Nothing was read: " in (fared.failure or "")
    assert "Set Timezone of its row" in (fared.failure or "")


# What was read in another time zone

AGAIN = "its time zone is America/New_York now and was another before:"


def with_days_again(dialer: SimulatedDialer, **changes: Any) -> CampaignJob:
    """Its afternoon as usual, then the morning and the noon, which were read in another zone before."""
    job = job_of(dialer, (source(dialer, **changes), [day_window(15, 23)]))
    (only,) = job.clients
    again = day_window(0, 9), day_window(10, 14)
    return replace(job, clients=(replace(only, again=again, misdated=frozenset({again[0].day})),))


def test_what_was_read_in_another_zone_is_read_after_the_rest(dialer: SimulatedDialer, settings: Settings) -> None:
    outcome = process_campaign(with_days_again(dialer), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15, 0, 10]
    (fared,) = outcome.clients
    assert (fared.failure, fared.windows_planned, fared.windows_read) == (None, 3, 3)
    assert fared.notices == (f"{AGAIN} what was read of 1 day has been read again, and call_time is right",)


def test_it_is_left_as_it_was_where_the_dialers_clock_contradicts_the_row(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """A row that was imported with a mistake in its zone must not spoil the times of years."""
    outcome = process_campaign(with_days_again(dialer, timezone="Europe/Berlin"), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15]
    (fared,) = outcome.clients
    assert (fared.label, fared.windows_planned, len(fared.notices)) == ("wrong time zone", 1, 1)
    assert AGAIN not in fared.notices[0]


@pytest.mark.parametrize(
    ("trouble", "read_again"),
    [
        ({"status": 500}, []),
        ({"display_errors": True, "requests": 1}, [10]),
        ({"status": 503}, []),
    ],
)
def test_what_cannot_be_read_again_is_no_failure_of_a_client_that_was_read(
    dialer: SimulatedDialer, settings: Settings, trouble: dict[str, Any], read_again: list[int]
) -> None:
    """A dialer may have forgotten its old days for ever; those after one that it cannot show are tried all the same."""
    dialer.misbehave(pages=(EXPORT,), **trouble)
    dialer.misbehave(requests=1, pages=(EXPORT,))  # the first window comes as it is
    outcome = process_campaign(with_days_again(dialer), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15, *read_again]
    (fared,) = outcome.clients
    assert (fared.failure, fared.label) == (None, "completed")
    assert fared.windows_planned == fared.windows_read
    assert fared.notices[0] == f"{AGAIN} of 1 day that were read, 1 are still to be read again; the next cycles go on"
    assert fared.notices[1].startswith("a day could not be read again, and is tried once more: 127.0.0.1")


def test_a_row_may_want_none_of_a_kind(dialer: SimulatedDialer, settings: Settings) -> None:
    """In-groups of other clients on the same dialer, for instance."""
    ours = dialer.world.centre.campaigns[0]
    who = source(dialer, parameters=(("campaign[]", ours), ("group[]", "---NONE---")))
    frame = rows(only_window(read(dialer, who, settings)))
    assert set(frame["dialer_campaign"]) == {ours}
    assert set(frame["direction"]) == {"outbound"}


def test_a_dialer_that_tells_no_build_and_ignores_hours_is_asked_for_whole_days(settings: Settings) -> None:
    """Its first answer shows more hours than it was asked for."""
    with SimulatedDialer(small_world(rates=Rates.none()), "210303-1000", [REPORT]) as dialer:
        dialer.misbehave(status=404, pages=(API,))
        windows = [day_window(hour, hour, known_legs=1) for hour in range(20, 8, -2)]
        outcome = read(dialer, source(dialer), settings, *windows)
        assert (outcome.clients[0].failure, len(outcome.sealed)) == (None, 2)
        assert exports_asked(dialer) == 2
        assert outcome.clients[0].windows_read == outcome.clients[0].windows_planned


def test_too_many_rows_for_the_dialers_memory_cost_that_window_only(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(rows_before_memory_is_out=100, pages=(EXPORT,))
    outcome = read(dialer, source(dialer), settings, day_window(), day_window(10, 11))
    assert [window.window.hours for window in outcome.sealed] == [range(10, 12)]
    assert "memory_limit" in (outcome.clients[0].failure or "")


# What the version tells


@pytest.mark.parametrize("parameters", [(), (("campaign[]", "---ALL---"), ("group[]", "SALES_IN"))])
def test_a_build_that_cannot_export_everything_is_not_asked_to(
    settings: Settings, parameters: tuple[tuple[str, str], ...]
) -> None:
    with SimulatedDialer(small_world(), "190115-1000", [REPORT]) as dialer:
        (fared,) = read(dialer, source(dialer, parameters=parameters), settings).clients
        assert fared.label == "campaigns not named"
        assert "build 190115" in (fared.failure or "")
        assert exports_asked(dialer) == 0


def test_builds_that_can_or_need_not_are_asked(settings: Settings) -> None:
    with SimulatedDialer(small_world(rates=Rates.none()), "190116-1000", [REPORT]) as dialer:
        assert only_window(read(dialer, source(dialer), settings)).rows == visible(dialer)
    with SimulatedDialer(small_world(), "190115-1000", [REPORT]) as dialer:
        named = source(dialer, parameters=(("campaign[]", dialer.world.centre.campaigns[0]),))
        assert only_window(read(dialer, named, settings)).rows > 0
        agent = source(dialer, report="user_stats", parameters=(("user", "2001"),))
        assert only_window(read(dialer, agent, settings)).rows > 0


def test_a_wrong_time_zone_is_told_and_the_calls_are_read(dialer: SimulatedDialer, settings: Settings) -> None:
    (fared,) = read(dialer, source(dialer, timezone="Europe/Berlin"), settings).clients
    (notice,) = fared.notices
    assert "-5 hours from UTC, which is not Europe/Berlin" in notice
    assert (fared.failure, fared.label, fared.windows_read) == (None, "wrong time zone", 1)


@pytest.mark.parametrize(("seconds", "told"), [(3600, "+60 minutes"), (-420, "-7 minutes"), (240, None)])
def test_a_wrong_clock_is_told(dialer: SimulatedDialer, settings: Settings, seconds: float, told: str | None) -> None:
    dialer.misbehave(clock_offset=seconds, pages=(API,))
    (fared,) = read(dialer, source(dialer), settings).clients
    assert len(fared.notices) == (told is not None)
    assert all(f"wrong by {told}" in notice for notice in fared.notices)
    assert fared.failure is None


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])
def test_zones_of_half_hours_are_not_taken_for_wrong(settings: Settings, zone: str) -> None:
    with SimulatedDialer(small_world(timezone=zone), accounts=[REPORT]) as dialer:
        assert read(dialer, source(dialer, timezone=zone), settings).clients[0].notices == ()
