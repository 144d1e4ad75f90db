"""Connection slots: all worker processes together keep to the connections that a dialer host allows.

A slot is an operating-system lock on a file. The end of a process frees it in every case, kill -9 too. A semaphore
would stay taken for ever. A slot allows one TCP connection, idle ones included.
"""

import random
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock, Timeout

from errors import SlotUnavailable

POLL_SECONDS = 0.05


def file_name_for(*parts: str) -> str:
    """Return a short name for a host or account. It is safe on every file system and hides its meaning."""
    return blake2b("\x1f".join(parts).encode("utf-8"), digest_size=12).hexdigest()


class HostSlots:
    """The slots of one dialer host."""

    def __init__(self, directory: Path, host: str, allowed: int) -> None:
        self._directory = directory / file_name_for(host)
        self._host = host
        self._allowed = allowed

    def take(self, *, wait_seconds: float, give_up: Callable[[], None]) -> FileLock:
        """Take a free slot. It is held until its release.

        Args:
            give_up: raises to give up waiting.

        Raises:
            SlotUnavailable: none became free in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        while True:
            for number in random.sample(range(self._allowed), self._allowed):
                slot = FileLock(self._directory / f"{number}.lock", thread_local=False)
                try:
                    return _acquire(slot)
                except Timeout:
                    continue
            give_up()
            if time.monotonic() > deadline:
                raise SlotUnavailable(self._host, self._allowed)
            time.sleep(POLL_SECONDS * random.uniform(0.5, 2))  # noqa: S311 - fairness, no secret


_IN_PROCESS = threading.Lock()
"""On POSIX a lock file is opened and locked in two steps; one thread at a time keeps descriptors from crossing."""


def _acquire(slot: FileLock) -> FileLock:
    with _IN_PROCESS:
        slot.acquire(timeout=0)
    return slot
