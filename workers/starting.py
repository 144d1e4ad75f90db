"""The start of a worker process: deaf to Ctrl+C from its first moment, and frugal with threads and memory."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess

from standard_streams import hide_broken_streams

FRUGAL = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # one worker, one core: campaigns run side by side
    "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2",  # give memory back: 205 MB instead of 370
}  # fmt: skip


class WorkerProcess(SpawnProcess):
    """A process that ignores Ctrl+C from its first moment on, before ``serve`` can say so."""

    def start(self) -> None:
        with _ctrl_c_kept_from_children(), hide_broken_streams():
            super().start()


if sys.platform == "win32":

    @contextmanager
    def _ctrl_c_kept_from_children() -> Iterator[None]:
        """Ignore Ctrl+C for a moment, as children inherit that. One of these few milliseconds is lost here too."""
        kernel = ctypes.windll.kernel32
        kernel.SetConsoleCtrlHandler(None, True)
        try:
            yield
        finally:
            kernel.SetConsoleCtrlHandler(None, False)

else:

    @contextmanager
    def _ctrl_c_kept_from_children() -> Iterator[None]:
        """Block SIGINT for a moment, as children inherit the mask."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def set_frugal_environment() -> Iterator[None]:
    """Set FRUGAL for the processes that start. A worker imports numpy before any line of ours could set it there."""
    added = {name: value for name, value in FRUGAL.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
