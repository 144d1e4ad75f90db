"""Counts of requests, connections and bytes. A `Seen` is a constant snapshot."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simulated_dialer.requests import Request

_REQUESTS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request, without its secrets. ``user`` is the login's, ``parameters`` are pairs in order."""

    page: str
    method: str
    user: str
    parameters: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str | None:
        return next((value for key, value in self.parameters if key == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Counters since the dialer started. Connections are open TCP connections, idle ones included.

    ``log`` holds the last 10,000 requests. ``failed_logins`` is by user, as sent.
    """

    requests: int
    requests_by_page: Mapping[str, int]
    failed_logins: Mapping[str, int]
    connections: int
    connections_now: int
    most_connections_at_once: int
    requests_now: int
    most_requests_at_once: int
    bytes_sent: int
    log: tuple[SeenRequest, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Counters:
    """Counters for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: Counter[str] = Counter()
        self._log: deque[SeenRequest] = deque(maxlen=_REQUESTS_KEPT)
        self._open: dict[int, int] = {}
        self._connections = self._most_open = self._answering = self._most_answering = self._bytes = 0

    def open_connection(self, connection: int) -> None:
        with self._lock:
            self._open[connection] = self._most_open
            self._connections += 1
            self._most_open = max(self._most_open, len(self._open))

    def close_connection(self, connection: int) -> None:
        with self._lock:
            self._open.pop(connection, None)

    def disregard(self, connection: int) -> None:
        """Take back the connection of an observer. Observing must not change the counts."""
        with self._lock:
            most_before = self._open.pop(connection, None)
            if most_before is not None:
                self._connections -= 1
                self._most_open = max(most_before, self._most_open - 1)

    @property
    def answering(self) -> int:
        with self._lock:
            return self._answering

    def begin_request(self, request: Request) -> None:
        user = request.login.user if request.login else request.one("user") if "api" in request.page else ""
        seen = SeenRequest(request.page, request.method, user, request.without_secrets())
        with self._lock:
            self._pages[request.page] += 1
            self._log.append(seen)
            self._answering += 1
            self._most_answering = max(self._most_answering, self._answering)

    def end_request(self) -> None:
        with self._lock:
            self._answering -= 1

    def count_bytes(self, count: int) -> None:
        with self._lock:
            self._bytes += count

    def snapshot(self, failed_logins: Mapping[str, int]) -> Seen:
        with self._lock:
            return Seen(
                requests=self._pages.total(),
                requests_by_page=dict(self._pages),
                failed_logins=failed_logins,
                connections=self._connections,
                connections_now=len(self._open),
                most_connections_at_once=self._most_open,
                requests_now=self._answering,
                most_requests_at_once=self._most_answering,
                bytes_sent=self._bytes,
                log=tuple(self._log),
            )
