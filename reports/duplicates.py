"""Counting of each leg of an answer once, however far apart its copies stand."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from reports.chunks import Chunk, hour_counts
from reports.data_frames import table_of


def count_legs_once(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Leave the legs of earlier chunks out of the hour counts of a chunk.

    The copies stay among the rows. The commit keeps one of them, as it does with the legs of two answers.
    """
    seen: set[bytes] = set()
    for chunk in chunks:
        keys = [bytes.fromhex(key) for key in chunk.rows["call_key"]]
        new = np.array([key not in seen for key in keys], dtype=np.bool_)
        seen.update(keys)
        if new.all():
            yield chunk
        else:
            shown = chunk.rows.loc[new]
            yield replace(chunk, hours=hour_counts(table_of(shown)))
