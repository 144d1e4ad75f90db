"""Counting of each leg of an answer once, however far apart its copies stand."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pyarrow as pa

from reports.chunks import Chunk, hour_counts


def count_legs_once(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Leave the legs of earlier chunks out of the hour counts of a chunk.

    The copies stay among the rows. The commit keeps one of them, as it does with the legs of two answers.
    """
    seen: set[bytes] = set()
    for chunk in chunks:
        keys = [bytes.fromhex(key) for key in chunk.table["call_key"].to_pylist()]
        new = [key not in seen for key in keys]
        seen.update(keys)
        if all(new):
            yield chunk
        else:
            yield replace(chunk, hours=hour_counts(chunk.table.filter(pa.array(new, pa.bool_()))))
