"""Each way in which encryption fails has its own cause, and no advice makes anything less safe."""

import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import (
    AnswerBroken,
    CertificateInvalid,
    ClientCertificateWanted,
    EncryptionMissing,
    HandshakeRefused,
    NoTLS,
    SyncError,
    TLSTooOld,
)
from tests.dialers.certificates import self_signed
from tests.dialers.sources import connect_to, listener, quick, source
from tests.test_errors import EXAMPLES


def failure(
    folder: Path, tls: ssl.SSLContext | None = None, sent: bytes = b"", *, verify_tls: bool = False
) -> SyncError:
    """What a dialer with that encryption, or with these bytes in its place, ends in."""
    with (
        listener(lambda _: None, tls) as port,
        connect_to(
            source(f"https://127.0.0.1:{port}/", verify_tls=verify_tls), quick(folder, retry_attempts=1)
        ) as ours,
        pytest.raises(SyncError) as caught,
    ):
        ours.version()
    return caught.value


def only(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> Callable[[ssl.SSLContext], None]:
    def change(tls: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
            tls.minimum_version = tls.maximum_version = version
        tls.set_ciphers(ciphers)

    return change


def wants_certificate(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def change(tls: ssl.SSLContext) -> None:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.maximum_version = version

    return change


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        pytest.param(only(ssl.TLSVersion.TLSv1), TLSTooOld, "SSLProtocol", id="TLS 1.0"),
        pytest.param(only(ssl.TLSVersion.TLSv1_1), TLSTooOld, "SSLProtocol", id="TLS 1.1"),
        pytest.param(
            only(ssl.TLSVersion.TLSv1_2, "AES128-SHA:@SECLEVEL=0"), HandshakeRefused, "SSLCipherSuite", id="old ciphers"
        ),
        pytest.param(
            wants_certificate(ssl.TLSVersion.TLSv1_2), HandshakeRefused, "client certificate", id="certificate, TLS 1.2"
        ),
        pytest.param(
            wants_certificate(ssl.TLSVersion.TLSv1_3), ClientCertificateWanted, "client certificate",
            id="certificate, TLS 1.3",
        ),
    ],
)  # fmt: skip
def test_a_server_that_refuses_is_named_with_its_reason(
    tmp_path: Path, change: Callable[[ssl.SSLContext], None], kind: type[SyncError], words: str
) -> None:
    tls = self_signed(tmp_path, curve=False)
    change(tls)
    error = failure(tmp_path, tls)
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("alert", "kind"),
    [(70, TLSTooOld), (71, TLSTooOld), (40, HandshakeRefused), (80, HandshakeRefused), (112, HandshakeRefused),
     (116, ClientCertificateWanted), (42, ClientCertificateWanted)],
)  # fmt: skip
def test_an_alert_of_a_server_is_understood(tmp_path: Path, alert: int, kind: type[SyncError]) -> None:
    assert type(failure_of_bytes(tmp_path, bytes((21, 3, 1, 0, 2, 2, alert)))) is kind


def failure_of_bytes(folder: Path, sent: bytes) -> SyncError:
    """What a server ends in that sends these bytes as soon as it is connected."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(sent)

    thread = threading.Thread(target=serve)
    thread.start()
    with server:
        who = source(f"https://127.0.0.1:{server.getsockname()[1]}/")
        with connect_to(who, quick(folder, retry_attempts=1)) as ours, pytest.raises(SyncError) as caught:
            ours.version()
        thread.join(5)
    return caught.value


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (b"400 The plain HTTP request was sent to HTTPS port", EncryptionMissing),
        (b"You're speaking plain HTTP to an SSL-enabled server port.", EncryptionMissing),
        (b"400 No required SSL certificate was sent", ClientCertificateWanted),
    ],
)
def test_a_web_server_that_wants_other_encryption_gets_no_password(
    tmp_path: Path, words: bytes, kind: type[SyncError]
) -> None:
    asked: list[int] = []

    def talk(connection: socket.socket) -> None:
        asked.append(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(words) + words)

    with (
        listener(talk) as port,
        connect_to(source(f"http://127.0.0.1:{port}/"), quick(tmp_path)) as ours,
        pytest.raises(kind),
    ):
        ours.version()
    assert asked == [1]


@pytest.mark.parametrize("sent", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n"])
def test_what_is_no_tls_is_told_as_that(tmp_path: Path, sent: bytes) -> None:
    assert type(failure_of_bytes(tmp_path, sent)) is NoTLS


def test_a_connection_that_is_closed_in_the_handshake_is_broken(tmp_path: Path) -> None:
    assert type(failure_of_bytes(tmp_path, b"")) is AnswerBroken


@pytest.mark.parametrize(
    ("trusted", "options", "words"),
    [
        (False, {}, "self-signed"),
        (True, {"days": (-2, -1)}, "has expired"),
        (True, {"days": (1, 2)}, "not valid yet"),
        (True, {"address": "127.0.0.2"}, "for another name"),
    ],
)
def test_each_fault_of_a_certificate_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, options: dict[str, object], words: str
) -> None:
    tls = self_signed(tmp_path, **options)  # type: ignore[arg-type] # a table of cases
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
    error = failure(tmp_path, tls, verify_tls=True)
    assert type(error) is CertificateInvalid
    assert words in str(error)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_no_advice_makes_anything_less_safe(kind: type[SyncError]) -> None:
    """Neither to leave encryption out, nor to look less closely."""
    text = kind.happened + kind.advice
    assert "http:" not in text
    assert "VerifyTLS" not in text
