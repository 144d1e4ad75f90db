"""Retry policy: exponential waits with jitter, a number and a total time, for errors that can pass by themselves."""

import logging
import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_any, stop_before_delay

from config import Settings
from dialers.accounts import Account
from dialers.channels import Channel
from dialers.patience import Patience
from errors import AnswerBroken, DialerBusy, DialerFailed, DialerTimeout, DialerUnreachable

LOG = logging.getLogger(__name__)
LONGEST_WAIT = 30.0
"""Seconds, before jitter."""
Result = TypeVar("Result")


class Retries:
    """The retry policy of one thread towards one dialer."""

    def __init__(self, host: str, settings: Settings, channel: Channel, account: Account, patience: Patience) -> None:
        self._host = host
        self._settings = settings
        self._channel = channel
        self._account = account
        self._patience = patience
        self._server_errors = 0

    def run(self, request: Callable[[], Result], *, login: bool) -> Result:
        """Call a request until it succeeds, its error is final, or number or time of the retries are used up."""
        self._server_errors = 0
        total = self._settings.retry_total.total_seconds()
        retrying = Retrying(
            stop=stop_any(stop_after_attempt(self._settings.retry_attempts), stop_before_delay(total)),
            wait=seconds_to_wait,
            retry=retry_if_exception(lambda exc: self._may_repeat(exc, login=login)),
            sleep=self._patience.sleep,
            before_sleep=self._prepare,
            reraise=True,
        )
        return retrying(request)

    def _may_repeat(self, exc: BaseException, *, login: bool) -> bool:
        """Return true for transient errors. A broken answer to an unproven password could be one more failed login."""
        if self._channel.is_silent:
            return False
        if isinstance(exc, DialerUnreachable | DialerBusy):
            return True
        if isinstance(exc, DialerFailed):
            self._server_errors += 1
            return self._server_errors == 1
        return isinstance(exc, AnswerBroken | DialerTimeout) and not (login and self._account.never_worked)

    def _prepare(self, state: RetryCallState) -> None:
        self._channel.traffic.retries += 1
        self._channel.release()
        LOG.debug("%s is asked again in %.1f seconds", self._host, state.upcoming_sleep)


def seconds_to_wait(state: RetryCallState) -> float:
    """Return the dialer's own Retry-After, else 1, 2, 4 … seconds, at most 30, each with jitter."""
    exc = state.outcome.exception() if state.outcome else None
    asked = exc.args[2] if isinstance(exc, DialerBusy) else None
    usual = min(2.0 ** (state.attempt_number - 1), LONGEST_WAIT) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
    return float(asked) if asked is not None else usual
