"""Whether this process was asked to stop; the pool says so, long work asks."""

from collections.abc import Callable

_asked: list[Callable[[], bool]] = []


def ask_with(stopped: Callable[[], bool]) -> None:
    """From now on ``stop_requested`` answers what ``stopped`` does; a worker's initializer calls it."""
    _asked[:] = [stopped]


def stop_requested() -> bool:
    """False in a process that nobody told how to ask."""
    return bool(_asked) and _asked[0]()
