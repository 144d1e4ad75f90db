"""A dialer is asked for its build and clock once in a run, however many sources and workers there are."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from campaign_processor import process_campaign
from dialers.slots import file_name_for
from dialers.version_cache import FRESH, TURN_SECONDS, VersionAnswer, VersionCache
from dialers.versions import DialerVersion
from errors import RequestCancelled
from messages import CampaignJob
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import API, REPORT, connect_to, day_window, quick, small_world, source
from tests.reading.jobs import job_of
from utils import utc_now

TOLD = DialerVersion(build=250720, now=datetime(2026, 3, 2, 17, tzinfo=UTC), utc_offset=timedelta(hours=-5))


def shared(folder: Path, run_id: str = "run", **changes: bool) -> VersionCache:
    return VersionCache(folder, source("https://127.0.0.1/vicidial/", **changes), run_id)


def nothing_to_check() -> None:
    """Nobody wants to end."""


def test_many_sources_of_one_dialer_ask_it_once_in_a_run(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer, ThreadPoolExecutor(6) as pool:
        who = source(dialer, max_connections=4)

        def ask(run_id: str) -> int:
            with connect_to(who, settings, run_id) as ours:
                version = ours.version()
            assert version is not None
            assert abs(version.now - dialer.world.now) < timedelta(seconds=30)
            return version.build

        assert set(pool.map(ask, ["run"] * 6)) == {250720}
        assert dialer.seen.requests_by_page == {API: 1}
        assert set(pool.map(ask, ["next run"] * 3)) == {250720}
        assert dialer.seen.requests_by_page == {API: 2}


def test_workers_of_several_campaigns_ask_it_once(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer, ThreadPoolExecutor(3) as pool:
        clients = [(source(dialer, source_key=f"{number:032}"), [day_window(9, 9)]) for number in range(3)]
        jobs: list[CampaignJob] = [job_of(dialer, *clients, job_id=f"{number:04}") for number in range(3)]
        outcomes = list(pool.map(lambda job: process_campaign(job, settings), jobs))
        assert {fared.failure for outcome in outcomes for fared in outcome.clients} == {None}
        assert dialer.seen.requests_by_page[API] == 1


def test_a_dialer_that_does_not_tell_is_asked_once_as_well(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer, ExitStack() as stack:
        dialer.misbehave(status=404, pages=(API,))
        several = [stack.enter_context(connect_to(source(dialer), settings)) for _ in range(3)]
        assert [each.version() for each in several] == [None] * 3
        assert dialer.seen.requests_by_page == {API: 1}


def test_the_clock_of_an_answer_goes_on() -> None:
    asked_at = utc_now()
    later = VersionAnswer(version=TOLD, asked_at=asked_at).at(asked_at + timedelta(minutes=7))
    assert later.version == replace(TOLD, now=TOLD.now + timedelta(minutes=7))


def test_an_answer_is_of_its_run_and_recent_and_of_rows_that_check_the_same(tmp_path: Path) -> None:
    assert shared(tmp_path).read() is None
    shared(tmp_path).store(VersionAnswer(version=TOLD, asked_at=utc_now()))
    known = shared(tmp_path).read()
    assert known is not None
    assert known.version is not None
    assert known.version.build == TOLD.build
    assert shared(tmp_path, "next run").read() is None
    assert shared(tmp_path, verify_tls=False).read() is None
    for off in (FRESH, -timedelta(minutes=1)):
        shared(tmp_path).store(VersionAnswer(version=TOLD, asked_at=utc_now() - off))
        assert shared(tmp_path).read() is None


@pytest.mark.parametrize("text", ["", "[]", '{"run_id": "run"}', '{"run_id": "run", "asked_at": 7, "version": [1]}'])
def test_a_file_that_means_nothing_is_no_answer(tmp_path: Path, text: str) -> None:
    shared(tmp_path).store(VersionAnswer(version=TOLD, asked_at=utc_now()))
    (path,) = tmp_path.glob("*.version")
    path.write_text(text, encoding="utf-8")
    assert shared(tmp_path).read() is None


def test_whoever_asks_for_long_holds_up_no_other_for_long(tmp_path: Path) -> None:
    name = file_name_for("https://127.0.0.1/vicidial/", "verified")
    with FileLock(tmp_path / f"{name}.asking"):
        began = time.monotonic()
        with shared(tmp_path).turn(nothing_to_check):
            assert time.monotonic() - began >= TURN_SECONDS
        with pytest.raises(RequestCancelled), shared(tmp_path).turn(_wants_to_end):
            raise AssertionError("it waits no longer")
    with shared(tmp_path).turn(_wants_to_end):
        """It is free again: nothing has to be waited for."""


def _wants_to_end() -> None:
    raise RequestCancelled("127.0.0.1")
