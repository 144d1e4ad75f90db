"""An upload over a slow line has minutes, and an answer has seconds."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import requests

from shutdown import Stop
from warehouses.bigquery.transport import BoundedAdapter

BODY = bytes(20_000_000)  # more than the buffers between two sockets take in at once
BYTES_PER_SECOND = 5_000_000


@contextmanager
def slow_reader() -> Iterator[str]:
    """Read a request at the pace of a slow line, then answer 200."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        reader = threading.Thread(target=_read_slowly, args=(listening,))
        reader.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            reader.join()


def _read_slowly(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, suppress(OSError):
        taken = 0
        while taken < len(BODY):
            piece = connection.recv(30_000)
            if not piece:
                return
            taken += len(piece)
            time.sleep(len(piece) / BYTES_PER_SECOND)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def posted(url: str, *, limit: float, upload: float) -> requests.Response:
    with requests.Session() as session:
        session.mount("http://", BoundedAdapter(limit, upload, Stop()))
        return session.post(url, data=BODY)


def test_an_upload_may_take_longer_than_a_request() -> None:
    with slow_reader() as url:
        started = time.monotonic()
        answer = posted(url, limit=2.5, upload=30.0)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert time.monotonic() - started > 3.5


def test_an_upload_has_an_end() -> None:
    with slow_reader() as url, pytest.raises(requests.ConnectionError):
        posted(url, limit=2.5, upload=0.3)
