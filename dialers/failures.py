"""What an exception of the HTTP library means; its text may hold the URL, so that nothing of it is passed on."""

import ssl
from collections.abc import Iterator
from datetime import timedelta

import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from errors import AnswerBroken, CertificateInvalid, DialerTimeout, DialerUnreachable, NoTLS, SyncError

NOT_CONNECTED = (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout)
TOO_SLOW = (requests.ReadTimeout, ReadTimeoutError, TimeoutError)


def transport_error(exc: Exception, host: str, http_timeout: timedelta) -> SyncError:
    """DialerUnreachable if nothing can have been sent; AnswerBroken or DialerTimeout if it can."""
    reasons = tuple(_chain(exc))
    if _any(reasons, ssl.SSLCertVerificationError):
        return CertificateInvalid(host, "not issued by a known authority, expired, or for another name")
    if _any(reasons, NameResolutionError):
        return DialerUnreachable(host, "its name is not known")
    if _any(reasons, *NOT_CONNECTED):
        refused = _any(reasons, ConnectionRefusedError)
        return DialerUnreachable(host, "connection refused" if refused else "no connection in time")
    if _any(reasons, *TOO_SLOW):
        return DialerTimeout(host, http_timeout.total_seconds())
    if _any(reasons, ssl.SSLError):
        return NoTLS(host)
    return AnswerBroken(host, "connection closed too early")


def is_reset(exc: Exception) -> bool:
    """Tell whether the other side closed the connection before it answered anything."""
    return _any(tuple(_chain(exc)), ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


def is_silence(error: SyncError) -> bool:
    """Whether scheme, host and port stay silent to every client; a port without TLS is alive."""
    return isinstance(error, (DialerTimeout, DialerUnreachable)) and not isinstance(error, NoTLS)


def _any(reasons: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(reason, kinds) for reason in reasons)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An exception and all that it was raised from or for, in whatever way the library kept them."""
    seen: list[BaseException] = []
    waiting: list[object] = [exc]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or current in seen:
            continue
        seen.append(current)
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
