"""Login discipline: at most one failed login per account and stored password, over all workers, cycles and restarts.

VICIdial locks an account after ten failed logins on any page. So the first request of an account in a run goes alone,
a note that a crash survives precedes the first one with a password that has not worked yet, and a refused password is
not tried again. The notes lie in DATA_DIR and hold keyed fingerprints; the warehouse gets slow, salted ones.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b, scrypt
from pathlib import Path

from filelock import FileLock, Timeout

from dialers.slots import file_name_of
from errors import AccountLocked, LoginRejected, LoginUnclear
from messages import CLOCK_TOLERANCE, Credential, RefusedAccount
from utils import utc_now, write_durably

LOCK_WAIT = timedelta(minutes=16)
"""VICIdial's 15 minutes, and one for clocks."""
UNCLEAR_WAIT = timedelta(hours=1)
POLL_SECONDS = 0.1
WORKS, REFUSED, UNANSWERED = "works", "refused", "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of one password of an account; times are ISO in UTC."""

    state: str
    run_id: str
    since: str
    tries: int = 0
    """Requests with a password that has never worked, none of which was answered."""

    @property
    def next_try(self) -> datetime:
        """One unanswered try may be repeated in the next run, each further one only after twice the time."""
        wait = UNCLEAR_WAIT * 2 ** min(self.tries - 2, 5) if self.tries > 1 else timedelta()
        return datetime.fromisoformat(self.since) + wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """The file of one account: ``passwords`` by keyed fingerprint, ``salt`` for the slow ones."""

    salt: str
    locked_until: str = ""
    passwords: dict[str, Note] = field(default_factory=dict)


class Account:
    """One login on one dialer, as all workers with this DATA_DIR see it. Each thread makes its own."""

    def __init__(self, directory: Path, source: Credential, run_id: str) -> None:
        self._source = source
        self._run_id = run_id
        self._path = notes_file(directory, source.host, source.username)
        self._lock = FileLock(self._path.with_suffix(".lock"), thread_local=False)
        self._editing = FileLock(self._path.with_suffix(".edit"), thread_local=False)
        self._fingerprint = _keyed(source.password, directory / "key")
        self._before: Note | None = None

    def admit(self, *, wait_for: Callable[[float], None]) -> None:
        """Wait until a request may be sent; the first of a run is alone until its answer is known.

        Args:
            wait_for: sleeps some seconds, and raises to give up waiting.

        Raises:
            LoginRejected, LoginUnclear, AccountLocked: nothing may be sent.
        """
        while not self._works_in_this_run():
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                wait_for(POLL_SECONDS)
                continue
            try:
                alone = not self._works_in_this_run()
                if alone:
                    self._leave_note()
            except BaseException:
                self._lock.release()
                raise
            if not alone:
                self._lock.release()
            return

    def works(self) -> None:
        """The dialer took the password: others may go on with it."""
        if not self._works_in_this_run():
            self._write(Note(state=WORKS, run_id=self._run_id, since=utc_now().isoformat()))
        self._lock.release()

    def refused(self) -> None:
        """The dialer did not take the password: no request with it any more, by anybody."""
        self._write(Note(state=REFUSED, run_id=self._run_id, since=utc_now().isoformat()))
        self._lock.release()

    def locked(self) -> None:
        """The dialer has locked the account: nothing is sent for a while, whatever the password."""
        with self._editing:
            self._save(replace(self._notes(), locked_until=(utc_now() + LOCK_WAIT).isoformat()))
        self.undecided()

    def undecided(self) -> None:
        """The answer says nothing of the password, or the request was never sent: all is as it was before."""
        if self._lock.is_locked:
            self._write(self._before)
            self._lock.release()

    def unanswered(self) -> None:
        """It was sent and nothing came back: the note stays."""
        self._lock.release()

    def release(self, states: Container[str]) -> bool:
        """Forget the note on this very password if it is in one of ``states``; whether it was. A lock stays."""
        if not self._path.exists():
            return False
        with self._editing:
            notes = self._notes()
            note = notes.passwords.get(self._fingerprint)
            if note is None or note.state not in states:
                return False
            passwords = {key: other for key, other in notes.passwords.items() if key != self._fingerprint}
            self._save(replace(notes, passwords=passwords))
        return True

    @property
    def never_worked(self) -> bool:
        """Whether a repeated request could be a repeated failed login."""
        note = self._notes().passwords.get(self._fingerprint)
        return note is None or note.state != WORKS

    @property
    def refused_since(self) -> datetime | None:
        """When this very password was refused; None where it was not, as far as this DATA_DIR knows."""
        note = self._notes().passwords.get(self._fingerprint)
        return datetime.fromisoformat(note.since) if note is not None and note.state == REFUSED else None

    def refusal(self) -> RefusedAccount:
        """What the warehouse remembers of a refused password."""
        salt = self._notes().salt
        return RefusedAccount(
            host=self._source.host,
            username=self._source.username,
            salt=salt,
            fingerprint=slow_fingerprint(self._source.password, salt),
            refused_at=utc_now(),
            reason="login rejected",
        )

    def _works_in_this_run(self) -> bool:
        notes = self._bounded(self._notes())
        if notes.locked_until and datetime.fromisoformat(notes.locked_until) > utc_now():
            until = notes.locked_until[:16].replace("T", " ") + " UTC"
            raise AccountLocked(self._source.host, self._source.username, until)
        note = notes.passwords.get(self._fingerprint)
        if note is not None and note.state == REFUSED:
            raise LoginRejected(self._source.host, self._source.username, self._source.argument)
        return note is not None and (note.state, note.run_id) == (WORKS, self._run_id)

    def _bounded(self, notes: Notes) -> Notes:
        """Return the notes without a moment that a wrong clock put too far ahead. Waiting starts again from now."""
        now = utc_now()
        note, latest = notes.passwords.get(self._fingerprint), now + LOCK_WAIT
        lock_is_wrong = bool(notes.locked_until) and datetime.fromisoformat(notes.locked_until) > latest
        note_is_wrong = note is not None and datetime.fromisoformat(note.since) > now + CLOCK_TOLERANCE
        if not (lock_is_wrong or note_is_wrong):
            return notes
        with self._editing:
            notes = self._notes()
            if lock_is_wrong:
                notes = replace(notes, locked_until=min(notes.locked_until, latest.isoformat()))
            if note_is_wrong and (note := notes.passwords.get(self._fingerprint)):
                since = min(note.since, now.isoformat())
                notes = replace(notes, passwords={**notes.passwords, self._fingerprint: replace(note, since=since)})
            self._save(notes)
        return notes

    def _leave_note(self) -> None:
        """Say what is about to be tried, so that a crash in the middle of it is known to the next run."""
        self._before = note = self._notes().passwords.get(self._fingerprint)
        if note is not None and note.state == WORKS:
            return
        if note is not None and (note.run_id == self._run_id or note.next_try > utc_now()):
            at = f"{note.next_try:%Y-%m-%d %H:%M} UTC"
            source = self._source
            raise LoginUnclear(source.host, source.username, note.tries, at, source.argument)
        tries = note.tries + 1 if note is not None else 1
        self._write(Note(state=UNANSWERED, run_id=self._run_id, since=utc_now().isoformat(), tries=tries))

    def _notes(self) -> Notes:
        if not self._path.exists():
            return Notes(salt=secrets.token_hex(16))
        content = json.loads(self._path.read_text(encoding="utf-8"))
        content["passwords"] = {key: Note(**note) for key, note in content["passwords"].items()}
        return Notes(**content)

    def _write(self, note: Note | None) -> None:
        with self._editing:  # the account's lock is not held by those whose password has worked
            notes = self._notes()
            passwords = {key: other for key, other in notes.passwords.items() if key != self._fingerprint}
            if note is not None:
                passwords[self._fingerprint] = note
            self._save(replace(notes, passwords=passwords))

    def _save(self, notes: Notes) -> None:
        write_durably(self._path, json.dumps(asdict(notes)).encode("utf-8"))


def notes_file(directory: Path, host: str, username: str) -> Path:
    """Where the notes on one account are."""
    return directory / f"{file_name_of(host, username.casefold())}.json"


def slow_fingerprint(password: str, salt: str) -> str:
    """scrypt of a password, so that another machine can compare it and nobody can guess it."""
    return scrypt(password.encode("utf-8"), salt=salt.encode("ascii"), n=1 << 14, r=8, p=1).hex()


def is_of(refusal: RefusedAccount, source: Credential) -> bool:
    """Whether the warehouse remembers this source's very password as refused."""
    if (refusal.host, refusal.username) != (source.host, source.username):
        return False
    return hmac.compare_digest(slow_fingerprint(source.password, refusal.salt), refusal.fingerprint)


def _keyed(password: str, key_file: Path) -> str:
    """A fingerprint for this DATA_DIR alone: without its key nothing can be tried against it."""
    return blake2b(password.encode("utf-8"), key=key_file.read_bytes(), digest_size=16).hexdigest()


def make_key(directory: Path) -> None:
    """The parent makes the key once, before any worker needs it."""
    directory.mkdir(parents=True, exist_ok=True)
    key_file = directory / "key"
    if not key_file.exists():
        write_durably(key_file, secrets.token_bytes(32))
