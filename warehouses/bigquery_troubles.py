"""What goes wrong between here and BigQuery, sorted by what is done about it; the reasons are Google's own words."""

import re
from concurrent.futures import TimeoutError as FutureTimeout
from enum import Enum, auto
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.resumable_media import InvalidResponse

from utils import one_line


class Kind(Enum):
    """What a trouble asks for."""

    PASSING = auto()  # again after seconds: the network, an overloaded server, too many requests
    CONFLICT = auto()  # again at once: another transaction was quicker
    QUOTA = auto()  # again after minutes
    EXISTS = auto()  # what was to be made is there: perhaps made by a request whose answer was lost
    MISSING = auto()  # a dataset or table is not there
    DENIED = auto()  # a role must be granted
    COSTLY = auto()  # above maximum_bytes_billed
    INVALID = auto()  # the same request fails for ever


class Trouble(Exception):
    """A call to BigQuery that failed; ``reason`` is one word where Google gives one."""

    def __init__(self, kind: Kind, reason: str, message: str) -> None:
        super().__init__(kind, reason, message)
        self.kind, self.reason, self.message = kind, reason, message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in (Kind.PASSING, Kind.CONFLICT, Kind.QUOTA)


BY_REASON = {
    "rateLimitExceeded": Kind.PASSING,
    "jobRateLimitExceeded": Kind.PASSING,
    "userRateLimitExceeded": Kind.PASSING,
    "backendError": Kind.PASSING,
    "jobBackendError": Kind.PASSING,
    "internalError": Kind.PASSING,
    "jobInternalError": Kind.PASSING,
    "badGateway": Kind.PASSING,
    "tableUnavailable": Kind.PASSING,
    "stopped": Kind.PASSING,  # a job that was cancelled, by us or by somebody else
    "quotaExceeded": Kind.QUOTA,
    "resourcesExceeded": Kind.INVALID,  # too much at once: half of it may do
    "duplicate": Kind.EXISTS,
    "notFound": Kind.MISSING,
    "accessDenied": Kind.DENIED,
    "billingNotEnabled": Kind.DENIED,
    "bytesBilledLimitExceeded": Kind.COSTLY,
}
BY_STATUS = {
    401: Kind.DENIED,
    403: Kind.DENIED,
    404: Kind.MISSING,
    409: Kind.EXISTS,
    408: Kind.PASSING,
    429: Kind.PASSING,
}
NOT_LET_IN = "unauthorised"
"""Our reason where it is the key or login itself that is refused: no role would help."""
CONFLICT = re.compile(r"aborted due to|concurrent (update|transaction)|could not serialize", re.IGNORECASE)
OUTSTANDING = re.compile(r"too many DML statements outstanding", re.IGNORECASE)
COSTLY = re.compile(r"exceeded limit for bytes billed", re.IGNORECASE)
ADDRESS = re.compile(r"^[A-Z]+ https?://\S+: ")  # how the library begins: method and full URL
FOOTER = re.compile(r"\s*(Location: \S+\s*)?(Job ID: \S+\s*)?$")
SERVER_ERROR = 500


def trouble_of(exc: BaseException) -> Trouble | None:
    """What an exception of the client library means; None if it is none of BigQuery's."""
    if isinstance(exc, Trouble):
        return exc
    if isinstance(exc, RetryError) and exc.cause is not None:
        return trouble_of(exc.cause)
    if isinstance(exc, GoogleAPICallError):
        first: dict[str, Any] = exc.errors[0] if exc.errors and isinstance(exc.errors[0], dict) else {}
        return sorted_out(str(first.get("reason") or ""), str(exc.message), int(exc.code or 0))
    if isinstance(exc, InvalidResponse):
        status = int(exc.response.status_code)
        return sorted_out("", f"HTTP {status} in an upload", status)
    return _on_the_way(exc)


def _on_the_way(exc: BaseException) -> Trouble | None:
    """A request that brought no answer of BigQuery at all."""
    if isinstance(exc, requests.RequestException | FutureTimeout | ConnectionError | TimeoutError | TransportError):
        return Trouble(Kind.PASSING, _words(exc), "")
    if isinstance(exc, GoogleAuthError) and exc.retryable:
        return Trouble(Kind.PASSING, "no token", "Google could not give one now")
    if isinstance(exc, GoogleAuthError):
        return Trouble(Kind.DENIED, NOT_LET_IN, "Google did not accept the key or login")
    return None


def sorted_out(reason: str, message: str, status: int = 0) -> Trouble:
    """A trouble from Google's reason, its message and the HTTP status (0: of a job)."""
    text = one_line(FOOTER.sub("", ADDRESS.sub("", message.partition("\n")[0])), limit=300)
    if CONFLICT.search(message):
        kind = Kind.CONFLICT
    elif OUTSTANDING.search(message):
        kind = Kind.QUOTA
    elif COSTLY.search(message):
        kind = Kind.COSTLY
    elif reason in BY_REASON:
        kind = BY_REASON[reason]
    elif status >= SERVER_ERROR:
        kind = Kind.PASSING
    else:
        kind = BY_STATUS.get(status, Kind.INVALID)
    return Trouble(kind, reason or (f"HTTP {status}" if status else "failed"), text)


def _words(exc: BaseException) -> str:
    """What happened on the wire, without an address: that of an upload holds its key."""
    if isinstance(exc, requests.Timeout | FutureTimeout | TimeoutError):
        return "no answer in time"
    return (
        "the connection failed" if isinstance(exc, requests.ConnectionError | ConnectionError) else type(exc).__name__
    )
