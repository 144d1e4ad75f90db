"""Login discipline: at most one failed login per account and stored password, over all workers, cycles and restarts.

VICIdial locks an account after ten failed logins on any page, and a password can be changed at any moment. So one
request of an account at a time waits for the beginning of its answer, and two in a long run, however many connections
are allowed. A note that survives a crash precedes the first request with a password that has not worked yet. A refused
password is not tried again. The notes lie in DATA_DIR and hold keyed fingerprints. The warehouse has slow ones.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from dialers.fingerprints import slow_fingerprint
from dialers.login_notes import LoginNotes, LoginState, Note
from errors import AccountLocked, LoginRejected, LoginUnclear
from messages import RefusedAccount, Source
from utils import utc_now

POLL_SECONDS = 0.03
MOST_UNPROVEN = 2
"""Logins without an answer yet, at most: if the password is changed meanwhile, each is a failed one."""
ONE_BY_ONE = timedelta(seconds=20)
"""Time after its first answer in a run for which an account has one login at a time. Only longer loads gain by two."""


class Account:
    """One login on one dialer, as all workers with this DATA_DIR see it. Each thread makes its own."""

    def __init__(self, directory: Path, source: Source, run_id: str) -> None:
        self._source = source
        self._run_id = run_id
        self._notes = LoginNotes(directory, source)
        names = (".lock", ".second.lock")[:MOST_UNPROVEN]
        self._turns = [FileLock(self._notes.path.with_suffix(name), thread_local=False) for name in names]
        self._before: Note | None = None
        self._is_first = False

    def admit(self, *, wait_for: Callable[[float], None]) -> None:
        """Wait until a request may be sent. Until its answer begins it is alone, or one of two after a while.

        Args:
            wait_for: sleeps some seconds, and raises to give up waiting.

        Raises:
            LoginRejected, LoginUnclear, AccountLocked: nothing may be sent.
        """
        while not self._take_turn():
            wait_for(POLL_SECONDS)
        try:
            if self._first_success() is None:
                self._note_first_try()
                self._is_first = True
        except BaseException:
            self._give_up_turn()
            raise

    def _take_turn(self) -> bool:
        """Take a free one of the account's present turns."""
        since = self._first_success()
        is_long_proven = since is not None and utc_now() - since > ONE_BY_ONE
        for turn in self._turns if is_long_proven else self._turns[:1]:
            with suppress(Timeout):
                turn.acquire(timeout=0)
                return True
        return False

    def _give_up_turn(self) -> None:
        self._is_first = False
        for turn in self._turns:
            turn.release()

    def record_success(self) -> None:
        """Note the password as accepted. Others may go on with it."""
        if self._first_success() is None:
            self._put(LoginState.WORKS)
        self._give_up_turn()

    def record_refusal(self) -> None:
        """Note the password as refused. Nobody sends it any more."""
        self._put(LoginState.REFUSED)
        self._give_up_turn()

    def record_lock(self) -> None:
        """Note the account as locked. Nothing is sent for a while, with no password at all."""
        self._notes.lock()
        self.record_nothing()

    def record_nothing(self) -> None:
        """Restore the note as it was: the answer says nothing of the password, or nothing was sent."""
        if self._is_first:
            self._notes.put(self._before)
        self._give_up_turn()

    def record_silence(self) -> None:
        """Leave the note of the try: the request was sent, and nothing came back."""
        self._give_up_turn()

    @property
    def never_worked(self) -> bool:
        """A repeated request could be a repeated failed login."""
        note = self._notes.note
        return note is None or note.state is not LoginState.WORKS

    @property
    def was_unanswered(self) -> bool:
        """An earlier run has sent this password and got no answer."""
        note = self._notes.note
        return note is not None and note.state is LoginState.UNANSWERED and note.run_id != self._run_id

    def refusal(self) -> RefusedAccount:
        """Return the record of a refused password for the warehouse."""
        salt = self._notes.read().salt
        return RefusedAccount(
            host=self._source.host,
            username=self._source.username,
            salt=salt,
            fingerprint=slow_fingerprint(self._source.password, salt),
            refused_at=utc_now(),
            reason="login rejected",
        )

    def _first_success(self) -> datetime | None:
        """Return the time of the password's first success in this run. None if it has not worked yet.

        Raises:
            LoginRejected, AccountLocked: nothing may be sent.
        """
        locked_until, note = self._notes.read_corrected()
        if locked_until and datetime.fromisoformat(locked_until) > utc_now():
            until = locked_until[:16].replace("T", " ") + " UTC"
            raise AccountLocked(self._source.host, self._source.username, until)
        if note is not None and note.state is LoginState.REFUSED:
            raise LoginRejected(self._source.host, self._source.username, self._source.argument)
        if note is None or (note.state, note.run_id) != (LoginState.WORKS, self._run_id):
            return None
        return datetime.fromisoformat(note.since)

    def _note_first_try(self) -> None:
        """Note the try before it is sent, for the next run after a crash."""
        self._before = note = self._notes.note
        if note is not None and note.state is LoginState.WORKS:
            return
        if note is not None and (note.run_id == self._run_id or note.next_try > utc_now()):
            at = f"{note.next_try:%Y-%m-%d %H:%M} UTC"
            source = self._source
            raise LoginUnclear(source.host, source.username, note.tries, at, source.argument)
        self._put(LoginState.UNANSWERED, tries=note.tries + 1 if note is not None else 1)

    def _put(self, state: LoginState, *, tries: int = 0) -> None:
        self._notes.put(Note(state=state, run_id=self._run_id, since=utc_now().isoformat(), tries=tries))
