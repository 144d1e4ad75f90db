"""Failed requests to BigQuery, classified by the remedy. The reasons are Google's own words."""

import re
from concurrent.futures import TimeoutError as FutureTimeout
from enum import Enum, auto
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError
from google.resumable_media import InvalidResponse
from requests.exceptions import InvalidProxyURL, InvalidSchema, InvalidURL

from network import find_machine_proxy
from utils import one_line


class Kind(Enum):
    """Kinds of failure, by the remedy."""

    TRANSIENT = auto()  # again after seconds: the network, an overloaded server, too many requests
    CONFLICT = auto()  # again at once: another transaction was quicker
    QUOTA = auto()  # again after minutes
    EXISTS = auto()  # the thing to make exists, perhaps by a request with a lost answer
    MISSING = auto()  # a dataset or table is not there
    DENIED = auto()  # a role must be granted
    COSTLY = auto()  # above maximum_bytes_billed
    INVALID = auto()  # the same request fails for ever


class RequestFailed(Exception):
    """A failed call to BigQuery. ``reason`` is Google's own word, if it gives one."""

    def __init__(self, kind: Kind, reason: str, message: str) -> None:
        super().__init__(kind, reason, message)
        self.kind, self.reason, self.message = kind, reason, message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason

    @property
    def is_transient(self) -> bool:
        """Return True if the same request may succeed later."""
        return self.kind in (Kind.TRANSIENT, Kind.CONFLICT, Kind.QUOTA)


BY_REASON = {
    "rateLimitExceeded": Kind.TRANSIENT,
    "jobRateLimitExceeded": Kind.TRANSIENT,
    "userRateLimitExceeded": Kind.TRANSIENT,
    "backendError": Kind.TRANSIENT,
    "jobBackendError": Kind.TRANSIENT,
    "internalError": Kind.TRANSIENT,
    "jobInternalError": Kind.TRANSIENT,
    "badGateway": Kind.TRANSIENT,
    "tableUnavailable": Kind.TRANSIENT,
    "stopped": Kind.TRANSIENT,  # a job that was cancelled, by us or by somebody else
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
    408: Kind.TRANSIENT,
    429: Kind.TRANSIENT,
}
NOT_AUTHENTICATED = "unauthorised"
"""Our own reason for a refused key or login. No role would help."""
CONFLICT = re.compile(r"aborted due to|concurrent (update|transaction)|could not serialize", re.IGNORECASE)
OUTSTANDING = re.compile(r"too many DML statements outstanding", re.IGNORECASE)
COSTLY = re.compile(r"exceeded limit for bytes billed", re.IGNORECASE)
ADDRESS = re.compile(r"^[A-Z]+ https?://\S+: ")  # the library's texts begin with method and full URL
FOOTER = re.compile(r"\s*(Location: \S+\s*)?(Job ID: \S+\s*)?$")
SERVER_ERROR = 500
GOOGLE = "https://bigquery.googleapis.com"
PROXY_ERRORS = (requests.exceptions.ProxyError, InvalidProxyURL, InvalidSchema, InvalidURL)
"""Errors of the HTTP library for a missing proxy or an unusable address of one."""


def classify_exception(exc: BaseException) -> RequestFailed | None:
    """Classify an exception of the client library. Return None for any other exception."""
    if isinstance(exc, RequestFailed):
        return exc
    if isinstance(exc, RetryError) and exc.cause is not None:
        return classify_exception(exc.cause)
    if isinstance(exc, GoogleAPICallError):
        first: dict[str, Any] = exc.errors[0] if exc.errors and isinstance(exc.errors[0], dict) else {}
        return classify_error(str(first.get("reason") or ""), str(exc.message), int(exc.code or 0))
    if isinstance(exc, InvalidResponse):
        status = int(exc.response.status_code)
        return classify_error("", f"HTTP {status} in an upload", status)
    return _classify_connection_error(exc)


def _classify_connection_error(exc: BaseException) -> RequestFailed | None:
    """Classify a request without any answer of BigQuery."""
    if _is_proxy_error(exc):
        proxy = find_machine_proxy(GOOGLE)
        named = f"{proxy.shown}, which {proxy.origin} names on this machine," if proxy else "of this machine"
        return RequestFailed(Kind.TRANSIENT, f"the proxy {named} does not let it through", "")
    if isinstance(exc, requests.RequestException | FutureTimeout | ConnectionError | TimeoutError | TransportError):
        return RequestFailed(Kind.TRANSIENT, _describe_connection_error(exc), "")
    if isinstance(exc, GoogleAuthError) and exc.retryable:
        return RequestFailed(Kind.TRANSIENT, "no token", "Google could not give one now")
    if isinstance(exc, GoogleAuthError):
        return RequestFailed(Kind.DENIED, NOT_AUTHENTICATED, "Google did not accept the key or login")
    return None


def classify_error(reason: str, message: str, status: int = 0) -> RequestFailed:
    """Classify a failure by Google's reason, its message and the HTTP status. A job has status 0."""
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
        kind = Kind.TRANSIENT
    else:
        kind = BY_STATUS.get(status, Kind.INVALID)
    return RequestFailed(kind, reason or (f"HTTP {status}" if status else "failed"), text)


def _describe_connection_error(exc: BaseException) -> str:
    """Describe a connection error without its address, since the address of an upload holds its key."""
    if isinstance(exc, requests.Timeout | FutureTimeout | TimeoutError):
        return "no answer in time"
    return (
        "the connection failed" if isinstance(exc, requests.ConnectionError | ConnectionError) else type(exc).__name__
    )


def _is_proxy_error(exc: BaseException) -> bool:
    """Return True if the error or its cause concerns the proxy of this machine."""
    return isinstance(exc, PROXY_ERRORS) or (exc.__cause__ is not None and _is_proxy_error(exc.__cause__))
