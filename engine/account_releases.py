"""Releases accounts that a dialer refused, so that their passwords are tried once more."""

from collections.abc import Container, Sequence

from config import Settings
from database import Warehouse
from dialers.fingerprints import is_refusal_of, make_account_key
from dialers.login_notes import LoginNotes, LoginState
from errors import raise_disk_full
from messages import Source


def release_accounts(
    warehouse: Warehouse, settings: Settings, sources: Sequence[Source], states: Container[LoginState]
) -> set[tuple[str, str]]:
    """Let the passwords of these sources be tried once more. Notes of other passwords stay, and so does a lock.

    Args:
        states: notes in DATA_DIR with one of these states are removed. Refusals in the warehouse always are.

    Returns:
        Host and user of each account that was released.
    """
    known = warehouse.reader.account_refusals()
    refusals = [refusal for refusal in known if any(is_refusal_of(refusal, each) for each in sources)]
    directory = settings.data_dir / "accounts"
    with raise_disk_full(directory):
        make_account_key(directory)
        noted = [source for source in sources if LoginNotes(directory, source).delete_if(states)]
    warehouse.forget_refusals(refusals)
    remembered = {(refusal.host, refusal.username) for refusal in refusals}
    return remembered | {(source.host, source.username) for source in noted}
