"""Fingerprints of passwords: a keyed one for the notes in DATA_DIR, and a slow salted one for the warehouse."""

import hmac
import secrets
from hashlib import blake2b, scrypt
from pathlib import Path

from messages import RefusedAccount, Source
from utils import write_durably

KEY_FILE = "key"


def make_account_key(directory: Path) -> None:
    """Make the key of the keyed fingerprints, once and in the parent process, before any worker needs it."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / KEY_FILE
    if not path.exists():
        write_durably(path, secrets.token_bytes(32))


def fingerprint_with_key(password: str, directory: Path) -> str:
    """Return a fingerprint for one DATA_DIR. Without its key no password can be tried against it."""
    key = (directory / KEY_FILE).read_bytes()
    return blake2b(password.encode("utf-8"), key=key, digest_size=16).hexdigest()


def slow_fingerprint(password: str, salt: str) -> str:
    """Return scrypt of a password: another machine can compare it, and guessing costs too much."""
    return scrypt(password.encode("utf-8"), salt=salt.encode("ascii"), n=1 << 14, r=8, p=1).hex()


def is_refusal_of(refusal: RefusedAccount, source: Source) -> bool:
    """Return true if the refusal is of this source's account and of its present password."""
    if refusal.host not in (source.host, source.login_host) or refusal.username != source.username:
        return False
    return hmac.compare_digest(slow_fingerprint(source.password, refusal.salt), refusal.fingerprint)
