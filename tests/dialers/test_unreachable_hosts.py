"""One client of a run finds out that a host does not answer at all; the others of that host do not wait again."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from dialers.unreachable_hosts import SILENT_FOR, UnreachableHosts
from errors import DialerTimeout, DialerUnreachable, Label, NoTLS
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import API, REPORT, connect_to, download, download_through, quick, small_world, source
from utils import utc_now


def test_a_dialer_that_hangs_is_waited_for_once_in_a_run_and_asked_anew_by_the_next(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer, ThreadPoolExecutor(5) as pool:
        dialer.misbehave(hang=True)
        who = source(dialer, max_connections=1)

        def ask(_: int) -> type[BaseException]:
            with pytest.raises((DialerTimeout, DialerUnreachable)) as caught, connect_to(who, settings) as ours:
                ours.version()
            return caught.type

        assert Counter(pool.map(ask, range(5))) == {DialerTimeout: 1, DialerUnreachable: 4}
        assert dialer.seen.requests_by_page == {API: 1}
        assert ask(0) is DialerUnreachable
        dialer.behave()
        with connect_to(who, settings, "next run") as ours:
            assert ours.version() is not None
        assert download(who, settings)


def test_whoever_has_heard_of_it_goes_on_and_takes_the_note_back(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer)
        with connect_to(who, settings) as ours, connect_to(who, settings) as another:
            ours.ask_version()
            hosts, origin = UnreachableHosts(settings.data_dir), who.address.origin
            hosts.note_silence(origin, "run")
            assert hosts.is_silent(origin, "run")
            with pytest.raises(DialerUnreachable, match="did not answer another client a moment ago"):
                another.ask_version()
            assert download_through(ours, settings)
            assert not hosts.is_silent(origin, "run")
            assert another.ask_version()


def test_a_row_that_names_the_wrong_scheme_stops_no_other_row(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        right = source(dialer)
        wrong = source(dialer.url.replace("http:", "https:"))
        with connect_to(wrong, settings) as ours, pytest.raises(NoTLS):
            ours.version()
        hosts, origin = UnreachableHosts(settings.data_dir), wrong.address.origin
        assert not hosts.is_silent(origin, "run")
        hosts.note_silence(origin, "run")
        with connect_to(right, settings) as ours:
            assert ours.version() is not None


def test_a_refused_connection_is_tried_by_one_client_of_a_run(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world()) as dialer:
        who = source(dialer)
    for why in ("connection refused", "did not answer another client"):
        with connect_to(who, settings) as ours, pytest.raises(DialerUnreachable, match=why):
            ours.version()


def test_a_note_holds_for_a_moment_and_is_not_renewed_by_those_it_turned_away(tmp_path: Path) -> None:
    hosts, origin = UnreachableHosts(tmp_path), "https://dialer.example"
    hosts.note_silence(origin, "run")
    (path,) = (tmp_path / "hosts").iterdir()

    def is_silent_after(age: timedelta) -> bool:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["silence"]["at"] = (utc_now() - age).isoformat()
        path.write_text(json.dumps(record), encoding="utf-8")
        return hosts.is_silent(origin, "run")

    assert is_silent_after(SILENT_FOR - timedelta(seconds=30))
    before = path.read_bytes()
    hosts.note_silence(origin, "run")
    assert path.read_bytes() == before
    assert not is_silent_after(SILENT_FOR + timedelta(seconds=30))


def test_a_note_in_a_run_and_the_failures_of_cycles_do_not_undo_each_other(tmp_path: Path) -> None:
    hosts, origin, now = UnreachableHosts(tmp_path), "https://dialer.example", utc_now()
    for _ in range(4):
        hosts.note_silence(origin, "run")
        hosts.note_cycle(origin, {DialerTimeout.label}, now)
    hosts.note_answer(origin)
    assert not hosts.is_silent(origin, "run")
    ((failures, _),) = hosts.find_resting([origin], timedelta(minutes=15), now).values()
    assert failures.cycles == 4
    hosts.note_cycle(origin, {DialerTimeout.label, Label.COMPLETED}, now)
    assert list((tmp_path / "hosts").iterdir()) == []
