"""An answer without end, or a record without end, costs its own client a window and nobody else anything."""

import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import Program
from tests.dialers.sources import listener
from tests.reports.answers import header

MB = 1 << 20
HEADER = "\t".join(header()).encode() + b"\r\n"
EXPORT = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x\r\n"


def one_record(size: int) -> Iterator[bytes]:
    yield HEADER
    for _ in range(size):
        yield b"a" * MB
    yield b"\r\n"


def many_records(size: int) -> Iterator[bytes]:
    yield HEADER
    for _ in range(size):
        yield (b"2026-11-20 10:00:00\t" + b"b" * 100 + b"\r\n") * (MB // 122)


def send_plain(pieces: Callable[[], Iterator[bytes]]) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(EXPORT + b"Connection: close\r\n\r\n")
        for piece in pieces():
            connection.sendall(piece)

    return talk


def send_as_a_bomb(pieces: Callable[[], Iterator[bytes]]) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        body = b"".join(map(packer.compress, pieces())) + packer.flush()
        length = f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(EXPORT + length.encode() + body)

    return talk


@pytest.mark.parametrize(
    ("talk", "most", "words"),
    [
        (send_as_a_bomb(lambda: one_record(300)), 400, "a record is longer than MAX_RECORD_KB"),
        pytest.param(
            send_plain(lambda: one_record(10_000)),
            100,
            "sent more than 100 MB in answer to one request",
            marks=pytest.mark.slow,
        ),
        (send_plain(lambda: many_records(10_000)), 100, "sent more than 100 MB in answer to one request"),
    ],
    ids=["a record of 300 MB in a gzip bomb", "a record of 10 GB", "a body of 10 GB"],
)
def test_what_never_ends_costs_its_own_client_a_window(
    tmp_path: Path, dialers: Dialers, talk: Callable[[socket.socket], None], most: int, words: str
) -> None:
    """Only a run of the whole program shows how large its workers become."""
    program = Program(tmp_path, MAX_ANSWER_MB=str(most), FIRST_RUN_DAYS="0", RETRY_ATTEMPTS="1", HTTP_TIMEOUT="20")
    with listener(talk) as port:
        good, bad = dialers(), f"http://127.0.0.1:{port}"
        program.add_clients(("SALES", bad, "C1"), ("SALES", good.url, "C2"))
        done, largest_kb = program.run_measured("--single")
    assert done.code == 1
    assert words in done.text
    assert {row["client_id"] for row in program.calls()} == {"C2"}
    longest = program.rows("SELECT max(length(record)) AS most FROM vicidial.quarantine")[0]["most"] or 0
    assert longest <= MB
    assert not program.leftovers()
    assert largest_kb < 400 << 10
