"""One client of a run finds out that a host does not answer at all; the others of that host do not wait again."""

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dialers.silences import A_MOMENT, HostSilence
from dialers.slots import file_name_of
from errors import DialerTimeout, DialerUnreachable, NoTLS
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import API, REPORT, download, downloaded_by, quick, small_world, source, talking


def test_a_dialer_that_hangs_is_waited_for_once_in_a_run_and_asked_anew_by_the_next(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer, ThreadPoolExecutor(5) as pool:
        dialer.misbehave(hang=True)
        who = source(dialer, max_connections=1)

        def ask(_: int) -> type[BaseException]:
            with pytest.raises((DialerTimeout, DialerUnreachable)) as caught, talking(who, settings) as ours:
                ours.version()
            return caught.type

        assert Counter(pool.map(ask, range(5))) == {DialerTimeout: 1, DialerUnreachable: 4}
        assert dialer.seen.requests_by_page == {API: 1}
        assert ask(0) is DialerUnreachable
        dialer.behave()
        with talking(who, settings, "next run") as ours:
            assert ours.version() is not None
        assert download(who, settings)


def test_whoever_has_heard_of_it_goes_on_and_takes_the_note_back(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer)
        with talking(who, settings) as ours, talking(who, settings) as another:
            ours.version()
            silence = HostSilence(settings.data_dir / "slots", who.origin, "run")
            silence.note()
            assert silence.is_noted()
            with pytest.raises(DialerUnreachable, match="did not answer another client a moment ago"):
                another.version()
            assert downloaded_by(ours, settings)
            assert not silence.is_noted()
            assert another.version() is not None


def test_a_row_that_names_the_wrong_scheme_stops_no_other_row(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        right = source(dialer)
        wrong = source(dialer.url.replace("http:", "https:"))
        with talking(wrong, settings) as ours, pytest.raises(NoTLS):
            ours.version()
        assert not HostSilence(settings.data_dir / "slots", wrong.origin, "run").is_noted()
        HostSilence(settings.data_dir / "slots", wrong.origin, "run").note()
        with talking(right, settings) as ours:
            assert ours.version() is not None


def test_a_refused_connection_is_tried_by_one_client_of_a_run(tmp_path: Path) -> None:
    settings = quick(tmp_path, retry_attempts=1)
    with SimulatedDialer(small_world()) as dialer:
        who = source(dialer)
    for why in ("connection refused", "did not answer another client"):
        with talking(who, settings) as ours, pytest.raises(DialerUnreachable, match=why):
            ours.version()


def test_a_note_holds_for_a_moment_and_is_not_renewed_by_those_it_turned_away(tmp_path: Path) -> None:
    silence = HostSilence(tmp_path, "https://dialer.example", "run")
    path = tmp_path / f"{file_name_of('https://dialer.example')}.silent"
    silence.note()
    almost = time.time() - A_MOMENT + 30
    os.utime(path, (almost, almost))
    silence.note()
    assert path.stat().st_mtime == pytest.approx(almost, abs=1)
    assert silence.is_noted()
    os.utime(path, (almost - 60, almost - 60))
    assert not silence.is_noted()
