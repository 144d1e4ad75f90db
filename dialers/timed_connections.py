"""Connections with a limit on their total time, also for a server that sends byte by byte.

The HTTP library bounds each wait for bytes. A server that sends its header byte by byte never reaches that bound.
"""

import socket
import ssl
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
    """The open socket of one session with one connection at a time."""

    def __init__(self) -> None:
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self.is_overdue = False

    def open(self, connected: socket.socket) -> None:
        """Remember the session's new socket."""
        self._socket = weakref.ref(connected)

    def raise_if_overdue(self) -> None:
        """Raise ReadTimeout if the connection was broken: a header broken off looks like a complete one."""
        if self.is_overdue:
            raise ReadTimeout

    def close(self) -> None:
        """Close the socket now, rather than with the garbage collection of its last answer."""
        connected = self._socket()
        if connected is not None:
            connected.close()

    @contextmanager
    def limit_time(self, seconds: float) -> Iterator[None]:
        """Break the connection if the block takes longer. This wakes its waiting thread."""
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
    """Adapter with one connection, whose socket its wire knows."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools of connections that pass their sockets to the wire."""
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

            def send(self, data: Any) -> None:
                """Send. If the server has closed meanwhile, raise the reason in its last message."""
                try:
                    super().send(data)
                except (ssl.SSLError, ConnectionError):
                    if self.sock is not None:
                        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError, TimeoutError):
                            self.sock.recv(1)
                    raise

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self._pools = {"http": PlainPool, "https": EncryptedPool}
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of a proxy in the same way."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
