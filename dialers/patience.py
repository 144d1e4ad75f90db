"""The time that one thread may wait, and its stop signal."""

import time
from collections.abc import Callable, Iterable, Iterator

from errors import RequestCancelled

LEAST_WAIT = 60.0
"""Seconds of waiting for others that are granted however late it is."""
PIECE_SECONDS = 0.2


class Patience:
    """Waiting in pieces, so that the end of the run is noticed."""

    def __init__(self, host: str, *, cancelled: Callable[[], bool], until: float) -> None:
        """Set the limits.

        Args:
            cancelled: returns true once the run ends.
            until: end of waiting for others, by the monotonic clock.
        """
        self._host = host
        self._cancelled = cancelled
        self._until = until

    @property
    def seconds_left(self) -> float:
        """Seconds for which others may be waited for from now on."""
        return max(self._until - time.monotonic(), LEAST_WAIT)

    def check_cancelled(self) -> None:
        """Raise RequestCancelled at the end of the run."""
        if self._cancelled():
            raise RequestCancelled(self._host)

    def sleep(self, seconds: float) -> None:
        """Sleep. Raise RequestCancelled at the end of the run."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check_cancelled()
            time.sleep(min(left, PIECE_SECONDS))
        self.check_cancelled()

    def check_between(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass pieces on. Raise RequestCancelled behind one of them at the end of the run."""
        for piece in pieces:
            yield piece
            self.check_cancelled()
