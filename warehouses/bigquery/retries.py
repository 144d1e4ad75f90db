"""Retries of requests with exponential backoff and a total time."""

import logging
import random
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from errors import (
    BigQueryRefused,
    BillTooHigh,
    GoogleAccountMissing,
    NotInBigQuery,
    ProjectNotReady,
    SyncError,
    WarehouseUnreachable,
)
from shutdown import Stop
from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.failures import NOT_AUTHENTICATED, Kind, RequestFailed, classify_exception
from warehouses.bigquery.rights import Right

LOG = logging.getLogger(__name__)

PAUSES = {Kind.TRANSIENT: (1.0, 32.0), Kind.CONFLICT: (0.5, 8.0), Kind.QUOTA: (15.0, 120.0)}
"""Kind of failure → seconds before the second try, and at most. They double in between, with jitter."""
WAKE_SECONDS = 0.2
ROLES_MISSING = ("accessDenied", "forbidden", "HTTP 403")
"""Reasons of a refusal that a role mends. Others concern the project, such as missing billing."""
MISSING = re.compile(r"Not found: (Dataset|Table) (\S+)")
T = TypeVar("T")


class Retries:
    """Repeats requests until they succeed or ``limit`` is over. Once ``stop`` is set, it repeats nothing."""

    def __init__(self, connection: BigQueryConnection, stop: Stop, limit: timedelta) -> None:
        self._connection = connection
        self._stop = stop
        self._limit = limit

    def retry(self, call: Callable[[], T], right: Right) -> T:
        """Run a repeatable call until it succeeds or the limit is over.

        Args:
            call: any request that may be sent twice.
            right: names the purpose of the call, and the role for it, in an error.

        Raises:
            WarehouseUnreachable: it may succeed later.
            ConfigError: it will not before somebody changes something.
        """
        started = time.monotonic()
        try:
            return self.until(started + self._limit.total_seconds())(lambda: call_once(call))
        except RequestFailed as failure:
            raise self.build_error(failure, right, started) from None

    def until(self, deadline: float) -> Retrying:
        """Build the retry rule for transient failures. ``deadline`` is a moment of the monotonic clock."""
        return Retrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, RequestFailed) and exc.is_transient),
            wait=_pause,
            stop=lambda state: self._stop.is_set() or time.monotonic() + state.upcoming_sleep > deadline,
            sleep=self._sleep,
            before_sleep=_log_retry,
            reraise=True,
        )

    def build_error(self, failure: RequestFailed, right: Right, started: float) -> SyncError:
        """Build the error for the operator. ``started`` is a moment of the monotonic clock."""
        if failure.is_transient:
            return WarehouseUnreachable(time.monotonic() - started, str(failure))
        if failure.kind is Kind.DENIED:
            return self._build_denial(failure, right)
        if failure.kind is Kind.COSTLY:
            return BillTooHigh(failure.message)
        if failure.kind is Kind.MISSING:
            return NotInBigQuery(f"{_missing_thing(failure.message)}, needed to {right.purpose}")
        return BigQueryRefused(right.purpose, str(failure))

    def _build_denial(self, failure: RequestFailed, right: Right) -> SyncError:
        if failure.reason == NOT_AUTHENTICATED:
            return GoogleAccountMissing(failure.message)
        if failure.reason not in ROLES_MISSING:
            return ProjectNotReady(right.purpose, str(failure))
        return right.narrow_to(failure.message).build_error(self._connection.account)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop.is_set():
            time.sleep(min(WAKE_SECONDS, max(until - time.monotonic(), 0)))


def call_once(call: Callable[[], T]) -> T:
    """Run a call. Raise RequestFailed for every error of BigQuery or of the way to it."""
    try:
        return call()
    except SyncError:
        raise
    except Exception as exc:
        failure = classify_exception(exc)
        if failure is None:
            raise
        raise failure from None


def _missing_thing(message: str) -> str:
    """Name the missing table or dataset as Google's message does."""
    found = MISSING.search(message)
    return f"{found[1].lower()} {found[2]}" if found else f"such table or dataset ({message})"


def _pause(state: RetryCallState) -> float:
    return _backoff(state) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, no secret


def _backoff(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    kind = failure.kind if isinstance(failure, RequestFailed) and failure.is_transient else Kind.TRANSIENT
    first, most = PAUSES[kind]
    return float(min(first * 2 ** (state.attempt_number - 1), most))


def _log_retry(state: RetryCallState) -> None:
    failure = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0
    LOG.warning("BigQuery: %s; trying again in %.0f seconds", failure, seconds)
