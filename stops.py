"""Whether this process was asked to stop: the pool tells a worker, long work looks."""

import threading

_stop = threading.Event()


def request_stop() -> None:
    _stop.set()


def stop_requested() -> bool:
    """Whether the run is about to end, so that nothing further should be started."""
    return _stop.is_set()
