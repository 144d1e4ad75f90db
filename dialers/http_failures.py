"""Translation of the HTTP library's exceptions into errors. Their text may hold the URL: none of it is passed on."""

import re
import ssl
from collections.abc import Iterator
from datetime import timedelta

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from errors import (
    AnswerBroken,
    CertificateInvalid,
    ClientCertificateWanted,
    DialerTimeout,
    DialerUnreachable,
    HandshakeRefused,
    NoTLS,
    SyncError,
    TLSTooOld,
)
from utils import one_line

NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout)
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
TOO_OLD = (
    "PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "UNSUPPORTED_SSL_VERSION", "WRONG_SSL_VERSION", "PROTOCOLS_AVAILABLE",
    "KEY_TOO_SMALL", "MD_TOO_WEAK", "INSUFFICIENT_SECURITY", "LEGACY", "WRONG_SIGNATURE_TYPE", "WRONG_CIPHER_RETURNED",
)  # fmt: skip
WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_NO_CERTIFICATE")
BROKEN_OFF = ("UNEXPECTED_EOF_WHILE_READING",)
"""Parts of OpenSSL's reasons. All other reasons are refusals by a server that speaks TLS."""
KNOWN_AUTHORITY = (
    "Let its web server send a certificate of a known authority, with the whole chain (Apache: fullchain.pem); or make"
    " its authority known to this machine, as docs/security.md says."
)
CLOCKS = "Renew it; if it is valid, this machine's clock is wrong."
CERTIFICATES = {
    9: ("it is not valid yet", "Is this machine's clock right? Else the certificate was made for later."),
    10: ("it has expired", CLOCKS),
    18: ("it is self-signed", KNOWN_AUTHORITY),
    19: ("it comes from an authority that this machine does not know", KNOWN_AUTHORITY),
    20: ("it comes from an authority that this machine does not know, or its chain is incomplete", KNOWN_AUTHORITY),
    21: ("its chain is incomplete", KNOWN_AUTHORITY),
    23: ("it was revoked", "Renew it."),
    62: ("it is for another name", "Write the name that it is for into the row's URL, or renew it for this one."),
    64: ("it is for another name", "Write the name that it is for into the row's URL, or renew it for this one."),
    66: ("its key is too short to be safe", "Renew it with a key of 2048 bits or more."),
    67: ("the key of its authority is too short to be safe", "Renew it with another authority."),
    68: ("its signature is no longer safe", "Renew it: with SHA-256 or better."),
}
"""OpenSSL's number → fault and advice."""
TOO_SLOW = (requests.ReadTimeout, ReadTimeoutError, TimeoutError)


def transport_error(exc: Exception, host: str, http_timeout: timedelta) -> SyncError:
    """Return DialerUnreachable if nothing was sent, else AnswerBroken, DialerTimeout or an error of TLS."""
    reasons = causes(exc)
    if _has_cause(reasons, ssl.SSLCertVerificationError):
        return CertificateInvalid(host, *_certificate_fault(reasons))
    if _has_cause(reasons, NameResolutionError):
        return DialerUnreachable(host, "its name is not known")
    if _has_cause(reasons, *NOT_CONNECTED):
        refused = _has_cause(reasons, ConnectionRefusedError)
        return DialerUnreachable(host, "connection refused" if refused else "no connection in time")
    if _has_cause(reasons, *TOO_SLOW):
        return DialerTimeout(host, http_timeout.total_seconds())
    if encryption := next((reason for reason in reasons if isinstance(reason, ssl.SSLError) and reason.reason), None):
        return _encryption_error(encryption, host)
    return AnswerBroken(host, "connection closed too early")


def _certificate_fault(reasons: tuple[BaseException, ...]) -> tuple[str, str]:
    """Return the fault of a dialer's certificate, and advice. It is never to verify less."""
    found = next(reason for reason in reasons if isinstance(reason, ssl.SSLCertVerificationError))
    words = str(getattr(found, "verify_message", "")) or "it could not be verified"
    return CERTIFICATES.get(getattr(found, "verify_code", 0), (one_line(words, limit=80), KNOWN_AUTHORITY))


def _encryption_error(exc: ssl.SSLError, host: str) -> SyncError:
    """Return the error behind a failed encrypted connection, by OpenSSL's reason."""
    word = exc.reason or ""
    shown = re.sub(r"^(sslv3|tlsv1|tlsv13) (alert )?", "", word.replace("_", " ").lower())
    if _mentions(word, NO_TLS):
        return NoTLS(host)
    if _mentions(word, TOO_OLD):
        return TLSTooOld(host, shown)
    if _mentions(word, WANTS_CERTIFICATE):
        return ClientCertificateWanted(host)
    if _mentions(word, BROKEN_OFF):
        return AnswerBroken(host, "the encrypted connection was closed too early")
    return HandshakeRefused(host, shown)


def _mentions(word: str, parts: tuple[str, ...]) -> bool:
    return any(part in word for part in parts)


def is_reset(exc: Exception) -> bool:
    """Return true if the other side closed the connection before any answer."""
    return _has_cause(causes(exc), ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


def is_silence(error: SyncError) -> bool:
    """Return true if every client would wait in vain for that origin. A port without TLS is alive."""
    return isinstance(error, (DialerTimeout, DialerUnreachable)) and not isinstance(error, NoTLS)


def causes(exc: BaseException) -> tuple[BaseException, ...]:
    """Return an exception and all its causes."""
    return tuple(_walk_causes(exc))


def _has_cause(reasons: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(reason, kinds) for reason in reasons)


def _walk_causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all its causes, in all the places where the library keeps them."""
    seen: list[BaseException] = []
    waiting: list[object] = [exc]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or current in seen:
            continue
        seen.append(current)
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
