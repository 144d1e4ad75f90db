"""Rows of a chunk with one call_key: copies of a leg, two calls of one uniqueid, or a contradiction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from reports.legs import OUTBOUND
from tables import CHANNEL_COLUMNS

TWO_OF_ONE_IDENTITY = "another call with the same uniqueid, group and time is kept"


def join_copies(table: pa.Table, *, joined: bool) -> tuple[pa.Table, list[int]]:
    """Join the rows with the same key as another row.

    Copies come from a join with the agent log and differ in the wrap-up time alone. The longest is kept. The dialer
    looks up the channel for each of them, and may find more of it for one: the kept row takes what it lacks from the
    others. Calls of two leads are both kept, because the commit tells them apart.

    Args:
        joined: the report shows copies of a leg, one per matching agent-log record.

    Returns:
        The kept rows, in order, and the indices of the rows with the key but not the values of a kept row.
    """
    keys = table["call_key"].to_pylist()
    if len(set(keys)) == len(keys):
        return table, []
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        alike[key].append(index)
    groups = [indices for indices in alike.values() if len(indices) > 1]
    shown = table.drop_columns(["row_hash", *CHANNEL_COLUMNS]).take(
        pa.array([index for indices in groups for index in indices])
    )
    rows = iter(shown.to_pylist())
    dropped: set[int] = set()
    givers: list[tuple[int, int]] = []
    unlike: list[int] = []
    for indices in groups:
        copies = {index: next(rows) for index in indices}
        wrapups = {index: copies[index].pop("wrapup_seconds") or 0 for index in indices}
        left = sorted(indices, key=lambda index: -wrapups[index])
        kept: list[int] = []
        for index in left:
            if kept and not all(are_two_calls(copies[index], copies[other]) for other in kept):
                dropped.add(index)
                alike_kept = [other for other in kept if copies[index] == copies[other]]
                givers += [(other, index) for other in alike_kept]
                if not joined or not alike_kept:
                    unlike.append(index)
            else:
                kept.append(index)
    best = pa.array([index for index in range(len(keys)) if index not in dropped], pa.int64())
    return _fill_channels(table, givers).take(best), sorted(unlike)


def _fill_channels(table: pa.Table, givers: Sequence[tuple[int, int]]) -> pa.Table:
    """Fill the missing values of a channel in rows from their copies.

    Args:
        givers: pairs of a row and a copy of it. The first copy with a value gives it.
    """
    for name in CHANNEL_COLUMNS if givers else ():
        values = table[name].to_pylist()
        for row, copy in givers:
            if values[row] is None:
                values[row] = values[copy]
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    return table


def are_two_calls(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether rows with one key are certainly two calls. The numbers of a row may be stored in part or not."""
    leads, phones, agents = ((one[name], other[name]) for name in ("lead_id", "phone", "agent"))
    if None in leads or leads[0] == leads[1] or None in phones or phones[0] == phones[1]:
        return False
    return one["direction"] == OUTBOUND or (None not in agents and agents[0] != agents[1])
