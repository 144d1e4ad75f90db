"""What an answer that is no export means: observed messages of VICIdial, each an error with advice.

A dialer says nearly everything with HTTP 200, and its messages echo user and password: none of it may reach a log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from errors import (
    AccountLocked,
    AddressBlocked,
    DialerBusy,
    DialerFailed,
    DialerRefused,
    LoginRejected,
    NotPermitted,
    RedirectRefused,
    ReportUnknown,
    SyncError,
    TwoFactorRequired,
)
from messages import Credential

NO_CALLS = re.compile(r"^There are no (inbound |outbound )?calls during this time period for these parameters")
RIGHTS_MISSING = ("You are not allowed to view", "You do not have permissions for export reports")
BUSY = frozenset({429, 502, 503, 504})
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status line and headers of an answer, and the first bytes of its body where it is no export."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    start: str = ""

    @property
    def is_export(self) -> bool:
        """Only these two headers together prove it; the header row is checked by the report."""
        return (
            self.status == 200
            and self.headers.get("content-disposition", "").lower().startswith("attachment")
            and self.headers.get("content-type", "").lower().startswith("application/octet-stream")
        )

    @property
    def is_empty_export(self) -> bool:
        """The dialer has no calls in the window."""
        return self.status == 200 and NO_CALLS.match(self.start) is not None

    @property
    def proves_login(self) -> bool:
        """The password was right, whatever else the answer says."""
        return self.is_export or self.is_empty_export or self.start.startswith(RIGHTS_MISSING)


def refusal(answer: Answer, source: Credential, page: str) -> SyncError:
    """The error that an answer other than an export stands for."""
    text = answer.start
    for pattern, error in _known(source):
        if pattern.search(text):
            return error
    if answer.status == 200:
        return ReportUnknown(source.host, f'"{without_secrets(text, source.username, source.password)}"')
    return _by_status(answer, source, page)


def _by_status(answer: Answer, source: Credential, page: str) -> SyncError:
    host = source.host
    if 300 <= answer.status < 400:
        return RedirectRefused(host, _address(answer.headers.get("location", "")))
    if answer.status in BUSY:
        return DialerBusy(host, f"HTTP {answer.status}", _seconds(answer.headers.get("retry-after", "")))
    if answer.status == 500:
        return DialerFailed(host, page)
    if answer.status == 401:
        return LoginRejected(host, source.username, source.argument)
    return DialerRefused(host, answer.status, urlsplit(source.dialer_url).path + page)


def _known(source: Credential) -> list[tuple[re.Pattern[str], SyncError]]:
    """Messages in the default language, the most telling first."""
    host, user = source.host, source.username
    level = "it needs level 7 or higher and 'View Reports'; see docs/dialer-rights.md."
    return [
        (_code("LOCK"), AccountLocked(host, user, "15 minutes from now")),
        (_code("IPBLOCK"), AddressBlocked(host, user)),
        (_code("2FA"), TwoFactorRequired(host, user)),
        (re.compile(r"^Your session is expired"), TwoFactorRequired(host, user)),
        (_code("BAD"), LoginRejected(host, user, source.argument)),
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
            ReportUnknown(host, "PHP messages instead of the export; switch display_errors off on the dialer"),
        ),
    ]


def _code(word: str) -> re.Pattern[str]:
    """The word that ends a message; before it, user and password are echoed, and either may be such a word."""
    return re.compile(rf"\|{word}\|\s*$", re.MULTILINE)


def without_secrets(text: str, user: str, password: str) -> str:
    """The first 80 characters of a message, without markup, user, password and digits."""
    plain = text
    for secret in sorted(_spellings(user) | _spellings(password), key=len, reverse=True):
        plain = re.sub(re.escape(secret), "…", plain, flags=re.IGNORECASE)
    plain = re.sub(r"<[^>]*>", " ", plain)
    plain = re.sub(r"\|[^|]*(?=\|)", "|…", re.sub(r"\d+", "#", plain))
    return " ".join(plain.split())[:SHOWN_CHARACTERS] or "nothing"


def _spellings(secret: str) -> set[str]:
    """As it is, and as a dialer strips it, whose idea of a letter is that of one script or of all."""
    return {secret, re.sub(r"[^-_0-9A-Za-z]", "", secret), re.sub(r"[^-_\w]", "", secret)} - {""}


def _address(location: str) -> str:
    """Scheme and host of a redirect's target; the rest may hold anything."""
    found = re.match(r"(https?://)(?:[^/@]*@)?([^/?#@]+)", location)
    return found.group(1) + found.group(2) if found else "another page"


def _seconds(retry_after: str) -> float | None:
    """Of a Retry-After, which says them or a moment."""
    try:
        return float(Retry().parse_retry_after(retry_after))
    except (InvalidHeader, ValueError, OverflowError):
        return None
