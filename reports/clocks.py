"""Conversion of a dialer's wall clock to UTC. It is pure, and the same on every platform.

Exports print local time without an offset. In the repeated hour of autumn, the channel's epoch in ``uniqueid`` decides.
Without one, the earlier moment is taken and the row is marked. Arrow's own zone functions are not used: they need a
zone database, which Windows lacks, and cannot mark a single row.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Moments = npt.NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
DIRECT_CALL = 300 * SECOND
"""A leg this close to its channel's epoch is the channel's first one. A transferred leg comes later."""


def to_utc(local: Moments, zone: str, epochs: Moments) -> tuple[Moments, npt.NDArray[np.bool_]]:
    """Convert local wall-clock times to moments in UTC.

    Args:
        local: n wall-clock times, microseconds since 1970 on the local clock.
        zone: IANA name.
        epochs: n epochs of the channels in microseconds UTC, 0 where unknown.

    Returns:
        n moments in microseconds UTC, and whether each remains ambiguous.
    """
    moments = local.copy()
    ambiguous = np.zeros(len(local), dtype=np.bool_)
    days = local // DAY
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        offset = _offset_of_day(int(day), zone)
        if offset is not None:
            moments[rows] -= offset
            continue
        for row in rows:
            moments[row], ambiguous[row] = _one_to_utc(int(local[row]), zone, int(epochs[row]))
    return moments, ambiguous


@lru_cache(maxsize=4096)
def _offset_of_day(day: int, zone: str) -> int | None:
    """Return the day's only offset from UTC in microseconds. None if the clock changes on that day."""
    midnight = datetime(1970, 1, 1) + timedelta(days=day)  # noqa: DTZ001 - a wall clock has no zone
    offsets = {
        (midnight + timedelta(minutes=minutes)).replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset()
        for minutes in range(0, 1441, 30)
        for fold in (0, 1)
    }
    only = offsets.pop()
    return None if offsets or only is None else round(only.total_seconds()) * SECOND


def _one_to_utc(local: int, zone: str, epoch: int) -> tuple[int, bool]:
    wall = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=local)
    offsets = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    earlier, later = (local - round(offset.total_seconds()) * SECOND for offset in offsets)
    if earlier >= later:  # unique, or skipped in spring: the offset before the gap counts
        return earlier, False
    if not epoch:
        return earlier, True
    if epoch > earlier + DIRECT_CALL:  # a leg does not start before its channel does
        return later, False
    return earlier, epoch < earlier - DIRECT_CALL
