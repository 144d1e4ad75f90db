"""Reads that run side by side, ahead of the use of their results."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class Prefetch:
    """Results of named reads. Each is used once, so that a later read sees what was written in between."""

    def __init__(self) -> None:
        self._started: dict[str, Future[list[dict[str, Any]]]] = {}

    @contextmanager
    def start(self, reads: Mapping[str, Callable[[], list[dict[str, Any]]]]) -> Iterator[None]:
        """Run all reads side by side while the block runs. Forget unused results afterwards."""
        with ThreadPoolExecutor(max_workers=len(reads), thread_name_prefix="prefetch") as threads:
            self._started = {name: threads.submit(read) for name, read in reads.items()}
            try:
                yield
            finally:
                self._started = {}

    def take(self, name: str, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows of a read under this name, or read now. Raises what the read raised."""
        started = self._started.pop(name, None)
        return read() if started is None else started.result()
