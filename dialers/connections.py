"""Connections that end at a moment, whatever the other side does.

The HTTP library bounds each wait for bytes. A server that sends its header byte by byte never reaches that bound.
"""

import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests import ReadTimeout
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Wire:
    """The open socket of one session, which holds one connection at a time."""

    def __init__(self) -> None:
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self.is_overdue = False

    def open(self, connected: socket.socket) -> None:
        """Take the socket that the session is using from now on."""
        self._socket = weakref.ref(connected)

    def check_in_time(self) -> None:
        """Raise ReadTimeout if the connection was broken: a header broken off looks like one that ended."""
        if self.is_overdue:
            raise ReadTimeout

    def close(self) -> None:
        """Close the socket now, rather than when the last answer that came over it is forgotten."""
        connected = self._socket()
        if connected is not None:
            connected.close()

    @contextmanager
    def ends_after(self, seconds: float) -> Iterator[None]:
        """Break the connection if the block takes longer, so that whoever waits for it is woken."""
        self.is_overdue = False
        timer = threading.Timer(seconds, self._break)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _break(self) -> None:
        self.is_overdue = True
        connected = self._socket()
        if connected is not None:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


class WireAdapter(HTTPAdapter):
    """An adapter with one connection, whose socket its wire knows."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools with connections that tell of their sockets."""
        super().init_poolmanager(*arguments, **options)
        wire = self._wire

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                wire.open(self.sock)

        class Encrypted(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                wire.open(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
