"""Legs of an answer counted once, however far apart their copies stand."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from reports.legs import Chunk, hour_counts


def counted_once(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Chunks whose hours leave out legs that an earlier chunk of the answer has shown.

    The copies stay among the rows: the commit keeps one of them, as it does with legs that two answers show.
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
            yield replace(chunk, hours=hour_counts(pa.Table.from_pandas(shown, preserve_index=False)))
