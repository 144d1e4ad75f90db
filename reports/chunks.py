"""Chunks: what every report makes of its records. A place to add processing of the rows.

A value that cannot be typed sends its record to the quarantine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from messages import HourCount, Source
from reports.clocks import DAY
from reports.data_frames import Frame, frame_of, table_of
from reports.equal_keys import TWO_OF_ONE_IDENTITY, join_copies
from reports.identities import LegNumbers
from reports.legs import INBOUND, build_leg_table, combine_chunks, microseconds_of
from reports.quarantined_records import UnreadableRecord
from reports.text_columns import check_values
from tables import IN_PROGRESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some records of an answer, typed. ``records`` = rows + quarantined + duplicates."""

    table: pa.Table
    """The columns of ``tables.spool_columns``."""
    quarantined: tuple[UnreadableRecord, ...]
    records: int
    duplicates: int
    hours: tuple[HourCount, ...]
    first_day: date | None
    last_day: date | None

    @property
    def rows(self) -> Frame:
        """The table as a DataFrame with Arrow-backed types, for processing of your own. Each use makes a new one."""
        return frame_of(self.table)

    def with_rows(self, rows: Frame) -> "Chunk":
        """Return the chunk with processed rows. Their number and order, and the columns, stay."""
        return replace(self, table=table_of(rows).cast(self.table.schema))


def build_chunk(
    texts: pa.Table,
    inbound: pa.BooleanArray,
    raw: Callable[[int], bytes],
    source: Source,
    report: str,
    *,
    quarantined: list[UnreadableRecord],
    lead_fields: bool,
    joined: bool,
    numbers: LegNumbers,
) -> Chunk:
    """Type the values of a chunk and remove the copies of legs.

    Args:
        texts: n rows of the columns TEXTS, and of LEAD_COLUMNS if ``lead_fields``.
        inbound: n times whether the leg is one of an in-group.
        raw: returns the record of a row as it came, for the quarantine.
        quarantined: further records of the chunk. They became no row.
        joined: the report shows copies of a leg, one per matching agent-log record.
        numbers: the leg numbers of the chunk's answer.
    """
    records = texts.num_rows + len(quarantined)
    good, refused = check_values(texts)
    quarantined = quarantined + [UnreadableRecord(raw(index), reason) for index, reason in refused]
    kept_rows = np.arange(texts.num_rows)
    if refused:
        kept_rows = np.flatnonzero(good)
        texts, inbound = texts.take(pa.array(kept_rows)), inbound.take(pa.array(kept_rows))
    table = build_leg_table(texts, inbound, source, report, lead_fields=lead_fields, numbers=numbers)
    table, unlike = join_copies(table, joined=joined)
    quarantined += [UnreadableRecord(raw(int(kept_rows[index])), TWO_OF_ONE_IDENTITY) for index in unlike]
    days = pc.min_max(table["call_date"]).as_py() if table.num_rows else {"min": None, "max": None}
    return Chunk(
        table=table,
        quarantined=tuple(quarantined),
        records=records,
        duplicates=records - table.num_rows - len(quarantined),
        hours=hour_counts(table),
        first_day=days["min"],
        last_day=days["max"],
    )


def hour_counts(table: pa.Table) -> tuple[HourCount, ...]:
    """Count the legs, and the legs in progress, of each local hour."""
    micros = microseconds_of(combine_chunks(table["call_time_local"]))
    live = pc.or_(pc.is_null(table["length_seconds"]), pc.is_in(table["status"], pa.array(IN_PROGRESS)))
    in_progress = pc.fill_null(live, False).to_numpy()
    hours, positions = np.unique(micros // (DAY // 24), return_inverse=True)
    legs = np.bincount(positions, minlength=len(hours))
    open_legs = np.bincount(positions, weights=in_progress, minlength=len(hours))
    is_inbound = pc.equal(table["direction"], INBOUND).to_numpy()
    inbound = np.bincount(positions, weights=is_inbound, minlength=len(hours))
    return tuple(
        HourCount(
            day=date.fromordinal(date(1970, 1, 1).toordinal() + int(hour) // 24),
            hour=int(hour) % 24,
            legs=int(legs[at]),
            in_progress=int(open_legs[at]),
            inbound=int(inbound[at]),
        )
        for at, hour in enumerate(hours)
    )
