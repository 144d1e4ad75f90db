"""An export on its way to the disk. Its hash and its header row need no second pass over the file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from dialers.size_limits import RecordLimit
from errors import raise_disk_full

START_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Download:
    """An export on the disk."""

    digest: str
    """xxh3_128 of the file: identical answers have the same."""
    start: bytes = field(repr=False)
    """The first 64 kB of the file, with the header row."""


def save_export(pieces: Iterable[bytes], path: Path, limit: RecordLimit) -> Download:
    """Write the pieces of an answer to a file, their records cut at the limit.

    Raises:
        DiskFull: the file cannot be written.
    """
    digest, start = xxhash.xxh3_128(), b""
    with raise_disk_full(path.parent), path.open("wb") as file:
        for piece in _cut(pieces, limit):
            file.write(piece)
            digest.update(piece)
            start += piece[: START_BYTES - len(start)]
    return Download(digest.hexdigest(), start)


def _cut(pieces: Iterable[bytes], limit: RecordLimit) -> Iterator[bytes]:
    yield from map(limit.filter, pieces)
    yield limit.rest()
