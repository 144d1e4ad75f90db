"""Notes in DATA_DIR about the logins of one account: how its passwords fared, and how long it is locked.

A file holds keyed fingerprints of passwords. It outlives crashes and restarts, and all workers share it.
"""

import json
import logging
import secrets
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from filelock import FileLock

from dialers.fingerprints import fingerprint_with_key, is_refusal_of
from dialers.slots import file_name_for
from messages import CLOCK_TOLERANCE, RefusedAccount, Source
from utils import utc_now, write_durably

LOG = logging.getLogger(__name__)

LOCK_WAIT = timedelta(minutes=16)
"""VICIdial's 15 minutes, and one for clocks."""
UNCLEAR_WAIT = timedelta(hours=1)


class LoginState(StrEnum):
    """The outcome of the last request with a password."""

    WORKS = "works"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The state of one password of an account. Times are ISO in UTC."""

    state: LoginState
    run_id: str
    since: str
    tries: int = 0
    """Requests with a password that has never worked, all of them without an answer."""

    @property
    def next_try(self) -> datetime:
        """The earliest next try: after one unanswered try the next run, then after twice the time each."""
        wait = UNCLEAR_WAIT * 2 ** min(self.tries - 2, 5) if self.tries > 1 else timedelta()
        return datetime.fromisoformat(self.since) + wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """The file of one account: ``passwords`` by keyed fingerprint, ``salt`` for the slow ones."""

    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    locked_until: str = ""
    passwords: dict[str, Note] = field(default_factory=dict)


class LoginNotes:
    """The notes of one account, as the user of one of its passwords sees them."""

    def __init__(self, directory: Path, source: Source) -> None:
        """Name the file of a source's account. The password in use is that of its row."""
        self.path = notes_path(directory, source.login_host or source.host, source.username)
        self._fingerprint = fingerprint_with_key(source.password, directory)
        self._owner = f"{source.host}'s user {source.username!r}"
        self._editing = FileLock(self.path.with_suffix(".edit"), thread_local=False)

    def read(self) -> Notes:
        """Read the notes. A damaged file counts as empty, so that one request goes alone."""
        if not self.path.exists():
            return Notes()
        try:
            return _parse(self.path.read_text(encoding="utf-8"))
        except (ValueError, LookupError, TypeError, AttributeError) as exc:
            LOG.warning(
                "%s is damaged (%s): what it said of %s is forgotten, and one request finds out anew whether the"
                " password works", self.path, type(exc).__name__, self._owner,
            )  # fmt: skip
            return Notes()

    @property
    def note(self) -> Note | None:
        """The note on the password in use."""
        return self.read().passwords.get(self._fingerprint)

    @property
    def refused_since(self) -> datetime | None:
        """The time of the refusal of the password in use, as far as this DATA_DIR knows."""
        note = self.note
        return datetime.fromisoformat(note.since) if note is not None and note.state is LoginState.REFUSED else None

    def put(self, note: Note | None) -> None:
        """Replace the note on the password in use. None deletes it."""
        self._update(lambda notes: self._replace_note(notes, note))

    def delete_if(self, states: Container[LoginState]) -> bool:
        """Delete the note on the password in use if it is in one of the states. A lock stays.

        Returns:
            True if there was such a note.
        """
        if not self.path.exists():
            return False
        with self._editing:
            notes = self.read()
            note = notes.passwords.get(self._fingerprint)
            if note is None or note.state not in states:
                return False
            self._save(self._replace_note(notes, None))
        return True

    def lock(self) -> None:
        """Note the account as locked from now on."""
        self._update(lambda notes: replace(notes, locked_until=(utc_now() + LOCK_WAIT).isoformat()))

    def read_corrected(self) -> tuple[str, Note | None]:
        """Correct moments too far ahead, left by a wrong clock. Waiting starts again from now.

        Returns:
            The end of the account's lock, empty where it has none, and the note on the password in use.
        """
        now = utc_now()
        notes = self.read()
        if self._correct(notes, now) != notes:
            notes = self._update(lambda notes: self._correct(notes, now))
        return notes.locked_until, notes.passwords.get(self._fingerprint)

    def _correct(self, notes: Notes, now: datetime) -> Notes:
        latest, note = now + LOCK_WAIT, notes.passwords.get(self._fingerprint)
        if notes.locked_until and datetime.fromisoformat(notes.locked_until) > latest:
            notes = replace(notes, locked_until=latest.isoformat())
        if note is not None and datetime.fromisoformat(note.since) > now + CLOCK_TOLERANCE:
            notes = self._replace_note(notes, replace(note, since=now.isoformat()))
        return notes

    def _replace_note(self, notes: Notes, note: Note | None) -> Notes:
        passwords = {key: other for key, other in notes.passwords.items() if key != self._fingerprint}
        return replace(notes, passwords=passwords if note is None else {**passwords, self._fingerprint: note})

    def _update(self, change: Callable[[Notes], Notes]) -> Notes:
        with self._editing:  # users of a password that works do not hold the account's turn
            notes = change(self.read())
            self._save(notes)
        return notes

    def _save(self, notes: Notes) -> None:
        write_durably(self.path, json.dumps(asdict(notes)).encode("utf-8"))


def find_refusal_time(source: Source, refusals: Iterable[RefusedAccount], directory: Path) -> datetime | None:
    """Return the first refusal of the password in use, as the warehouse or this machine's notes know it.

    A refusal found by `check` is in the notes alone until the next cycle.
    """
    known = [refusal.refused_at for refusal in refusals if is_refusal_of(refusal, source)]
    with suppress(OSError):  # no notes yet, or a DATA_DIR that is closed to this account
        noted = LoginNotes(directory, source).refused_since
        known += [noted] if noted else []
    return min(known, default=None)


def notes_path(directory: Path, host: str, username: str) -> Path:
    """Return the path of the notes on one account."""
    return directory / f"{file_name_for(host, username.casefold())}.json"


def _parse(text: str) -> Notes:
    """Parse a file of notes.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is damaged.
    """
    content = json.loads(text)
    content["passwords"] = {
        key: Note(**{**note, "state": LoginState(note["state"])}) for key, note in content["passwords"].items()
    }
    notes = Notes(**content)
    for moment in (notes.locked_until, *(note.since for note in notes.passwords.values())):
        if moment:
            datetime.fromisoformat(moment).astimezone(UTC)
    return notes
