"""Splits a tab-separated export into records and counts their fields, in constant memory.

Records end in CRLF; a lone LF may stand inside a field, so neither a line reader nor a CSV reader can do this.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

TIMESTAMP = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LEAST_READ, MOST_READ = 1 << 20, 1 << 26
LIKELY_RECORD_BYTES = 512
MOST_OF_ONE_SECOND = 10_000
"""How many records of the same second may lengthen a chunk; a real dialer shows a few dozen."""


@dataclass(frozen=True, slots=True)
class Records:
    """Some whole records: ``data[starts[i]:ends[i]]`` is record i without its CRLF; ``fields`` counts its fields."""

    data: bytes
    starts: Positions
    ends: Positions
    fields: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def terminated(self) -> bool:
        """Whether the last record has its CRLF."""
        return len(self.data) == int(self.ends[-1]) + 2

    def raw(self, index: int) -> bytes:
        return self.data[int(self.starts[index]) : int(self.ends[index])]

    def line(self, index: int) -> bytes:
        return self.data[int(self.starts[index]) : int(self.ends[index]) + 2]


def read_header(file: BinaryIO) -> bytes:
    """First record of an export; leaves the file behind its CRLF. Empty if there is none within 64 kB."""
    start = file.read(1 << 16)
    end = start.find(b"\r\n")
    if end < 0:
        return b""
    file.seek(end + 2)
    return start[:end]


def record_chunks(file: BinaryIO, chunk_records: int, separator: bytes = b"\t") -> Iterator[Records]:
    """Chunks of ``chunk_records`` records, each lengthened to the end of its last second.

    Exports are in the order of call time, so that copies of one call leg never fall into two chunks. What stands
    behind the last CRLF, a record that was cut off, comes as one more record.
    """
    pending = b""
    read_bytes = min(max(LEAST_READ, chunk_records * LIKELY_RECORD_BYTES), MOST_READ)
    while True:
        piece = file.read(read_bytes)
        pending += piece
        ends = _crlf(pending)
        if not piece and len(pending) > (int(ends[-1]) + 2 if len(ends) else 0):
            ends = np.append(ends, len(pending))
        taken = 0
        while (cut := _cut(pending, ends, taken, chunk_records, at_end=not piece)) is not None:
            yield _records(pending, ends, taken, cut, separator)
            taken = cut
        if not piece:
            return
        if not taken:
            read_bytes *= 2
        else:
            pending = pending[int(ends[taken - 1]) + 2 :]


def _crlf(data: bytes) -> Positions:
    """Positions of every CR that an LF follows."""
    octets = np.frombuffer(data, dtype=np.uint8)
    line_feeds = np.flatnonzero(octets == 10)
    line_feeds = line_feeds[line_feeds > 0]
    ends: Positions = line_feeds[octets[line_feeds - 1] == 13] - 1
    return ends


def _cut(data: bytes, ends: Positions, taken: int, chunk_records: int, *, at_end: bool) -> int | None:
    """Index behind the last record of the next chunk; None if more must be read, or nothing is left."""
    if taken + chunk_records >= len(ends):
        return len(ends) if at_end and taken < len(ends) else None
    cut = taken + chunk_records
    latest = min(len(ends), cut + MOST_OF_ONE_SECOND)
    times = (_time(data, ends, index) for index in range(cut - 1, taken - 1, -1))
    last = next((time for time in times if time), None)
    while cut < latest and _time(data, ends, cut) in (last, None):
        cut += 1
    return cut if cut < len(ends) or at_end or cut == latest else None


def _time(data: bytes, ends: Positions, index: int) -> bytes | None:
    """The second of a record; None for a piece of one that a CRLF inside a field has split."""
    begins = TIMESTAMP.match(data, int(ends[index - 1]) + 2 if index else 0)
    return begins[0] if begins else None


def _records(data: bytes, ends: Positions, first: int, behind: int, separator: bytes) -> Records:
    base = int(ends[first - 1]) + 2 if first else 0
    own = ends[first:behind] - base
    piece = data[base : base + int(own[-1]) + 2]
    starts = np.concatenate(([0], own[:-1] + 2))
    separators = np.flatnonzero(np.frombuffer(piece, dtype=np.uint8) == separator[0])
    fields = np.searchsorted(separators, own) - np.searchsorted(separators, starts) + 1
    return Records(piece, starts, own, fields)
