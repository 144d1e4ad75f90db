"""Replies of a dialer: status, headers in the order of real ones, and a body, perhaps without an end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

CHUNK_BYTES = 1 << 20
Body = bytes | Callable[[], Iterator[bytes | memoryview]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. A body that is not bytes, or with ``chunked``, goes out in chunks and without a length.

    ``closes`` is the HTTP/1.0 answer with ``Connection: close`` that Apache and PHP give to logins refused and to
    scripts that died.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Body = b""
    content_type: str = "text/html; charset=UTF-8"
    chunked: bool = False
    closes: bool = False
    never: bool = False
    """The client waits for it until somebody hangs up."""

    def is_export(self) -> bool:
        return self.content_type == "application/octet-stream"

    def head(self, date: str, php: str) -> bytes:
        """Return the status line and the headers, up to the empty line."""
        version = "1.0" if self.closes else "1.1"
        lines = [
            f"HTTP/{version} {self.status} {HTTPStatus(self.status).phrase}",
            f"Date: {date}",
            f"Server: Apache/2.4 (Simulated) PHP/{php}",
            f"X-Powered-By: PHP/{php}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if self.is_chunked():
            lines.append("Transfer-Encoding: chunked")
        elif isinstance(self.body, bytes):
            lines.append(f"Content-Length: {len(self.body)}")
        if self.closes:
            lines.append("Connection: close")
        lines.append(f"Content-Type: {self.content_type}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def is_chunked(self) -> bool:
        return self.chunked or not isinstance(self.body, bytes)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yield the body in pieces of at most a megabyte."""
        if not isinstance(self.body, bytes):
            yield from self.body()
            return
        view = memoryview(self.body)
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]


def message(text: str, *, charset: str = "UTF-8", api: bool = False) -> Reply:
    """Return a one-line text with status 200. A dialer says nearly everything this way."""
    headers = (("Cache-Control", "no-cache, must-revalidate"), ("Pragma", "no-cache")) if api else ()
    return Reply(body=_line(text), headers=headers, content_type=f"text/html; charset={charset}")


def refusal_page(text: str) -> Reply:
    return Reply(
        status=401,
        headers=(("WWW-Authenticate", 'Basic realm="CONTACT-CENTER-ADMIN"'),),
        body=_line(text),
        closes=True,
    )


def empty_500() -> Reply:
    """Return the reply of a script ended by PHP before its first output."""
    return Reply(status=500, closes=True)


def download(body: Body, filename: str) -> Reply:
    headers = (
        ("Content-Disposition", f'attachment; filename="{filename}"'),
        ("Expires", "0"),
        ("Cache-Control", "must-revalidate, post-check=0, pre-check=0"),
        ("Pragma", "public"),
    )
    return Reply(headers=headers, body=body, content_type="application/octet-stream", chunked=True)


def _line(text: str) -> bytes:
    return f"{text}\n".encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedBody:
    """A body made elsewhere: a recorded excerpt, or ``repeat`` times the same records after a ``head``."""

    source: bytes | Path
    head: bytes = b""
    repeat: int = 1
    when: tuple[tuple[str, str], ...] = field(default=())

    def pieces(self) -> Iterator[bytes | memoryview]:
        if self.head:
            yield self.head
        for _ in range(self.repeat):
            yield from self._once()

    def _once(self) -> Iterator[bytes | memoryview]:
        if isinstance(self.source, bytes):
            view = memoryview(self.source)
            for start in range(0, len(view), CHUNK_BYTES):
                yield view[start : start + CHUNK_BYTES]
            return
        buffer = bytearray(CHUNK_BYTES)
        with self.source.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                yield memoryview(buffer)[:count]
