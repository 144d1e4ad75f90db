"""The HTTP side: sockets, keep-alive, chunks, and misbehaving connections.

Standard library only. It writes status line and headers itself, since `http.server` would add its own and in
another order than the real one.
"""

import contextlib
import os
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any

from simulated_dialer.counters import Counters
from simulated_dialer.misbehaviours import Misbehaviour
from simulated_dialer.replies import Reply
from simulated_dialer.requests import Request, login_of, parameters_of

_LARGEST_FORM = 1 << 20
FOLDER = "/vicidial/"
CONTROL_PREFIX = "/_simulated/"
Answering = Callable[[Request], tuple[Reply, Misbehaviour, str, str]]
Controlling = Callable[[str, str, bytes], tuple[int, bytes]]


class DialerServer(socketserver.ThreadingTCPServer):
    """A server with a thread per connection. ``answering`` decides the content, ``controlling`` serves observers."""

    # On Windows the option would let two processes listen on one port.
    allow_reuse_address = os.name != "nt"
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, counters: Counters, answering: Answering, controlling: Controlling) -> None:
        self.counters, self.answering, self.controlling = counters, answering, controlling
        self.stopping = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            for earlier in filter(_has_hung_up, self._sockets):
                self.counters.close_connection(id(earlier))
            self._sockets.add(connection)
        self.counters.open_connection(id(connection))
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.counters.close_connection(id(request))
        with self._lock:
            self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a traceback, except for a client's disconnection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop accepting and hang up on everybody, clients of a hanging answer included."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


def _has_hung_up(connection: socket.socket) -> bool:
    """Return whether the client has closed the connection. Its thread may not have noticed yet."""
    if os.name == "nt":
        return False  # there is no look that does not wait
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class _HungUpError(OSError):
    """We ended the connection on purpose."""


class _Connection(BaseHTTPRequestHandler):
    """One client's connection; one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    server: DialerServer
    _answered = 0

    def do_GET(self) -> None:
        self._respond(b"")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_FORM:
            self.close_connection = True
            bad = Reply(status=400, body=b"bad request\n", closes=True)
            self._send(bad.head(formatdate(usegmt=True), "0") + b"bad request\n")
            return
        self._respond(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing. An address line may hold a secret of the client."""

    def _respond(self, form: bytes) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith(CONTROL_PREFIX):
            self.server.counters.disregard(id(self.connection))
            status, body = self.server.controlling(self.command, path.removeprefix(CONTROL_PREFIX), form)
            reply = Reply(status=status, body=body, content_type="application/json")
            self.connection.sendall(reply.head(formatdate(usegmt=True), "0") + body)
            return
        request = Request(
            method=self.command,
            page=path.removeprefix(FOLDER),  # elsewhere there is nothing
            parameters=parameters_of(query, form.decode("latin-1")),
            login=login_of(self.headers.get("Authorization")),
            address=str(self.client_address[0]),
        )
        self.server.counters.begin_request(request)
        try:
            self._reply_to(request)
        except OSError:
            self.close_connection = True
        finally:
            self.server.counters.end_request()

    def _reply_to(self, request: Request) -> None:
        reply, wrong, date, php = self.server.answering(request)
        self._wait(wrong.latency)
        if wrong.hang or reply.never:
            self._wait(None)
        if wrong.drop_reused and self._answered:
            self._reset()
        self._answered += 1
        self._send_head(reply.head(date, php), wrong)
        if reply.closes:
            self.close_connection = True
        if self.command == "HEAD":
            return
        if reply.is_chunked():
            self._send_chunks(reply, wrong)
        else:
            for piece in _until_reset(reply.pieces(), wrong.reset_after):
                self._send(piece)
        if wrong.reset_after is not None:
            self._reset()

    def _send_head(self, head: bytes, wrong: Misbehaviour) -> None:
        if wrong.trickle_header is False:
            self._send(head)
            return
        for part in _single_bytes(head):
            self._wait(wrong.seconds_between_header_bytes)
            self._send(part)

    def _send_chunks(self, reply: Reply, wrong: Misbehaviour) -> None:
        limit = wrong.reset_after if wrong.cut_after is None else wrong.cut_after
        slow = wrong.trickle is not False
        for piece in _until_reset(_for_ever(reply.pieces()) if slow else reply.pieces(), limit):
            for part in _single_bytes(piece) if slow else (piece,):
                if slow:
                    self._wait(wrong.seconds_between_bytes)
                if len(part):
                    self._send(b"%x\r\n" % len(part))
                    self._send(part)
                    self._send(b"\r\n")
        if limit is None:
            self._send(b"0\r\n\r\n")
        elif wrong.cut_after is not None:
            raise _HungUpError

    def _send(self, piece: bytes | memoryview) -> None:
        if self.server.stopping.is_set():
            raise _HungUpError
        self.connection.sendall(piece)
        self.server.counters.count_bytes(len(piece))

    def _wait(self, seconds: float | None) -> None:
        """Wait, but no longer than the client or the server does."""
        waited = 0.0
        while seconds is None or waited < seconds:
            step = 0.05 if seconds is None else min(0.05, seconds - waited)
            if self.server.stopping.wait(step) or (seconds is None and self._client_left()):
                raise _HungUpError
            waited += step

    def _client_left(self) -> bool:
        self.connection.settimeout(0.001)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
        self.connection.close()
        raise _HungUpError


# struct linger is two shorts on Windows and two ints elsewhere.
_LINGER = "hh" if hasattr(socket, "SO_EXCLUSIVEADDRUSE") else "ii"


def _until_reset(pieces: Iterator[bytes | memoryview], limit: int | None) -> Iterator[bytes | memoryview]:
    """Yield the first ``limit`` bytes of a body, or all of it."""
    left = limit
    for piece in pieces:
        if left is None:
            yield piece
        elif left > 0:
            yield piece[:left]
            left -= len(piece)
        else:
            return


def _single_bytes(piece: bytes | memoryview) -> Iterator[bytes]:
    for at in range(len(piece)):
        yield bytes(piece[at : at + 1])


def _for_ever(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield from pieces
    while True:
        yield b" "
