"""Connection slots: how all worker processes together keep to the connections that a dialer host allows.

A slot is an operating-system lock on a file, which the end of a process frees in every case, kill -9 too; a semaphore
would stay taken for ever. Whoever holds a slot may hold one TCP connection, an idle one included.
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


def file_name_of(*parts: str) -> str:
    """A short name for a host or account that is safe on every file system and tells nobody what it stands for."""
    return blake2b("\x1f".join(parts).encode("utf-8"), digest_size=12).hexdigest()


class HostSlots:
    """The slots of one dialer host."""

    def __init__(self, directory: Path, host: str, allowed: int) -> None:
        self._directory = directory / file_name_of(host)
        self._host = host
        self._allowed = allowed

    def take(self, *, wait_seconds: float, give_up: Callable[[], None]) -> FileLock:
        """A free slot, held until it is released; ``give_up`` may raise while it waits.

        Raises:
            SlotUnavailable: none became free in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        while True:
            for number in random.sample(range(self._allowed), self._allowed):
                slot = FileLock(self._directory / f"{number}.lock", thread_local=False)
                try:
                    return _acquired(slot)
                except Timeout:
                    continue
            give_up()
            if time.monotonic() > deadline:
                raise SlotUnavailable(self._host, self._allowed)
            time.sleep(POLL_SECONDS * random.uniform(0.5, 2))  # noqa: S311 - fairness, no secret


_IN_PROCESS = threading.Lock()
"""On POSIX a lock file is opened and locked in two steps; one thread at a time keeps descriptors from crossing."""


def _acquired(slot: FileLock) -> FileLock:
    with _IN_PROCESS:
        slot.acquire(timeout=0)
    return slot
