"""The sockets of the proxy: threads, connections on both sides, and how they end.

It passes the Host header on, so that the address which the emulator gives for an upload's bytes is the proxy's own.
Each request has a connection to the emulator of its own: one that was killed and started again is simply found.
"""

import contextlib
import http.client
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.bigquery.faults import Answer, Fault
from tests.bigquery.request_kinds import Asked, Seen

_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Desk(Protocol):
    """The part of the proxy that records requests and chooses their faults."""

    target: str
    released: threading.Event

    def note(self, asked: Asked) -> Seen: ...
    def note_upload(self, seen: Seen, answer: Answer) -> None: ...
    def submitted(self, job_id: str | None) -> dict[str, Any] | None: ...
    def fault_for(self, seen: Seen) -> Fault | None: ...


class ProxyServer(ThreadingHTTPServer):
    """Serves each connection in a thread, and joins all threads at its stop."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.errors: list[Exception] = []
        self._sockets: set[socket.socket] = set()
        self._sockets_lock = threading.Lock()
        self._stopping = False
        super().__init__(("127.0.0.1", 0), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.track(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.forget(request)
        super().shutdown_request(request)

    def track(self, connection: socket.socket) -> None:
        """Shut a connection down when the proxy stops, or at once if it is stopping."""
        with self._sockets_lock:
            self._sockets.add(connection)
            if self._stopping:
                _shut_down(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._sockets_lock:
            self._sockets.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client or an emulator that is gone. It only ends this connection."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, OSError | http.client.HTTPException):
            self.errors.append(error)

    def stop(self) -> None:
        """Hang up on clients and emulator, then wait for the threads."""
        with self._sockets_lock:
            self._stopping = True
            for connection in self._sockets:
                _shut_down(connection)
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    """One client's connection. During a request it is the :class:`faults.Exchange`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ProxyServer
    seen: Seen
    released: threading.Event

    def _exchange(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client left in the middle of its request")
        self._asked = Asked(self.command, self.path, tuple(self.headers.items()), body)
        self.released = self.server.desk.released  # before it is seen: whoever sees it may release it
        self.seen = self.server.desk.note(self._asked)
        fault = self.server.desk.fault_for(self.seen)
        if fault is None:
            self.reply(self.forward())
        else:
            fault(self)

    def do_GET(self) -> None:
        self._exchange()

    def do_POST(self) -> None:
        self._exchange()

    def do_PUT(self) -> None:
        self._exchange()

    def do_PATCH(self) -> None:
        self._exchange()

    def do_DELETE(self) -> None:
        self._exchange()

    def forward(self) -> Answer:
        upstream = http.client.HTTPConnection(self.server.desk.target)
        with contextlib.closing(upstream):
            upstream.connect()
            self.server.track(upstream.sock)
            try:
                answer = self._ask(upstream)
            finally:
                self.server.forget(upstream.sock)
        if self.seen.kind == "start_upload":
            self.server.desk.note_upload(self.seen, answer)
        return answer

    def _ask(self, upstream: http.client.HTTPConnection) -> Answer:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in _passed_on(self._asked.headers):
            upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(self._asked.body)))
        upstream.endheaders(self._asked.body)
        with upstream.getresponse() as response:
            return Answer(response.status, _passed_on(tuple(response.getheaders())), response.read())

    def reply(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def reply_in_pieces(self, piece: bytes, seconds_between: float) -> None:
        self.send_response_only(http.HTTPStatus.OK)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.released.wait(seconds_between):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.hang_up()

    def hang_up(self) -> None:
        self.close_connection = True
        _shut_down(self.connection)

    def job(self) -> dict[str, Any] | None:
        return self.server.desk.submitted(self.seen.job_id)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, since tests read ``seen``."""


def _passed_on(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return the headers without those of one connection."""
    return tuple((name, value) for name, value in headers if name.lower() not in _OWN_HEADERS)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is shut down already
        connection.shutdown(socket.SHUT_RDWR)
