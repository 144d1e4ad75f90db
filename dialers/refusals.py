"""Observed messages of VICIdial and of servers before it, each an error with advice."""

import re

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from dialers.answers import Answer
from dialers.message_secrets import remove_secrets
from errors import (
    AccountLocked,
    AddressBlocked,
    ClientCertificateWanted,
    DialerBusy,
    DialerFailed,
    DialerRefused,
    EncryptionMissing,
    GatewayFailed,
    LoginRejected,
    NotPermitted,
    PhpMessagesShown,
    RedirectRefused,
    ReportUnknown,
    SentenceUnknown,
    SyncError,
    TwoFactorRequired,
)
from messages import Source

BUSY = frozenset({429, 503})
TLS_REFUSALS = frozenset({400, 403, 495, 496, 497})
GATEWAYS = {
    408: "the request did not arrive in time",
    502: "it got no answer from the dialer that it understands",
    504: "the dialer did not answer in time",
    520: "the dialer answered with something unknown",
    521: "the dialer's web server is down",
    522: "no connection to the dialer in time",
    523: "the dialer cannot be reached",
    524: "the dialer did not answer in time",
    525: "no TLS with the dialer",
    526: "the dialer's certificate is not valid",
    527: "no connection to the dialer",
    530: "the dialer cannot be reached",
}
"""HTTP status of a gateway → its meaning. Apache and PHP themselves send none of them."""


def refusal(answer: Answer, source: Source, page: str) -> SyncError:
    """Return the error behind an answer without an export."""
    text = answer.start
    for pattern, error in _messages(source):
        if pattern.search(text):
            return error
    if answer.status == 200:
        shown = f'"{remove_secrets(text, source.username, source.password)}"'
        if answer.is_sentence:
            return SentenceUnknown(source.host, shown, answer.digest, answer.sender)
        return ReportUnknown(source.host, shown)
    return _tls_error(answer, source.host) or _status_error(answer, source, page)


def _tls_error(answer: Answer, host: str) -> SyncError | None:
    """Return the error of a web server that wants other TLS. Apache and nginx say it in words, with HTTP 400."""
    text = answer.start if answer.status in TLS_REFUSALS else ""
    if re.search(r"No required SSL certificate was sent|SSL certificate error", text, re.IGNORECASE):
        return ClientCertificateWanted(host)
    plain = r"plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL-enabled server port"
    return EncryptionMissing(host) if re.search(plain, text, re.IGNORECASE) else None


def _status_error(answer: Answer, source: Source, page: str) -> SyncError:
    host = source.host
    if 300 <= answer.status < 400:
        return RedirectRefused(host, _redirect_target(answer.headers.get("location", "")))
    if answer.status in GATEWAYS:
        wait = _parse_retry_after(answer.headers.get("retry-after", ""))
        return GatewayFailed(host, f"{GATEWAYS[answer.status]} (HTTP {answer.status})", wait)
    if answer.status in BUSY:
        return DialerBusy(host, f"HTTP {answer.status}", _parse_retry_after(answer.headers.get("retry-after", "")))
    if answer.status == 500:
        return DialerFailed(host, page)
    if answer.status == 401:
        return LoginRejected(host, source.username, source.argument)
    return DialerRefused(host, answer.status, source.address.folder + page)


def _messages(source: Source) -> list[tuple[re.Pattern[str], SyncError]]:
    """Return the messages in the default language and their errors, the most telling first."""
    host, user = source.host, source.username
    level = "it needs level 7 or higher and 'View Reports'; see docs/dialer-rights.md."
    return [
        (_code_pattern("LOCK"), AccountLocked(host, user, "15 minutes from now")),
        (_code_pattern("IPBLOCK"), AddressBlocked(host, user)),
        (_code_pattern("2FA"), TwoFactorRequired(host, user)),
        (re.compile(r"^Your session is expired"), TwoFactorRequired(host, user)),
        (_code_pattern("BAD"), LoginRejected(host, user, source.argument)),
        (re.compile(r"^Invalid Username/Password"), LoginRejected(host, user, source.argument)),
        (re.compile(r"^You are not allowed to view reports"), NotPermitted(host, user, level)),
        (
            re.compile(r"^You do not have permissions for export reports"),
            NotPermitted(host, user, "switch on 'Export Reports' for it; see docs/dialer-rights.md."),
        ),
        (
            re.compile(r"^You are not allowed to view this report"),
            NotPermitted(
                host, user, "add the report to 'Allowed Reports' of its user group; see docs/dialer-rights.md."
            ),
        ),
        (
            re.compile(r"^This user does not exist"),
            NotPermitted(host, user, "the agent asked for is outside the groups that this user may view."),
        ),
        (re.compile(r"^MySQL connect ERROR"), DialerBusy(host, "its database cannot be reached", None)),
        (
            re.compile(r"<b>(Warning|Notice|Deprecated|Fatal error)</b>"),
            PhpMessagesShown(host),
        ),
    ]


def _code_pattern(word: str) -> re.Pattern[str]:
    """Match the code at the end of a message. Before it, user and password are echoed, and may look like a code."""
    return re.compile(rf"\|{word}\|\s*$", re.MULTILINE)


def _redirect_target(location: str) -> str:
    """Return scheme and host of a redirect's target. The rest may hold a secret."""
    found = re.match(r"(https?://)(?:[^/@]*@)?([^/?#@]+)", location)
    return found.group(1) + found.group(2) if found else "another page"


def _parse_retry_after(retry_after: str) -> float | None:
    """Parse a Retry-After header: seconds or a moment."""
    try:
        return float(Retry().parse_retry_after(retry_after))
    except (InvalidHeader, ValueError, OverflowError):
        return None
