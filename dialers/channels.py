"""Requests of one thread to one dialer: one at a time, in a connection slot, within limits of time and size."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from urllib3.exceptions import HTTPError

from config import Settings
from dialers.accounts import Account
from dialers.answers import Answer
from dialers.connections import Connection, Form, Traffic
from dialers.patience import Patience
from dialers.refusals import refusal
from dialers.unreachable_hosts import FOUND_SILENT, UnreachableHosts
from errors import (
    AnswerTooLarge,
    AuthoritiesUnusable,
    CertificateInvalid,
    ClientCertificateWanted,
    DialerTimeout,
    DialerUnreachable,
    HandshakeRefused,
    ProxyFailed,
    SyncError,
    TLSTooOld,
)
from messages import Source

CHUNK_BYTES = 1 << 18
MESSAGE_BYTES = 4096
NOT_SENT = (
    DialerUnreachable, CertificateInvalid, TLSTooOld, ClientCertificateWanted, HandshakeRefused, ProxyFailed,
    AuthoritiesUnusable,
)  # fmt: skip
"""Errors of a connection that never stood, so that no login can have failed."""


class Channel:
    """The way of one thread to the dialer of one source."""

    def __init__(
        self, source: Source, settings: Settings, run_id: str, account: Account, patience: Patience, *,
        skips_silent_hosts: bool,
    ) -> None:  # fmt: skip
        """Connect nothing yet.

        Args:
            skips_silent_hosts: do not ask a host that kept another client of the run waiting in vain.
        """
        self.traffic = Traffic()
        self._source = source
        self._settings = settings
        self._account = account
        self._patience = patience
        self._run_id = run_id
        self._hosts = UnreachableHosts(settings.data_dir)
        self._skips_silent_hosts = skips_silent_hosts
        self._connection = Connection(source, settings, self.traffic)
        self._has_answered = False
        self._deadline = 0.0

    @contextmanager
    def ask(self, page: str, form: Form, *, login: bool) -> Iterator[requests.Response]:
        """Send one request in a connection slot.

        Raises:
            ClientError, TransientError: whatever went wrong on the way.
        """
        self._connection.take_slot(wait_seconds=self._patience.seconds_left, give_up=self.check_worth_waiting)
        self._deadline = time.monotonic() + self._settings.request_timeout.total_seconds()
        try:
            with self._connection.post(page, form, login=login) as response:
                self._has_answered = True
                self._hosts.note_answer(self._source.address.origin)
                yield response
        except (requests.RequestException, HTTPError) as exc:
            self._connection.close()  # the slot is kept until others can see what came of it
            error = self._connection.translate(exc)
            if login and not isinstance(error, NOT_SENT):
                self._account.record_silence()
            raise error from None  # the original shows the URL
        except BaseException:
            self.release()
            raise
        self._connection.release_if_old()

    def read_answer(self, response: requests.Response, *, most: int = MESSAGE_BYTES) -> Answer:
        """Return status and headers. Of an answer that is no export, read the first bytes of the body too."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = Answer(status=response.status_code, headers=headers)
        if answer.is_export:
            return answer
        start = b""
        for piece in self.stream(response):
            start += piece
            if len(start) >= most:
                break
        text = start.decode("utf-8", errors="replace").strip()
        return Answer(status=response.status_code, headers=headers, start=text)

    def stream(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body in pieces as they arrive, expanded. Give up one that drips for ever or never ends."""
        left = self._settings.max_answer_mb << 20
        while piece := response.raw.read1(CHUNK_BYTES, decode_content=True):
            self.traffic.bytes_received += len(piece)
            left -= len(piece)
            if left < 0:
                self._connection.close()
                raise AnswerTooLarge(self._source.host, self._settings.max_answer_mb)
            yield piece
            if time.monotonic() > self._deadline:
                self._account.record_silence()
                raise DialerTimeout(self._source.host, self._settings.request_timeout.total_seconds())

    def error_of(self, answer: Answer, page: str) -> SyncError:
        """Return the error behind an answer without an export, of the dialer or of a proxy in its place."""
        return self._connection.proxy_refusal(answer.status) or refusal(answer, self._source, page)

    @property
    def is_silent(self) -> bool:
        """Another client has just waited for this host in vain, and this one has not had an answer yet."""
        if not self._skips_silent_hosts or self._has_answered:
            return False
        return self._hosts.is_silent(self._source.address.origin, self._run_id)

    def check_worth_waiting(self) -> None:
        """Raise at the end of the run, or once another client has waited for this host in vain."""
        self._patience.check_cancelled()
        if self.is_silent:
            raise DialerUnreachable(self._source.host, FOUND_SILENT)

    def note_silence(self) -> None:
        """Note the host's silence for the other clients."""
        if self._skips_silent_hosts:
            self._hosts.note_silence(self._source.address.origin, self._run_id)

    def release(self) -> None:
        """Close the connection and give up its slot."""
        self._connection.release()
