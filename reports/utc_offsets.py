"""Offset from UTC of the wall clock behind a dialer's calls. Pure.

A uniqueid begins with the epoch of its channel. An outbound call is written down when it is dialled, so the epoch is
the start of the call but for seconds. call_date less the epoch is therefore the offset of the clock that wrote
call_date, whatever zone the dialer's web server has.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from messages import ShownOffset
from reports.clocks import DIRECT_CALL, SECOND
from reports.legs import INBOUND, OUTBOUND, combine_chunks, epochs_of

QUARTER = timedelta(minutes=15)
"""The offset of every zone is a multiple of this."""
FARTHEST = timedelta(hours=14)
MOST = 2 / 3
"""Share of the calls that must agree. Uniqueids without a time are scattered."""


class Offsets:
    """Counts of calls by the offset that they show."""

    def __init__(self) -> None:
        self._calls: dict[str, Counter[int]] = {OUTBOUND: Counter(), INBOUND: Counter()}
        self._scattered: Counter[str] = Counter()
        self._latest: dict[tuple[str, int], int] = {}

    def add(self, rows: pa.Table) -> None:
        """Count rows with the columns of a spool file."""
        epochs = epochs_of(combine_chunks(rows["uniqueid"]))
        local = rows["call_time_local"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        distance = local - epochs
        step = round(QUARTER.total_seconds()) * SECOND
        quarters = np.rint(distance / step).astype(np.int64)
        near = (np.abs(distance - quarters * step) <= DIRECT_CALL) & (np.abs(quarters) <= FARTHEST // QUARTER)
        directions = np.array(rows["direction"].to_pylist())
        for half, counts in self._calls.items():
            ours = (directions == half) & (epochs > 0)
            self._scattered[half] += int((ours & ~near).sum())
            for quarter in np.unique(quarters[ours & near]):
                alike = ours & near & (quarters == quarter)
                counts[int(quarter)] += int(alike.sum())
                place = half, int(quarter)
                self._latest[place] = max(int(epochs[alike].max()), self._latest.get(place, 0))

    def majority(self) -> ShownOffset | None:
        """Return the offset of most outbound calls. In-group calls count only if there are no others."""
        for half, counts in self._calls.items():
            total = counts.total() + self._scattered[half]
            if not total:
                continue
            for quarter, calls in counts.most_common(1):
                if calls >= total * MOST:
                    moment = datetime.fromtimestamp(self._latest[half, quarter] / SECOND, UTC)
                    return ShownOffset(moment=moment, offset=quarter * QUARTER, calls=calls)
            return None
        return None
