"""HTTP to one dialer: version, report downloads and the export form, with retries and login discipline.

A body is read only where it must be, and never logged: it may echo the password. An answer counts as an export by its
headers. Whether it is the right one is for ``reports/`` to say.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config import Settings
from dialers.accounts import Account
from dialers.answers import Answer
from dialers.channels import Channel
from dialers.connections import Form, Traffic
from dialers.downloads import Download, save_export
from dialers.export_form import Choices, parse_choices
from dialers.http_failures import is_silence
from dialers.patience import Patience
from dialers.retries import Retries
from dialers.size_limits import RecordLimit
from dialers.version_cache import VersionAnswer, VersionCache
from dialers.versions import DialerVersion, parse_version
from errors import AccountLocked, ClientCertificateWanted, DialerBusy, EncryptionMissing, LoginRejected, SyncError
from messages import RefusedAccount, Source
from utils import utc_now

__all__ = ["Dialer", "Download", "Form", "Traffic"]

VERSION_PAGE = "non_agent_api.php"
FORM_PAGE = "call_report_export.php"
FORM_BYTES = 1 << 20


class Dialer:
    """The dialer of one source, as one thread of a worker talks to it."""

    def __init__(
        self, source: Source, settings: Settings, run_id: str, *, cancelled: Callable[[], bool], until: float,
        skips_silent_hosts: bool = True,
    ) -> None:  # fmt: skip
        """Prepare to talk. Nothing is sent yet.

        Args:
            cancelled: returns true once the run ends.
            until: end of waiting for a connection or for other users of the account, by the monotonic clock.
            skips_silent_hosts: do not ask a host that kept another client waiting in vain.
        """
        self.refused: RefusedAccount | None = None
        self.form_sender: str | None = None
        """Server and program that sent the form of the export page. None before it was asked for."""
        self._source = source
        self._settings = settings
        self._account = Account(settings.data_dir / "accounts", source, run_id)
        self._patience = Patience(source.host, cancelled=cancelled, until=until)
        self._channel = Channel(
            source, settings, run_id, self._account, self._patience, skips_silent_hosts=skips_silent_hosts
        )
        self._retries = Retries(source.host, settings, self._channel, self._account, self._patience)
        self._version_cache = VersionCache(settings.data_dir / "slots", source, run_id)

    def __enter__(self) -> "Dialer":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.release()

    @property
    def traffic(self) -> Traffic:
        """Counters of the exchange so far."""
        return self._channel.traffic

    @property
    def never_worked(self) -> bool:
        """A request without an answer could be a failed login."""
        return self._account.never_worked

    @property
    def was_unanswered(self) -> bool:
        """An earlier run has asked with this password in vain."""
        return self._account.was_unanswered

    def version(self) -> DialerVersion | None:
        """Return build and clock. None if the dialer does not tell. It is asked once in a run, for all its sources."""
        known = self._version_cache.read()
        if known is None:
            with self._version_cache.turn(self._channel.check_worth_waiting):
                known = self._version_cache.read()
                if known is None:
                    reply = self.ask_version()
                    version = reply if isinstance(reply, DialerVersion) else None
                    known = VersionAnswer(version=version, asked_at=utc_now())
                    self._version_cache.store(known)
        return known.version

    def ask_version(self) -> DialerVersion | SyncError:
        """Ask for build and clock. Return the error in their place if the dialer does not tell.

        Raises:
            ClientError, TransientError: there was no answer, or nothing more may be asked.
        """
        try:
            return self._retries.run(self._ask_version_once, login=False)
        except SyncError as exc:
            if is_silence(exc):
                self._channel.note_silence()
            raise

    def _ask_version_once(self) -> DialerVersion | SyncError:
        with self._channel.ask(VERSION_PAGE, [("function", "version")], login=False) as response:
            answer = self._channel.read_answer(response)
            error = self._channel.error_of(answer, VERSION_PAGE)
            if isinstance(error, EncryptionMissing | ClientCertificateWanted):
                raise error  # before a password is sent
            if isinstance(error, DialerBusy):
                raise error  # without its build, an old dialer that shows no calls could not be told from an idle one
            return parse_version(answer.start) or error

    def download(self, page: str, form: Form, path: Path, *, record_end: bytes = b"\r\n") -> Download | None:
        """Ask a report page and stream its export to a file. None if the dialer has no calls in that window.

        Records that are longer than MAX_RECORD_KB are cut to that size.

        Raises:
            ClientError: nothing of this source can be read until somebody acts.
            TransientError: number and time of the retries are used up.
        """
        return self._retries.run(partial(self._download_once, page, form, path, record_end), login=True)

    def _download_once(self, page: str, form: Form, path: Path, record_end: bytes) -> Download | None:
        with self._login_turn(), self._channel.ask(page, form, login=True) as response:
            answer = self._channel.read_answer(response)
            if answer.proves_login:
                self._account.record_success()
            if answer.is_empty_export:
                return None
            if not answer.is_export:
                raise self._message_error(answer, page)
            limit = RecordLimit(self._settings.max_record_kb << 10, record_end)
            download = save_export(self._patience.check_between(self._channel.stream(response)), path, limit)
            self.traffic.shortened += limit.shortened
            return download

    def choices(self) -> Choices | None:
        """Ask once for the campaigns and in-groups in view of this login. None if the dialer does not tell.

        Raises:
            ClientError: nothing of this source can be read until somebody acts.
            TransientError: there was no answer. It is not repeated, since no call depends on it.
        """
        with self._login_turn(), self._channel.ask(FORM_PAGE, [], login=True) as response:
            answer = self._channel.read_answer(response, most=FORM_BYTES)
            choices = parse_choices(answer.start) if answer.status == 200 else None
            if answer.is_form:
                self.form_sender = answer.sender
            if choices is not None or answer.proves_login:
                self._account.record_success()
            if choices is None and not (answer.is_export or answer.is_empty_export):
                raise self._message_error(answer, FORM_PAGE)
            return choices

    @contextmanager
    def _login_turn(self) -> Iterator[None]:
        """Wait for the account's turn, and restore its note unless the answer says something of the password."""
        try:
            self._account.admit(wait_for=self._wait_for_account())
        except LoginRejected:  # by an earlier request, whose worker may not have lived to report it
            self.refused = self._account.refusal()
            raise
        try:
            yield
        finally:
            self._account.record_nothing()

    def _wait_for_account(self) -> Callable[[float], None]:
        """Return a wait for other users of the account. It holds no connection that one of them may need."""
        end = time.monotonic() + self._patience.seconds_left

        def wait(seconds: float) -> None:
            self._channel.release()
            if time.monotonic() > end:
                raise DialerBusy(self._source.host, "an earlier request of this user is not answered yet", None)
            self._patience.sleep(seconds)

        return wait

    def _message_error(self, answer: Answer, page: str) -> SyncError:
        """Return the error for a message in place of an export, and note what it says of the login."""
        error = self._channel.error_of(answer, page)
        if isinstance(error, LoginRejected):
            self._account.record_refusal()
            self.refused = self._account.refusal()
        if isinstance(error, AccountLocked):
            self._account.record_lock()
        return error
