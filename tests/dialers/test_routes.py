"""No password goes through a proxy that the settings do not ask for, and a proxy's fault is never the dialer's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import AuthoritiesUnusable, DialerUnreachable, ProxyFailed, SyncError
from network import remove_login
from settings.proxies import PROXY
from simulated_dialer import SimulatedDialer
from tests.dialers.certificates import self_signed
from tests.dialers.sources import EXPORT, REPORT, connect_to, download, listener, quick, small_world, source

BODY = b"call_date\tx\r\n2026-03-02 10:00:00\t1\r\n"
EXPORT_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY
VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "No_Proxy", "NO_PROXY")
AUTHORITY_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
UNUSED_PORT = 9


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *AUTHORITY_VARIABLES, "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        yield dialer


def failure(url: str, folder: Path, choice: str = "", **changes: object) -> SyncError:
    settings = quick(folder, retry_attempts=2, dialer_proxy=PROXY.parse(choice) if choice else None)
    with connect_to(source(url, **changes), settings) as ours, pytest.raises(SyncError) as caught:
        ours.download(EXPORT, [], folder / "x")
    return caught.value


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "Http_Proxy"])
@pytest.mark.parametrize("address", [f"http://127.0.0.1:{UNUSED_PORT}", "socks5://127.0.0.1:9", "http://pro xy:x"])
def test_the_proxies_of_a_machine_are_not_used_for_dialers(
    dialer: SimulatedDialer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, address: str
) -> None:
    monkeypatch.setenv(name, address)
    assert download(source(dialer), quick(tmp_path))


def test_a_proxy_of_the_machine_sees_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    with listener(lambda _: seen.append(1)) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        told = str(failure("http://dialer.invalid/vicidial/", tmp_path))
    assert not seen
    assert "HTTP_PROXY is not used for dialers, unless DIALER_PROXY=environment" in told


@pytest.mark.parametrize("of_machine", [True, False])
def test_a_proxy_that_the_settings_ask_for_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_machine: bool
) -> None:
    with listener(lambda connection: connection.sendall(EXPORT_ANSWER)) as port:
        address = f"http://127.0.0.1:{port}"
        if of_machine:
            monkeypatch.setenv("HTTP_PROXY", address)
        settings = quick(tmp_path, dialer_proxy=PROXY.parse("environment" if of_machine else address))
        assert download(source("http://dialer.invalid/vicidial/"), settings) == BODY


def test_a_host_that_the_machine_excepts_from_its_proxy_is_asked_directly(
    dialer: SimulatedDialer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{UNUSED_PORT}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert download(source(dialer), quick(tmp_path, dialer_proxy=PROXY.parse("environment")))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"http://127.0.0.1:{UNUSED_PORT}", "connection refused"),
        ("http://proxy.invalid:3128", "its name is not known"),
        ("http://me:geheim@proxy.invalid:3128", "its name is not known"),
        ("socks5://127.0.0.1:9", "only proxies of http"),
        ("http://pro xy:x", "no address of a proxy"),
        ("http://me:geheim@pro xy:x", "no address of a proxy"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_work_is_named_without_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, words: str, scheme: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    error = failure(f"{scheme}://127.0.0.1:1/vicidial/", tmp_path, "environment")
    assert type(error) is ProxyFailed
    assert words in str(error)
    assert remove_login(address) in str(error)
    assert "ALL_PROXY" in str(error)
    assert "geheim" not in str(error)


@pytest.mark.parametrize(
    ("answer", "scheme", "words"),
    [
        (b"407 Proxy Authentication Required", "http", "wants a login"),
        (b"407 Proxy Authentication Required", "https", "wants a login"),
        (b"403 Forbidden", "https", "does not connect to that host and port"),
        (b"502 Bad Gateway", "https", "could not reach the dialer"),
    ],
)
def test_what_a_proxy_answers_itself_is_its_own(tmp_path: Path, answer: bytes, scheme: str, words: str) -> None:
    reply = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % answer
    with listener(lambda connection: connection.sendall(reply)) as port:
        error = failure(f"{scheme}://dialer.invalid/", tmp_path, f"http://me:geheim@127.0.0.1:{port}")
    assert type(error) is ProxyFailed
    assert words in str(error)
    assert "DIALER_PROXY" in str(error)
    assert "geheim" not in str(error)


def test_a_dialer_behind_a_proxy_that_answers_badly_is_named_with_the_proxy(tmp_path: Path) -> None:
    with listener(lambda _: None) as port:
        address = f"http://127.0.0.1:{port}"
        assert f"dialer.invalid (asked through the proxy {address})" in str(
            failure("http://dialer.invalid/", tmp_path, address)
        )


def test_a_login_is_never_taken_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        with connect_to(source(dialer), quick(tmp_path)) as ours:
            ours.version()
        assert {request.user for request in dialer.seen.log} == {""}


# Certificates


@pytest.mark.parametrize("name", AUTHORITY_VARIABLES)
def test_a_private_authority_of_this_machine_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    tls = self_signed(tmp_path)
    monkeypatch.setenv(name, str(tmp_path / "server.pem"))
    with listener(lambda connection: connection.sendall(EXPORT_ANSWER), tls) as port:
        assert download(source(f"https://127.0.0.1:{port}/"), quick(tmp_path)) == BODY


@pytest.mark.parametrize("name", AUTHORITY_VARIABLES)
@pytest.mark.parametrize(
    ("content", "words"), [(None, "not there"), (b"", "no certificates"), (b"\x30\x82 DER", "no certificates")]
)
def test_a_file_of_authorities_that_cannot_be_read_is_the_fault_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, words: str
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv(name, str(bundle))
    error = failure("https://127.0.0.1:1/", tmp_path)
    assert type(error) is AuthoritiesUnusable
    assert name in str(error)
    assert str(bundle) in str(error)
    assert words in str(error)
    assert type(failure("http://127.0.0.1:1/", tmp_path)) is DialerUnreachable  # where no certificate is looked at
    assert type(failure("https://127.0.0.1:1/", tmp_path, verify_tls=False)) is DialerUnreachable
