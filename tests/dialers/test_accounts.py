"""At most one failed login per account and stored password: over threads, processes, campaigns, restarts and kills."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from dialers.accounts import Account as Login
from dialers.fingerprints import is_refusal_of, make_account_key, slow_fingerprint
from dialers.login_notes import LoginNotes, LoginState, Note, notes_path
from errors import (
    AccountLocked,
    AddressBlocked,
    AnswerBroken,
    DialerTimeout,
    LoginRejected,
    LoginUnclear,
    NotPermitted,
    SyncError,
    TwoFactorRequired,
)
from messages import Source
from simulated_dialer import Account, SimulatedDialer
from tests.dialers.sources import (
    EXPORT,
    REPORT,
    STATS,
    address_of,
    connect_to,
    count_exports,
    download,
    listener,
    quick,
    small_world,
    source,
    wait_until,
)
from tests.dialers.test_slots import asking
from tests.simulated_dialer.client import export
from utils import utc_now

HOUR = timedelta(hours=1)


def outcome(who: Source, settings: Settings, run_id: str = "run") -> str:
    try:
        download(who, settings, run_id)
    except SyncError as exc:
        return type(exc).__name__
    return "fine"


def notes(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "accounts").glob("*.json")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def edit_notes(folder: Path, **changes: Any) -> None:
    """What time or an operator would do; ``since`` is changed in every password's note."""
    (path,) = (folder / "accounts").glob("*.json")
    content = notes(folder)
    for note in content["passwords"].values():
        note["since"] = changes.get("since", note["since"])
    content["locked_until"] = changes.get("locked_until", content["locked_until"])
    path.write_text(json.dumps(content))


def in_threads(who: Source, settings: Settings, count: int) -> list[str]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: outcome(who, settings), range(count)))


def test_a_wrong_password_is_sent_once_by_many_threads_and_never_by_later_runs(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        wrong = source(dialer, password="wrong")
        dialer.misbehave(latency=0.2, pages=(EXPORT,))
        assert in_threads(wrong, settings, 8) == ["LoginRejected"] * 8
        assert [outcome(wrong, settings, run) for run in ("later", "last")] == ["LoginRejected"] * 2
        assert (dialer.seen.failed_logins, count_exports(dialer)) == ({"report": 1}, 1)


def test_a_wrong_password_is_sent_once_by_many_processes(tmp_path: Path) -> None:
    quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(latency=0.3, pages=(EXPORT,))
        processes = [asking(tmp_path, dialer.url, "wrong", f"run{number % 2}", "2", "1", "9") for number in range(4)]
        outcomes = [process.communicate(timeout=30)[0].split() for process in processes]
        assert outcomes == [["LoginRejected"] * 2] * 4
        assert (dialer.seen.failed_logins, count_exports(dialer)) == ({"report": 1}, 1)


def test_the_first_request_of_an_account_in_a_run_goes_alone(tmp_path: Path) -> None:
    settings = quick(tmp_path, http_timeout=5, request_timeout=5)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        for run_id in ("first", "second"):
            before = count_exports(dialer)
            dialer.misbehave(latency=0.5, pages=(EXPORT,))
            with ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(outcome, source(dialer), settings, run_id) for _ in range(4)]
                wait_until(lambda count=before: count_exports(dialer) > count)  # type: ignore[misc]
                until = time.monotonic() + 0.2
                while time.monotonic() < until:
                    assert count_exports(dialer) == before + 1
                assert [each.result(10) for each in asked] == ["fine"] * 4
        assert dialer.seen.most_requests_at_once == 1


@pytest.mark.parametrize(("seconds", "together"), [(60, 2), (0, 1), (-60, 1)])
def test_in_a_long_run_two_requests_of_an_account_wait_for_their_answers(
    tmp_path: Path, seconds: int, together: int
) -> None:
    settings = quick(tmp_path, http_timeout=5, request_timeout=5)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        assert outcome(source(dialer), settings) == "fine"
        path = notes_path(tmp_path / "accounts", source(dialer).host, REPORT.user)
        noted = json.loads(path.read_text(encoding="utf-8"))
        for note in noted["passwords"].values():
            note["since"] = (utc_now() - timedelta(seconds=seconds)).isoformat()
        path.write_text(json.dumps(noted), encoding="utf-8")
        dialer.misbehave(latency=0.2, pages=(EXPORT,))
        assert in_threads(source(dialer, max_connections=8), settings, 8) == ["fine"] * 8
        assert dialer.seen.most_requests_at_once == together


@pytest.mark.parametrize("connections", [2, 50])
def test_a_password_that_is_changed_in_mid_run_fails_once(tmp_path: Path, connections: int) -> None:
    settings = quick(tmp_path, http_timeout=5, request_timeout=5)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer, max_connections=connections)
        assert outcome(who, settings) == "fine"
        dialer.misbehave(latency=0.1, pages=(EXPORT,))
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(outcome, who, settings) for _ in range(24)]
            wait_until(lambda: count_exports(dialer) > 6)
            dialer.change_account(replace(REPORT, password="another"))
            assert {each.result(20) for each in asked} == {"fine", "LoginRejected"}
        assert dialer.seen.failed_logins == {"report": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"salt": 1}', b"\xff", b'{"salt": "a", "passwords": {"x": {"state": "y"}}}'],
)
def test_damaged_notes_block_nobody_and_risk_one_request(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        wrong = source(dialer, password="wrong")
        assert outcome(wrong, settings) == "LoginRejected"
        path = notes_path(tmp_path / "accounts", wrong.host, REPORT.user)
        path.write_bytes(content)
        assert in_threads(wrong, settings, 4) == ["LoginRejected"] * 4
        assert dialer.seen.failed_logins == {"report": 2}
        assert f"{path} is damaged" in caplog.text
        path.write_bytes(content)
        assert outcome(source(dialer), settings) == "fine"


def test_a_refusal_in_the_middle_of_a_run_stops_every_request(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as before:
        who = source(before)
        assert outcome(who, settings) == "fine"
    changed = Account("report", "changed")
    with SimulatedDialer(small_world(), accounts=[changed], port=before.port) as dialer:
        assert [outcome(who, settings) for _ in range(3)] == ["LoginRejected"] * 3
        assert in_threads(who, settings, 4) == ["LoginRejected"] * 4
        assert dialer.seen.failed_logins == {"report": 1}
        assert count_exports(dialer) == 1


def test_a_corrected_password_works_at_once_and_in_the_same_run(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        assert outcome(source(dialer, password="wrong"), settings) == "LoginRejected"
        assert outcome(source(dialer), settings) == "fine"


def test_a_password_that_the_dialer_learned_is_sent_again_once_it_is_released(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        who = source(dialer, password="new")
        assert outcome(who, settings) == "LoginRejected"
    with SimulatedDialer(small_world(), accounts=[Account("report", "new")], port=dialer.port):
        assert outcome(who, settings) == "LoginRejected"
        notes = LoginNotes(tmp_path / "accounts", who)
        states = (LoginState.UNANSWERED, LoginState.WORKS, LoginState.REFUSED, LoginState.REFUSED)
        assert [notes.delete_if({state}) for state in states] == [False, False, True, False]
        assert outcome(who, settings) == "fine"


@pytest.mark.parametrize("wrong_first", [True, False])
def test_a_wrong_row_does_not_stop_a_right_one_of_the_same_account(tmp_path: Path, wrong_first: bool) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        right, wrong = source(dialer), source(dialer, password="wrong")
        for _ in range(2):
            for who in (wrong, right) if wrong_first else (right, wrong):
                assert outcome(who, settings) == ("fine" if who is right else "LoginRejected")
        assert outcome(right, settings, "next run") == "fine"
        assert dialer.seen.failed_logins == {"report": 1}


def test_a_locked_account_is_left_alone_for_fifteen_minutes_whatever_the_password(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        for _ in range(10):
            export(dialer, ("report", "by somebody else"))
        asked = count_exports(dialer)
        assert outcome(source(dialer), settings) == "AccountLocked"
        until = datetime.fromisoformat(notes(tmp_path)["locked_until"])
        assert timedelta(minutes=15) <= until - utc_now() <= timedelta(minutes=17)
        for password in ("secret", "another"):
            with pytest.raises(AccountLocked, match=f"before {until:%Y-%m-%d %H:%M} UTC"):
                download(source(dialer, password=password), settings, "next run")
        assert count_exports(dialer) == asked + 1
        edit_notes(tmp_path, locked_until=(utc_now() - timedelta(seconds=1)).isoformat())
        dialer.clock.advance(timedelta(minutes=16))
        assert outcome(source(dialer), settings, "after it") == "fine"


@pytest.mark.parametrize(
    ("account", "wrong", "kind", "advice"),
    [
        (Account("report", "secret", needs_second_factor=True), {}, TwoFactorRequired, "exemption from 2FA"),
        (REPORT, {"ip_block": True}, AddressBlocked, "IP list"),
        (Account("report", "secret", view_reports=False), {}, NotPermitted, "'View Reports'"),
        (Account("report", "secret", export_reports=False), {}, NotPermitted, "'Export Reports'"),
        (Account("report", "secret", allowed_reports=("User Stats",)), {}, NotPermitted, "'Allowed Reports'"),
    ],
)
def test_a_missing_right_is_told_with_advice_and_is_no_refused_login(
    tmp_path: Path, account: Account, wrong: dict[str, Any], kind: type[SyncError], advice: str
) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[account]) as dialer:
        dialer.misbehave(**wrong)
        with connect_to(source(dialer), settings) as ours, pytest.raises(kind, match=advice):
            ours.download(EXPORT, [("run_export", "1")], tmp_path / "x")
        assert (count_exports(dialer), ours.traffic.retries, ours.refused) == (1, 0, None)
        assert dialer.seen.failed_logins == {}
    with SimulatedDialer(small_world(), accounts=[REPORT], port=dialer.port):
        assert outcome(source(dialer), settings) == "fine"


def test_user_stats_tells_a_missing_second_factor_too(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    account = Account("report", "secret", needs_second_factor=True)
    with (
        SimulatedDialer(small_world(), accounts=[account]) as dialer,
        connect_to(source(dialer), settings) as ours,
        pytest.raises(TwoFactorRequired),
    ):
        ours.download(STATS, [("user", "2001"), ("file_download", "6")], tmp_path / "x")


def test_a_kill_in_the_very_first_request_costs_at_most_one_more(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(hang=True, pages=(EXPORT,))
        for number, run_id in enumerate(("first", "second"), 1):
            process = asking(tmp_path, dialer.url, "wrong", run_id, "1", "1", "1")
            wait_until(lambda count=number: count_exports(dialer) == count)  # type: ignore[misc]
            process.kill()
            process.communicate()
        dialer.behave()
        wrong = source(dialer, password="wrong")
        assert [outcome(wrong, settings, run) for run in ("third", "fourth")] == ["LoginUnclear"] * 2
        assert dialer.seen.failed_logins == {"report": 2}


@pytest.mark.parametrize(
    ("wrong", "kind"), [({"hang": True}, DialerTimeout), ({"reset_after": 0}, AnswerBroken)], ids=["hang", "reset"]
)
def test_a_first_request_that_is_cut_off_is_not_repeated_in_its_run_and_then_spaced(
    tmp_path: Path, wrong: dict[str, Any], kind: type[SyncError]
) -> None:
    settings = quick(tmp_path, http_timeout=0.3)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(pages=(EXPORT,), **wrong)
        who = source(dialer, password="wrong")
        for number, run_id in enumerate(("first", "second"), 1):
            with pytest.raises(kind):
                download(who, settings, run_id)
            with pytest.raises(LoginUnclear, match=f"the {number} first requests"):
                download(who, settings, run_id)
        with pytest.raises(LoginUnclear, match=f"after {utc_now() + HOUR:%Y-%m-%d %H:}"):
            download(who, settings, "third")
        assert dialer.seen.failed_logins == {"report": 2}
        assert not LoginNotes(tmp_path / "accounts", who).delete_if({LoginState.REFUSED})
        edit_notes(tmp_path, since=(utc_now() - HOUR).isoformat())
        dialer.behave()
        assert outcome(who, settings, "an hour later") == "LoginRejected"


def test_a_refusal_that_drips_for_ever_is_not_taken_for_no_answer_at_all(tmp_path: Path) -> None:
    def drip(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    settings = quick(tmp_path, request_timeout=0.5)
    with listener(drip) as port:
        who = source(f"http://127.0.0.1:{port}/vicidial/")
        with pytest.raises(DialerTimeout, match=r"longer than 0\.5 seconds"):
            download(who, settings)
        with pytest.raises(LoginUnclear):
            download(who, settings)


@pytest.mark.parametrize("ahead", [HOUR, 10 * 24 * HOUR, 20 * 365 * 24 * HOUR])
def test_a_lock_that_a_wrong_clock_noted_lasts_sixteen_minutes_from_its_first_sight(
    tmp_path: Path, ahead: timedelta
) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        assert outcome(source(dialer), settings) == "fine"
        edit_notes(tmp_path, locked_until=(utc_now() + ahead).isoformat())
        assert outcome(source(dialer), settings, "second") == "AccountLocked"
        bounded = datetime.fromisoformat(notes(tmp_path)["locked_until"])
        assert timedelta(minutes=15) <= bounded - utc_now() <= timedelta(minutes=16)
        assert outcome(source(dialer), settings, "third") == "AccountLocked"
        assert datetime.fromisoformat(notes(tmp_path)["locked_until"]) == bounded


@pytest.mark.parametrize(("tries", "expected"), [(1, "fine"), (2, "LoginUnclear")])
def test_a_try_that_a_wrong_clock_noted_counts_from_its_first_sight(tmp_path: Path, tries: int, expected: str) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(pages=(EXPORT,), latency=10)
        who = source(dialer)
        for run_id in ("first", "second")[:tries]:
            outcome(
                who,
                replace(settings, http_timeout=timedelta(seconds=0.3), request_timeout=timedelta(seconds=0.3)),
                run_id,
            )
        dialer.behave()
        assert {note["tries"] for note in notes(tmp_path)["passwords"].values()} == {tries}
        edit_notes(tmp_path, since=(utc_now() + 240 * HOUR).isoformat())
        assert outcome(who, settings, "later") == expected
        (note,) = notes(tmp_path)["passwords"].values()
        assert datetime.fromisoformat(note["since"]) <= utc_now()


@pytest.mark.parametrize(("tries", "hours"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (7, 32), (8, 32), (100, 32)])
def test_the_time_between_unanswered_tries_doubles(tries: int, hours: int) -> None:
    since = datetime(2026, 3, 2, 10, tzinfo=UTC)
    note = Note(state=LoginState.UNANSWERED, run_id="run", since=since.isoformat(), tries=tries)
    assert note.next_try == since + hours * HOUR


def test_a_password_that_worked_before_is_tried_again_after_a_cut(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        assert outcome(source(dialer), settings) == "fine"
        dialer.misbehave(cut_after=100, requests=1, pages=(EXPORT,))
        assert outcome(source(dialer), settings, "next run") == "fine"
        assert count_exports(dialer) == 3


def test_notes_written_at_the_same_time_do_not_undo_each_other(tmp_path: Path) -> None:
    make_account_key(tmp_path)
    for number in range(5):
        who = source(f"http://d{number}/")
        logins = [Login(tmp_path, replace(who, password=f"p{each}"), "run") for each in range(4)]
        together = threading.Barrier(5)

        def write(act: Any, barrier: threading.Barrier = together) -> None:
            barrier.wait()
            act()

        with ThreadPoolExecutor(5) as pool:
            locked = Login(tmp_path, who, "run").record_lock
            done = [pool.submit(write, act) for act in (locked, *(login.record_refusal for login in logins))]
            assert [each.result(10) for each in done] == [None] * 5
        content = json.loads(notes_path(tmp_path, who.host, who.username).read_text())
        assert content["locked_until"]
        assert [note["state"] for note in content["passwords"].values()] == ["refused"] * 4


def test_what_the_warehouse_remembers_of_a_refusal_fits_that_password_alone(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        wrong = source(dialer, password="wrong")
        with connect_to(wrong, settings) as ours, pytest.raises(LoginRejected):
            ours.download(EXPORT, [("run_export", "1")], tmp_path / "x")
    assert ours.refused is not None
    with connect_to(wrong, settings, "next run") as later, pytest.raises(LoginRejected):
        later.download(EXPORT, [("run_export", "1")], tmp_path / "x")  # the first may not have lived to tell
    assert later.refused is not None
    assert is_refusal_of(later.refused, wrong)
    assert is_refusal_of(ours.refused, wrong)
    assert not is_refusal_of(ours.refused, source(dialer))
    assert not is_refusal_of(ours.refused, replace(wrong, username="other"))
    assert not is_refusal_of(ours.refused, replace(wrong, address=address_of("http://other/")))
    assert "wrong" not in repr(ours.refused)
    assert slow_fingerprint("wrong", "00") != slow_fingerprint("wrong", "01")


def test_the_key_is_made_once_and_differs_between_folders(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "a", "b"):
        make_account_key(tmp_path / name)
        keys.append((tmp_path / name / "key").read_bytes())
    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) == 32
