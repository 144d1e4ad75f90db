"""Records of a tab-separated export and the number of their fields, in constant memory.

Records end in CRLF. A lone LF may stand inside a field, so neither a line reader nor a CSV reader can split them.
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
LONGEST_MEAN = 4 * LIKELY_RECORD_BYTES
"""A chunk has fewer records if they are longer than this on average."""
LEAST_CHUNK_BYTES = 1 << 22
MOST_OF_ONE_SECOND = 10_000
"""Records of the same second that may lengthen a chunk. A real dialer shows a few dozen."""


@dataclass(frozen=True, slots=True)
class Records:
    """Some whole records. Record i is ``data[starts[i]:ends[i]]``, without its CRLF. It has ``fields[i]`` fields."""

    data: bytes
    starts: Positions
    ends: Positions
    fields: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def is_terminated(self) -> bool:
        """Tell whether the last record has its CRLF."""
        return len(self.data) == int(self.ends[-1]) + 2

    def raw(self, index: int) -> bytes:
        return self.data[int(self.starts[index]) : int(self.ends[index])]

    def line(self, index: int) -> bytes:
        return self.data[int(self.starts[index]) : int(self.ends[index]) + 2]


def record_chunks(file: BinaryIO, chunk_records: int, separator: bytes = b"\t") -> Iterator[Records]:
    """Yield chunks of ``chunk_records`` records, each lengthened to the end of its last second.

    Exports are in the order of call time, so that copies of one call leg never fall into two chunks. A record that was
    cut off behind the last CRLF comes as one more record.
    """
    pending = b""
    read_bytes = min(max(LEAST_READ, chunk_records * LIKELY_RECORD_BYTES), MOST_READ)
    while True:
        piece = file.read(read_bytes)
        pending += piece
        ends = _find_line_ends(pending)
        if not piece and len(pending) > (int(ends[-1]) + 2 if len(ends) else 0):
            ends = np.append(ends, len(pending))
        taken = 0
        while (cut := _find_cut(pending, ends, taken, chunk_records, at_end=not piece)) is not None:
            yield _build_records(pending, ends, taken, cut, separator)
            taken = cut
        if not piece:
            return
        if not taken:
            read_bytes *= 2
        else:
            pending = pending[int(ends[taken - 1]) + 2 :]


def _find_line_ends(data: bytes) -> Positions:
    """Return the position of every CRLF."""
    octets = np.frombuffer(data, dtype=np.uint8)
    line_feeds = np.flatnonzero(octets == 10)
    line_feeds = line_feeds[line_feeds > 0]
    ends: Positions = line_feeds[octets[line_feeds - 1] == 13] - 1
    return ends


def _find_cut(data: bytes, ends: Positions, taken: int, chunk_records: int, *, at_end: bool) -> int | None:
    """Return the index behind the last record of the next chunk. None if more must be read, or nothing is left."""
    start = int(ends[taken - 1]) + 2 if taken else 0
    most_bytes = max(LEAST_CHUNK_BYTES, chunk_records * LONGEST_MEAN)
    fitting = int(np.searchsorted(ends, start + most_bytes)) - taken
    cut = taken + min(chunk_records, max(fitting, 1))
    if cut >= len(ends):
        return len(ends) if at_end and taken < len(ends) else None
    latest = min(len(ends), cut + MOST_OF_ONE_SECOND)
    times = (_time(data, ends, index) for index in range(cut - 1, taken - 1, -1))
    last = next((time for time in times if time), None)
    while cut < latest and _time(data, ends, cut) in (last, None):
        cut += 1
    return cut if cut < len(ends) or at_end or cut == latest else None


def _time(data: bytes, ends: Positions, index: int) -> bytes | None:
    """Return the second of a record. None for a piece split off by a CRLF inside a field."""
    begins = TIMESTAMP.match(data, int(ends[index - 1]) + 2 if index else 0)
    return begins[0] if begins else None


def _build_records(data: bytes, ends: Positions, first: int, behind: int, separator: bytes) -> Records:
    base = int(ends[first - 1]) + 2 if first else 0
    own = ends[first:behind] - base
    piece = data[base : base + int(own[-1]) + 2]
    starts = np.concatenate(([0], own[:-1] + 2))
    separators = np.flatnonzero(np.frombuffer(piece, dtype=np.uint8) == separator[0])
    fields = np.searchsorted(separators, own) - np.searchsorted(separators, starts) + 1
    return Records(piece, starts, own, fields)
