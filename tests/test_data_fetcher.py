"""HTTP to one dialer, over real sockets: requests, waits, retries, and requests never repeated."""

import gzip
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import xxhash
from tenacity import Future, RetryCallState, Retrying

from data_fetcher import Download
from dialers.downloads import START_BYTES
from dialers.retries import seconds_to_wait
from errors import (
    AnswerBroken,
    CertificateInvalid,
    DialerBusy,
    DialerFailed,
    DialerRefused,
    DialerTimeout,
    DialerUnreachable,
    GatewayFailed,
    LoginRejected,
    NoTLS,
    PhpMessagesShown,
    RedirectRefused,
    ReportUnknown,
    RequestCancelled,
    SyncError,
)
from simulated_dialer import Account, SimulatedDialer
from tests.dialers.certificates import self_signed
from tests.dialers.sources import (
    API,
    EXPORT,
    FORM,
    REPORT,
    connect_to,
    count_exports,
    download,
    download_through,
    listener,
    quick,
    read_request,
    small_world,
    source,
)
from tests.simulated_dialer.client import export

BODY = b"call_date\tx\r\n2026-03-02 10:00:00\t1\r\n"
EXPORT_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x\r\n"
)


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        yield dialer


def seconds(act: Callable[[], Any], kind: type[SyncError]) -> float:
    started = time.monotonic()
    with pytest.raises(kind):
        act()
    return time.monotonic() - started


# How it asks


def test_an_export_is_asked_for_by_post_with_the_login_sent_at_once(dialer: SimulatedDialer, tmp_path: Path) -> None:
    whole = export(dialer).body
    asked = dialer.seen.requests
    assert download(source(dialer), quick(tmp_path)) == whole
    assert dialer.seen.requests == asked + 1
    last = dialer.seen.log[-1]
    assert (last.method, last.page, last.user) == ("POST", EXPORT, "report")
    assert last.parameters == tuple(FORM)


def test_the_version_is_asked_for_without_a_login(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with connect_to(source(dialer, password="wrong"), quick(tmp_path)) as ours:
        version = ours.version()
    assert version is not None
    assert (version.build, version.now) == (250720, dialer.world.now)
    assert version.utc_offset == timedelta(hours=-5)
    assert (dialer.seen.log[-1].user, dialer.seen.failed_logins) == ("", {})


def test_a_build_of_five_digits_is_understood(tmp_path: Path) -> None:
    with (
        SimulatedDialer(small_world(), "80910-1234", [REPORT]) as dialer,
        connect_to(source(dialer), quick(tmp_path)) as ours,
    ):
        version = ours.version()
    assert version is not None
    assert version.build == 80910


@pytest.mark.parametrize("wrong", [{"status": 404}, {"status": 500}, {"redirect_to": "http://127.0.0.1:9/"}])
def test_a_dialer_that_tells_no_version_is_still_asked(
    dialer: SimulatedDialer, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    dialer.misbehave(pages=(API,), **wrong)
    with connect_to(source(dialer), quick(tmp_path)) as ours:
        assert ours.version() is None
        assert ours.download(EXPORT, FORM, tmp_path / "x")


def test_a_version_that_is_only_missing_now_is_asked_for_again(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(status=503, retry_after=0, requests=1, pages=(API,))
    with connect_to(source(dialer), quick(tmp_path)) as ours:
        assert ours.version() is not None
    with SimulatedDialer(small_world(), "150201-1000", [REPORT]) as old:
        old.misbehave(database_down=True)
        with connect_to(source(old), quick(tmp_path, retry_attempts=1)) as ours, pytest.raises(DialerBusy):
            ours.version()


def test_no_calls_are_no_file_and_no_error(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0), accounts=[REPORT]) as dialer:
        form = [("query_date", "2020-01-01"), ("end_date", "2020-01-01")]
        with connect_to(source(dialer), quick(tmp_path)) as ours:
            assert not ours.download(EXPORT, [*form, ("run_export", "1"), ("group[]", "---ALL---")], tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "password",
    [
        "".join(map(chr, range(256))),
        "pässwörd€ пароль 密码 🔑",
        'it\'s "quoted" `too`; --\\ %s {0} $HOME',
        " blanks at both ends ",
        ":colons::",
        "a\r\nX-Header: b",
    ],
)
def test_any_password_arrives_as_it_is(tmp_path: Path, password: str) -> None:
    accounts = [Account("report", password)]
    with SimulatedDialer(small_world(), accounts=accounts, strips_logins=False) as dialer:
        assert download(source(dialer, password=password), quick(tmp_path)).startswith(b"call_date\t")
        with pytest.raises(LoginRejected):
            download(source(dialer, password=password + "x"), quick(tmp_path))


def test_users_and_passwords_of_any_script_work_as_the_dialer_strips_them(tmp_path: Path) -> None:
    account = Account("отчёт", "密P@a!b#c码")
    with SimulatedDialer(small_world(), accounts=[account], any_script=True) as dialer:
        who = source(dialer, username="отчёт", password="密P@a!b#c码")
        assert download(who, quick(tmp_path)).startswith(b"call_date\t")
    with SimulatedDialer(small_world(), accounts=[Account("report", "P@a!b#c")]) as dialer:
        assert download(source(dialer, password="P@a!b#c"), quick(tmp_path)).startswith(b"call_date\t")


def test_a_connection_is_kept_for_the_next_request(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with connect_to(source(dialer), quick(tmp_path)) as ours:
        ours.version()
        for _ in range(3):
            ours.download(EXPORT, FORM, tmp_path / "x")
        assert ours.traffic.requests == 4
        assert ours.traffic.bytes_received > 3 * (tmp_path / "x").stat().st_size
    assert dialer.seen.connections == 1


def test_an_answer_may_be_compressed_on_its_way(tmp_path: Path) -> None:
    packed = gzip.compress(BODY)

    def talk(connection: socket.socket) -> None:
        length = b"Content-Length: %d\r\n" % len(packed)
        connection.sendall(EXPORT_HEAD + b"Content-Encoding: gzip\r\n" + length + b"\r\n" + packed)

    with listener(talk) as port:
        assert download(source(f"http://127.0.0.1:{port}/"), quick(tmp_path)) == BODY


# How long it waits


def test_a_dialer_that_says_nothing_is_given_up(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(hang=True)
    settings = quick(tmp_path, http_timeout=0.3)
    assert 0.3 <= seconds(lambda: download(source(dialer), settings), DialerTimeout) < 1.5


def test_a_body_that_drips_for_ever_is_given_up(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(trickle=True)
    settings = quick(tmp_path, request_timeout=0.5, retry_attempts=1)
    assert 0.4 <= seconds(lambda: download(source(dialer), settings), DialerTimeout) < 1.5


def test_a_header_that_drips_for_ever_is_given_up(tmp_path: Path) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    with listener(drip) as port:
        who = source(f"http://127.0.0.1:{port}/vicidial/")
        began = time.monotonic()
        with pytest.raises(DialerTimeout):
            download(who, quick(tmp_path, http_timeout=1.0, request_timeout=1.5, retry_attempts=1))
        assert time.monotonic() - began < 15  # it would drip for over twenty


@pytest.mark.parametrize("gone", ["closed", "reset"])
def test_a_kept_connection_that_is_gone_is_replaced_and_the_password_is_not_doubted(tmp_path: Path, gone: str) -> None:
    """A balancer that gives up idle connections; the first request with a password that has never worked."""
    body = "There are no calls during this time period for these parameters\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    served: list[int] = []

    def answer_once(connection: socket.socket) -> None:
        connection.sendall((head + body).encode())
        served.append(1)
        read_request(connection)
        if gone == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listener(answer_once) as port:
        who, settings = source(f"http://127.0.0.1:{port}/vicidial/"), quick(tmp_path, retry_attempts=1)
        with connect_to(who, settings) as dialer:
            dialer.ask_version()
            assert download_through(dialer, settings) == b""
            assert not dialer.never_worked
            assert (dialer.traffic.requests, dialer.traffic.retries, len(served)) == (3, 1, 2)


def test_the_time_for_a_request_as_a_whole_includes_the_wait_for_its_answer(
    dialer: SimulatedDialer, tmp_path: Path
) -> None:
    dialer.misbehave(hang=True)
    settings = quick(tmp_path, http_timeout=30, request_timeout=0.3)
    assert seconds(lambda: download(source(dialer), settings), DialerTimeout) < 1.5
    dialer.behave()
    dialer.misbehave(latency=0.4, trickle=True)
    settings = quick(tmp_path / "other", http_timeout=30, request_timeout=0.8, retry_attempts=1)
    assert seconds(lambda: download(source(dialer), settings), DialerTimeout) < 1.15


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is known to drop what does not fit the backlog")
def test_a_dialer_that_accepts_no_connection_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        settings = quick(tmp_path, connect_timeout=0.3, http_timeout=20, retry_attempts=1)
        who = source(f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert 0.3 <= seconds(lambda: download(who, settings), DialerUnreachable) < 1.5
        for each in waiting:
            each.close()


def test_a_run_that_is_stopped_leaves_a_download(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(trickle=0.02)
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()
    settings = quick(tmp_path, request_timeout=30)
    with connect_to(source(dialer), settings, cancelled=stopped.is_set) as ours:
        assert seconds(lambda: ours.download(EXPORT, FORM, tmp_path / "x"), RequestCancelled) < 1.5


def test_a_run_that_is_stopped_leaves_a_wait(tmp_path: Path) -> None:
    stopped = threading.Event()
    threading.Timer(0.2, stopped.set).start()
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(status=503, retry_after=5)
        with connect_to(source(dialer), quick(tmp_path), cancelled=stopped.is_set) as ours:
            assert seconds(lambda: ours.download(EXPORT, FORM, tmp_path / "x"), RequestCancelled) < 1


# What it asks again


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 429, "retry_after": 0},
        {"status": 503, "retry_after": 0},
        {"reset_after": 50},
        {"cut_after": 500},
        {"status": 500},
    ],
    ids=["429", "503", "reset", "cut chunks", "empty 500"],
)
def test_what_can_pass_is_asked_again_and_the_file_is_whole(
    dialer: SimulatedDialer, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    settings = quick(tmp_path)
    whole = download(source(dialer), settings)  # from here on the password is known to work
    dialer.misbehave(requests=1, pages=(EXPORT,), **wrong)
    with connect_to(source(dialer), settings) as ours:
        ours.download(EXPORT, FORM, tmp_path / "x")
        assert (tmp_path / "x").read_bytes() == whole
        assert (ours.traffic.requests, ours.traffic.retries) == (2, 1)


@pytest.mark.parametrize("status", [408, 502, 503, 504, 520, 522, 524, 527])
def test_a_gateway_that_cannot_reach_the_dialer_is_asked_again(tmp_path: Path, status: int) -> None:
    answers = iter([b"HTTP/1.1 %d Bad\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n" % status])

    def talk(connection: socket.socket) -> None:
        connection.sendall(next(answers, EXPORT_HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY))

    with listener(talk) as port:
        assert download(source(f"http://127.0.0.1:{port}/"), quick(tmp_path)) == BODY


def test_a_gateway_that_stays_away_is_named(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 524 Timeout\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
    with (
        listener(lambda connection: connection.sendall(answer)) as port,
        pytest.raises(GatewayFailed, match=r"place of 127.0.0.1:\d+: .*in time \(HTTP 524\)"),
    ):
        download(source(f"http://127.0.0.1:{port}/"), quick(tmp_path, retry_attempts=2))


def test_a_body_shorter_than_announced_is_asked_again(tmp_path: Path) -> None:
    head = EXPORT_HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)
    answers = iter([head + BODY, head + BODY[:10]])

    def talk(connection: socket.socket) -> None:
        connection.sendall(next(answers, head + BODY))

    with listener(talk) as port:
        who, settings = source(f"http://127.0.0.1:{port}/"), quick(tmp_path)
        assert [download(who, settings) for _ in range(2)] == [BODY, BODY]


def test_a_database_that_is_down_is_asked_again(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), "210303-1000", [REPORT], php=7) as dialer:
        dialer.misbehave(database_down=True, requests=1)
        assert download(source(dialer), quick(tmp_path)).startswith(b"call_date\t")
        assert count_exports(dialer) == 2


def test_a_dialer_that_comes_up_late_is_reached(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.stop()
    opened: list[SimulatedDialer] = []

    def come_up() -> None:
        opened.append(SimulatedDialer(small_world(), accounts=[REPORT], port=dialer.port))
        opened[0].start()

    with connect_to(source(dialer), quick(tmp_path, retry_attempts=9)) as ours:
        timer = threading.Timer(0.2, come_up)
        timer.start()
        assert ours.download(EXPORT, FORM, tmp_path / "x")
        assert ours.traffic.retries >= 1
    timer.join()
    opened[0].stop()


def test_a_dialer_that_is_not_there_is_told(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.stop()
    with pytest.raises(DialerUnreachable, match="connection refused"):
        download(source(dialer), quick(tmp_path, retry_attempts=1))
    with pytest.raises(DialerUnreachable, match="its name is not known"):
        download(source("http://no-such-dialer.invalid/"), quick(tmp_path, retry_attempts=1))


def test_the_number_of_tries_is_kept(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(status=503, retry_after=0)
    with connect_to(source(dialer), quick(tmp_path, retry_attempts=4)) as ours, pytest.raises(DialerBusy):
        ours.download(EXPORT, FORM, tmp_path / "x")
    assert (ours.traffic.requests, ours.traffic.retries, count_exports(dialer)) == (4, 3, 4)


def test_the_time_for_all_tries_is_kept(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(status=503)
    settings = quick(tmp_path, retry_attempts=20, retry_total=1.6)
    assert seconds(lambda: download(source(dialer), settings), DialerBusy) <= 1.8
    assert count_exports(dialer) >= 2


def test_the_time_that_the_dialer_asks_for_is_waited(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(status=503, retry_after=2, requests=1)
    started = time.monotonic()
    download(source(dialer), quick(tmp_path))
    assert 2 <= time.monotonic() - started < 3


def test_a_dialer_that_asks_for_more_time_than_there_is_is_left_at_once(
    dialer: SimulatedDialer, tmp_path: Path
) -> None:
    dialer.misbehave(status=429, retry_after=100)
    assert seconds(lambda: download(source(dialer), quick(tmp_path)), DialerBusy) < 0.5
    assert count_exports(dialer) == 1


def test_waits_double_with_jitter_up_to_a_limit() -> None:
    def waits(attempt: int, error: Exception) -> list[float]:
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = attempt
        state.outcome = Future.construct(attempt, error, has_exception=True)
        return [seconds_to_wait(state) for _ in range(200)]

    for attempt, usual in enumerate((1, 2, 4, 8, 16, 30, 30), 1):
        drawn = waits(attempt, AnswerBroken("dialer.example", "reset"))
        assert usual * 0.5 <= min(drawn) < usual * 0.7
        assert usual * 1.3 < max(drawn) <= usual * 1.5
    assert set(waits(1, DialerBusy("dialer.example", "HTTP 503", 7.0))) == {7.0}
    assert len(set(waits(1, DialerBusy("dialer.example", "HTTP 503", None)))) > 100


# What it never asks again


def test_an_empty_500_is_asked_again_exactly_once(dialer: SimulatedDialer, tmp_path: Path) -> None:
    dialer.misbehave(status=500)
    with connect_to(source(dialer), quick(tmp_path, retry_attempts=9)) as ours:
        for asked in (2, 4):
            with pytest.raises(DialerFailed, match=EXPORT):
                ours.download(EXPORT, FORM, tmp_path / "x")
            assert count_exports(dialer) == asked


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [({"display_errors": True}, PhpMessagesShown), ({"status": 404}, DialerRefused), ({"status": 400}, DialerRefused)],
)
def test_a_message_is_not_asked_for_twice(
    dialer: SimulatedDialer, tmp_path: Path, wrong: dict[str, Any], kind: type[SyncError]
) -> None:
    dialer.misbehave(**wrong)
    with pytest.raises(kind):
        download(source(dialer), quick(tmp_path))
    assert count_exports(dialer) == 1


def test_a_form_instead_of_an_export_is_named(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with connect_to(source(dialer), quick(tmp_path)) as ours, pytest.raises(ReportUnknown, match='"Export Calls'):
        ours.download(EXPORT, [("query_date", "2026-03-02")], tmp_path / "x")


def test_a_clean_truncation_is_no_error_here(dialer: SimulatedDialer, tmp_path: Path) -> None:
    settings = quick(tmp_path)
    whole = download(source(dialer), settings)
    dialer.misbehave(truncate=3)
    assert download(source(dialer), settings) == b"".join(record + b"\r\n" for record in whole.split(b"\r\n")[:4])


def test_a_redirect_is_not_followed(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as other:
        dialer.misbehave(redirect_to=other.url + EXPORT)
        with pytest.raises(RedirectRefused, match=f"redirects to http://127.0.0.1:{other.port}. A"):
            download(source(dialer), quick(tmp_path))
        assert other.seen.connections == 0
    assert count_exports(dialer) == 1


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return self_signed(tmp_path_factory.mktemp("tls"))


def say_export(connection: socket.socket) -> None:
    connection.sendall(EXPORT_HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_row_says_otherwise(
    tmp_path: Path, certificate: ssl.SSLContext
) -> None:
    requests_read: list[int] = []

    def talk(connection: socket.socket) -> None:
        requests_read.append(1)
        say_export(connection)

    with listener(talk, certificate) as port:
        who = source(f"https://127.0.0.1:{port}/")
        with pytest.raises(CertificateInvalid, match=f"certificate of 127.0.0.1:{port}"):
            download(who, quick(tmp_path))
        assert requests_read == []
        assert download(source(who.address.url, verify_tls=False), quick(tmp_path)) == BODY


def test_an_address_with_the_wrong_scheme_is_told(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with pytest.raises(NoTLS):
        download(source(dialer.url.replace("http:", "https:")), quick(tmp_path, retry_attempts=1))


def test_a_tls_connection_that_breaks_after_a_first_login_is_not_tried_again(
    tmp_path: Path, certificate: ssl.SSLContext
) -> None:
    requests_read: list[int] = []
    with listener(lambda connection: requests_read.append(1), certificate) as port:
        who = source(f"https://127.0.0.1:{port}/", verify_tls=False)
        with pytest.raises(AnswerBroken):
            download(who, quick(tmp_path))
    assert requests_read == [1]


def test_an_export_comes_with_its_hash_and_its_beginning(dialer: SimulatedDialer, tmp_path: Path) -> None:
    with connect_to(source(dialer), quick(tmp_path)) as ours:
        downloads = [ours.download(EXPORT, FORM, tmp_path / "x") for _ in range(2)]
    content = (tmp_path / "x").read_bytes()
    assert len(content) > START_BYTES
    assert downloads == [Download(xxhash.xxh3_128_hexdigest(content), content[:START_BYTES])] * 2
