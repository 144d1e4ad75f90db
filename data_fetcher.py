"""HTTP to one dialer: login discipline, connection slots, retries, and answers streamed to a file.

A body is read only where it must be, and never logged: it may echo the password. An answer counts as an export by its
headers; whether it is the right one is for ``reports/`` to say.
"""

import logging
import random
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import requests
from filelock import FileLock
from requests.auth import HTTPBasicAuth
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_any, stop_before_delay
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from config import Settings
from dialers.accounts import Account
from dialers.answers import Answer, refusal
from dialers.choices import Choices, parse_choices
from dialers.connections import Wire, WireAdapter
from dialers.failures import is_reset, is_silence, transport_error
from dialers.silences import HostSilence
from dialers.slots import HostSlots
from dialers.versions import DialerVersion, version_in
from errors import (
    AccountLocked,
    AnswerBroken,
    CertificateInvalid,
    DialerBusy,
    DialerFailed,
    DialerTimeout,
    DialerUnreachable,
    LoginRejected,
    RequestCancelled,
    SyncError,
    full_disk_named,
)
from messages import Credential, RefusedAccount
from utils import utc_now

LOG = logging.getLogger(__name__)

VERSION_PAGE = "non_agent_api.php"
CHUNK_BYTES = 1 << 18
MESSAGE_BYTES = 4096
FORM_PAGE = "call_report_export.php"
FORM_BYTES = 1 << 20
LEAST_WAIT = 60.0
"""Seconds for which others are waited for, however late it is."""
SLOT_SECONDS = 10.0
"""After that long a kept-alive connection is given up between two requests, so that others get their turn."""
Form = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Traffic:
    """What was exchanged with a dialer for one source."""

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0


class Dialer:
    """The dialer of one source, as one thread of a worker talks to it."""

    def __init__(
        self, source: Credential, settings: Settings, run_id: str, *, cancelled: Callable[[], bool], until: datetime,
        heeds_silence: bool = True,
    ) -> None:  # fmt: skip
        """``until``: when waiting for a free connection or for other users of the account ends.

        ``heeds_silence``: whether a host that keeps one client waiting in vain is not asked for the others either.
        """
        self.traffic = Traffic()
        self.refused: RefusedAccount | None = None
        self._source = source
        self._settings = settings
        self._cancelled = cancelled
        self._until = until
        self._account = Account(settings.data_dir / "accounts", source, run_id)
        self._slots = HostSlots(settings.data_dir / "slots", source.host, source.max_connections)
        self._silence = HostSilence(settings.data_dir / "slots", source.origin, run_id)
        self._heeds_silence = heeds_silence
        self._heard = False
        self._is_kept_alive = False
        self._slot: FileLock | None = None
        self._slot_since = 0.0
        self._server_errors = 0
        self._deadline = 0.0
        self._login = HTTPBasicAuth(source.username.encode("utf-8"), source.password.encode("utf-8"))
        self._wire = Wire()
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WireAdapter(self._wire))
        self._session.headers["User-Agent"] = "vicidial-warehouse"
        if not source.verify_tls:  # the row says so; for the whole process, since filters know no threads
            warnings.simplefilter("ignore", InsecureRequestWarning)

    def __enter__(self) -> "Dialer":
        return self

    def __exit__(self, *_: object) -> None:
        self._give_up_slot()

    @property
    def never_worked(self) -> bool:
        """Whether a request that is not answered could be a failed login."""
        return self._account.never_worked

    def version(self) -> DialerVersion | None:
        """Build and clock; None where the dialer does not say."""
        told = self.introduction()
        return told if isinstance(told, DialerVersion) else None

    def introduction(self) -> DialerVersion | SyncError:
        """The same, or what the dialer says instead."""
        try:
            told: DialerVersion | SyncError = self._attempts(login=False)(self._version_once)
        except SyncError as exc:
            if self._heeds_silence and is_silence(exc):
                self._silence.note()
            raise
        return told

    def _version_once(self) -> DialerVersion | SyncError:
        with self._response(VERSION_PAGE, [("function", "version")], login=False) as response:
            answer = self._answer(response)
            error = self._refusal(answer, VERSION_PAGE)
            if isinstance(error, DialerBusy):
                raise error  # without its build, an old dialer that shows no calls could not be told from an idle one
            return version_in(answer.start) or error

    def download(self, page: str, form: Form, path: Path) -> bool:
        """Ask a report page and stream its export to ``path``; False if the dialer has no calls in that window.

        Raises:
            ClientError: nothing of this source can be read until somebody acts.
            TransientError: number and time of the retries are used up.
        """
        self._server_errors = 0
        downloaded: bool = self._attempts(login=True)(self._download_once, page, form, path)
        return downloaded

    def _download_once(self, page: str, form: Form, path: Path) -> bool:
        self._admit()
        try:
            with self._response(page, form, login=True) as response:
                answer = self._answer(response)
                if answer.proves_login:
                    self._account.works()
                if not answer.is_export:
                    return self._message(answer, page)
                with full_disk_named(path.parent), path.open("wb") as file:
                    for piece in self._body(response):
                        file.write(piece)
                        self._check_cancelled()
            return True
        finally:
            self._account.undecided()

    def choices(self) -> Choices | None:
        """Ask which campaigns and in-groups this login may see; None where the dialer does not say.

        Raises:
            ClientError: nothing of this source can be read until somebody acts.
            TransientError: number and time of the retries are used up.
        """
        self._server_errors = 0
        told: Choices | None = self._attempts(login=True)(self._choices_once)
        return told

    def _choices_once(self) -> Choices | None:
        self._admit()
        try:
            with self._response(FORM_PAGE, [], login=True) as response:
                answer = self._answer(response, most=FORM_BYTES)
                told = parse_choices(answer.start) if answer.status == 200 else None
                if told is not None or answer.proves_login:
                    self._account.works()
                if told is None and not answer.is_export:
                    self._message(answer, FORM_PAGE)
            return told
        finally:
            self._account.undecided()

    def _admit(self) -> None:
        try:
            self._account.admit(wait_for=self._waiting_for_account())
        except LoginRejected:  # by an earlier request, whose worker may not have lived to tell
            self.refused = self._account.refusal()
            raise

    def _message(self, answer: Answer, page: str) -> bool:
        if answer.is_empty_export:
            return False
        error = self._refusal(answer, page)
        if isinstance(error, LoginRejected):
            self._account.refused()
            self.refused = self._account.refusal()
        if isinstance(error, AccountLocked):
            self._account.locked()
        raise error

    def _refusal(self, answer: Answer, page: str) -> SyncError:
        source = self._source
        return refusal(answer, source, page)

    def _answer(self, response: requests.Response, *, most: int = MESSAGE_BYTES) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(status=response.status_code, headers=headers)
        if answer.is_export:
            return answer
        start = b""
        for piece in self._body(response):
            start += piece
            if len(start) >= most:
                break
        return Answer(
            status=response.status_code, headers=headers, start=start.decode("utf-8", errors="replace").strip()
        )

    @contextmanager
    def _response(self, page: str, form: Form, *, login: bool) -> Iterator[requests.Response]:
        """One request in a connection slot; whatever goes wrong on the way is a TransientError or ClientError."""
        source, settings = self._source, self._settings
        silence = min(settings.http_timeout, settings.request_timeout)
        self._take_slot()
        self.traffic.requests += 1
        self._deadline = time.monotonic() + settings.request_timeout.total_seconds()
        try:
            with self._wire.ends_after(settings.request_timeout.total_seconds()):
                response = self._post(page, form, login=login, silence=silence)
            with response:
                self._wire.check_in_time()
                self._heard = True
                self._silence.forget()
                yield response
            self._is_kept_alive = True
        except (requests.RequestException, HTTPError) as exc:
            self._close()  # the slot is kept until others can see what came of it
            error = transport_error(exc, source.host, silence)
            if self._wire.is_overdue:
                error = DialerTimeout(source.host, settings.request_timeout.total_seconds())
            if login and not isinstance(error, DialerUnreachable | CertificateInvalid):
                self._account.unanswered()
            raise error from None  # the original shows the URL
        except BaseException:
            self._give_up_slot()
            raise
        if time.monotonic() - self._slot_since > SLOT_SECONDS:
            self._give_up_slot()

    def _post(self, page: str, form: Form, *, login: bool, silence: timedelta) -> requests.Response:
        """Send a request. A kept-alive connection that is gone is replaced at once: its server took nothing from it."""
        source = self._source
        post = partial(
            self._session.post,
            source.dialer_url + page,
            data=[(name.encode("utf-8"), value.encode("utf-8")) for name, value in form],
            auth=self._login if login else _no_login,
            timeout=(self._settings.connect_timeout.total_seconds(), silence.total_seconds()),
            verify=source.verify_tls,
            allow_redirects=False,
            stream=True,
        )
        if self._is_kept_alive:
            self._is_kept_alive = False
            try:
                return post()
            except (requests.RequestException, HTTPError) as exc:
                if self._wire.is_overdue or not is_reset(exc):
                    raise
            self._close()
            self.traffic.requests += 1
            self.traffic.retries += 1
        return post()

    def _body(self, response: requests.Response) -> Iterator[bytes]:
        """Pieces of the body as they arrive; a body that drips for ever is cut off."""
        while piece := response.raw.read1(CHUNK_BYTES, decode_content=True):
            self.traffic.bytes_received += len(piece)
            yield piece
            if time.monotonic() > self._deadline:
                self._account.unanswered()
                raise DialerTimeout(self._source.host, self._settings.request_timeout.total_seconds())

    def _attempts(self, *, login: bool) -> Retrying:
        """Exponential waits with jitter, a number and a total time, and only for what can pass by itself."""
        settings = self._settings
        total = settings.retry_total.total_seconds()
        return Retrying(
            stop=stop_any(stop_after_attempt(settings.retry_attempts), stop_before_delay(total)),
            wait=_seconds_to_wait,
            retry=retry_if_exception(lambda exc: self._may_be_repeated(exc, login=login)),
            sleep=self._wait,
            before_sleep=self._before_repeating,
            reraise=True,
        )

    def _may_be_repeated(self, exc: BaseException, *, login: bool) -> bool:
        """Not what was cut off while the password had never worked: that could be one more failed login."""
        if self._is_silent:
            return False
        if isinstance(exc, DialerUnreachable | DialerBusy):
            return True
        if isinstance(exc, DialerFailed):
            self._server_errors += 1
            return self._server_errors == 1
        return isinstance(exc, AnswerBroken | DialerTimeout) and not (login and self._account.never_worked)

    def _before_repeating(self, state: RetryCallState) -> None:
        self.traffic.retries += 1
        self._give_up_slot()
        LOG.debug("%s is asked again in %.1f seconds", self._source.host, state.upcoming_sleep)

    def _wait(self, seconds: float) -> None:
        """Sleep, in pieces, so that the end of the run is noticed."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._check_cancelled()
            time.sleep(min(left, 0.2))
        self._check_cancelled()

    def _waiting_for_account(self) -> Callable[[float], None]:
        """Waits for other users of the account, without a connection that one of them may be waiting for."""
        end = time.monotonic() + self._patience()

        def wait(seconds: float) -> None:
            self._give_up_slot()
            if time.monotonic() > end:
                raise DialerBusy(self._source.host, "an earlier request of this user is not answered yet", None)
            self._wait(seconds)

        return wait

    def _patience(self) -> float:
        return max((self._until - utc_now()).total_seconds(), LEAST_WAIT)

    def _check_cancelled(self) -> None:
        if self._cancelled():
            raise RequestCancelled(self._source.host)

    @property
    def _is_silent(self) -> bool:
        """Whether another client has just waited for this host in vain, and this one has not heard of it yet."""
        return self._heeds_silence and not self._heard and self._silence.is_noted()

    def _check_worth_waiting(self) -> None:
        self._check_cancelled()
        if self._is_silent:
            raise DialerUnreachable(self._source.host, "it did not answer another client a moment ago")

    def _take_slot(self) -> None:
        if self._slot is None:
            self._slot = self._slots.take(wait_seconds=self._patience(), give_up=self._check_worth_waiting)
            self._slot_since = time.monotonic()
            self._check_worth_waiting()  # whoever had it may have left a note

    def _close(self) -> None:
        self._session.close()
        self._wire.close()
        self._is_kept_alive = False

    def _give_up_slot(self) -> None:
        """Close the connection first: a slot stands for a connection, an idle one too."""
        self._close()
        if self._slot is not None:
            self._slot.release()
            self._slot = None


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Instead of None, which would take a login from the user's .netrc file."""
    return request


def _seconds_to_wait(state: RetryCallState) -> float:
    """What the dialer asked for, else 1, 2, 4 … seconds, at most 30, each with jitter."""
    exc = state.outcome.exception() if state.outcome else None
    asked = exc.args[2] if isinstance(exc, DialerBusy) else None
    usual = min(2.0 ** (state.attempt_number - 1), 30.0) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
    return float(asked) if asked is not None else usual
