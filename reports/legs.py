"""Typed call rows from the text columns of a report: what every report does alike, whatever its layout.

Text stays text (ids, phones and uniqueid never pass through a number); a value that cannot be typed sends its record to
the quarantine. Keys and hashes are made here, never in SQL, so that they are the same in every warehouse.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from frames import Frame, frame_of, text_frame
from messages import Credential, HourCount
from reports.clocks import DAY, SECOND, Moments, to_utc
from reports.texts import kept_as_it_came
from tables import LEAD_COLUMNS, arrow_schema, spooled_columns

OUTBOUND, INBOUND = "outbound", "inbound"
"""The directions of a leg, which are the halves of an export in its order."""
NOBODY = ("VDAD", "VDCL", "")
"""Users that stand for no agent."""
LIVE = ("QUEUE", "INCALL", "LIVE", "DISPO")
"""Statuses of a leg that has no disposition yet."""
TEXTS = (
    "call_date", "phone", "status", "user", "full_name", "group", "vendor_lead_code", "source_id", "list_id",
    "user_group", "lead_id", "status_name", "uniqueid", "term_reason", "length", "queue", "wrapup", "talk",
)  # fmt: skip
"""The text columns that a report hands over; one that it does not show is full of empty texts."""
HASH_VERSION = "1"
"""Raised when rows must be written again although the dialer shows the same."""
SEPARATOR = "\x1f"
TWO_OF_ONE_IDENTITY = "another call with the same uniqueid, group and time is kept"

Quarantined = list[tuple[bytes, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some records of an answer, typed. ``records`` = rows + quarantined + duplicates.

    ``rows`` has the columns of ``tables.spooled_columns`` with Arrow-backed types, ``quarantined`` has ``record`` and
    ``reason``.
    """

    rows: Frame
    quarantined: Frame
    records: int
    duplicates: int
    hours: tuple[HourCount, ...]
    first_day: date | None
    last_day: date | None


def typed(
    texts: pa.Table,
    inbound: pa.BooleanArray,
    raw: Callable[[int], bytes],
    source: Credential,
    report: str,
    *,
    quarantined: Quarantined,
    lead_fields: bool,
    joined: bool,
) -> Chunk:
    """Type a chunk.

    Args:
        texts: n rows of the columns TEXTS, and of LEAD_COLUMNS if ``lead_fields``.
        inbound: for each row whether it is an in-group leg.
        raw: the record of a row as it came, for the quarantine.
        quarantined: records of the chunk that did not even become a row, with the reason of each.
        joined: the report shows copies of a leg, one per matching agent-log record, which are to be removed.
    """
    records = texts.num_rows + len(quarantined)
    good, refused = _checked(texts)
    quarantined = quarantined + [(raw(index), reason) for index, reason in refused]
    kept_rows = np.arange(texts.num_rows)
    if refused:
        kept_rows = np.flatnonzero(good)
        texts, inbound = texts.take(pa.array(kept_rows)), inbound.take(pa.array(kept_rows))
    table = _rows(texts, inbound, source, report, lead_fields=lead_fields, joined=joined)
    best, strangers = _without_copies(table, joined=joined)
    quarantined += [(raw(int(kept_rows[index])), TWO_OF_ONE_IDENTITY) for index in strangers]
    if len(best) < table.num_rows:
        table = table.take(pa.array(best))
    days = pc.min_max(table["call_date"]).as_py() if table.num_rows else {"min": None, "max": None}
    return Chunk(
        rows=frame_of(table),
        quarantined=text_frame(
            {
                "record": [kept_as_it_came(record) for record, _ in quarantined],
                "reason": [reason for _, reason in quarantined],
            }
        ),
        records=records,
        duplicates=records - table.num_rows - len(quarantined),
        hours=hour_counts(table),
        first_day=days["min"],
        last_day=days["max"],
    )


def _checked(texts: pa.Table) -> tuple[npt.NDArray[np.bool_], list[tuple[int, str]]]:
    """Which rows can be typed, and why the others cannot."""
    checks = (
        ("call_date", r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$"),
        ("length", r"^(-?\d{1,9})?$"),
        ("wrapup", r"^(-?\d{1,9})?$"),
        ("queue", r"^(-?\d{1,9}(\.\d+)?)?$"),
        ("talk", r"^(-?\d{1,9}(\.\d+)?)?$"),
    )
    good = np.ones(texts.num_rows, dtype=np.bool_)
    refused: dict[int, str] = {}
    for name, pattern in checks:
        fits = pc.match_substring_regex(texts[name], pattern).to_numpy()
        for index in np.flatnonzero(~fits):
            refused.setdefault(int(index), f"{name} has a form that cannot be read")
    for index in np.flatnonzero(pc.greater(pc.utf8_slice_codeunits(texts["call_date"], 8, 10), "28").to_numpy()):
        if int(index) not in refused and not _exists(texts["call_date"][int(index)].as_py()):
            refused[int(index)] = "call_date is a day that does not exist"
    good[list(refused)] = False
    return good, sorted(refused.items())


def _exists(call_date: str) -> bool:
    try:
        datetime.fromisoformat(call_date)
    except ValueError:
        return False
    return True


def _rows(
    texts: pa.Table, inbound: pa.BooleanArray, source: Credential, report: str, *, lead_fields: bool, joined: bool
) -> pa.Table:
    """The rows of a spool file, in the order of ``texts``."""
    count = texts.num_rows
    text = {name: _one(texts[name]) for name in texts.column_names}
    null = pa.scalar(None, pa.string())
    known = {name: pc.if_else(pc.equal(values, ""), null, values) for name, values in text.items()}
    nobody = pc.is_in(text["user"], pa.array(NOBODY))
    local = pc.cast(text["call_date"], pa.timestamp("us"))
    moments, ambiguous = to_utc(_micros(local), source.timezone, _epochs(text["uniqueid"]))
    direction = pc.if_else(inbound, INBOUND, OUTBOUND)
    columns: dict[str, pa.Array] = {
        "client_id": _constant(source.client_id, count),
        "client_name": _constant(source.client_name, count),
        "campaign": _constant(source.campaign, count),
        "source_key": _constant(source.source_key, count),
        "source_report": _constant(report, count),
        "direction": direction,
        "call_date": pc.cast(local, pa.date32()),
        "call_time": pa.array(moments, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "call_time_local": local,
        "time_ambiguous": pa.array(ambiguous),
        "ingroup": pc.if_else(inbound, known["group"], null),
        "dialer_campaign": pc.if_else(inbound, null, known["group"]),
        "agent": pc.if_else(nobody, null, text["user"]),
        "agent_name": pc.if_else(nobody, null, known["full_name"]),
        "length_seconds": pc.cast(known["length"], pa.int64()),
        "queue_seconds": pc.cast(known["queue"], pa.float64()),
        "wrapup_seconds": pc.cast(known["wrapup"], pa.int64()),
    }
    for name in ("lead_id", "vendor_lead_code", "source_id", "phone", "status", "status_name", "user_group"):
        columns[name] = known[name]
    for name in ("term_reason", "list_id", "uniqueid", *(column.name for column in LEAD_COLUMNS if lead_fields)):
        columns[name] = known[name]
    columns["talk_seconds"] = _talk(columns, known["talk"], inbound)
    columns["call_key"] = _keys(text, direction, source, joined=joined)
    columns["row_hash"] = _row_hashes(text, moments, columns, lead_fields=lead_fields)
    schema = arrow_schema(spooled_columns(lead_fields=lead_fields))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _constant(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def _micros(local: pa.Array) -> Moments:
    micros: Moments = pc.cast(local, pa.int64()).to_numpy(zero_copy_only=False)
    return micros


def _epochs(uniqueid: pa.Array) -> Moments:
    """Channel epochs in microseconds, 0 where the uniqueid has none. A server may put its own name before it."""
    found = pc.extract_regex(uniqueid, r"^(?:.*-)?(?P<epoch>\d{9,10})\.\d")
    seconds = pc.fill_null(pc.struct_field(found, "epoch"), "0")
    epochs: Moments = pc.cast(seconds, pa.int64()).to_numpy(zero_copy_only=False)
    return epochs * SECOND


def _talk(columns: dict[str, pa.Array], shown: pa.Array, inbound: pa.BooleanArray) -> pa.Array:
    """Talking time as the report shows it, else an inbound leg's length less its queue, never below 0."""
    length = pc.cast(columns["length_seconds"], pa.float64())
    queue = pc.coalesce(columns["queue_seconds"], pa.scalar(0.0))
    less = pc.max_element_wise(pc.subtract(length, queue), pa.scalar(0.0), skip_nulls=False)
    computed = pc.divide(pc.round(pc.multiply(less, 100.0)), 100.0)  # round(ndigits=2) leaves 63.519999999999996
    ended = pc.if_else(pc.is_valid(length), pc.cast(shown, pa.float64()), pa.scalar(None, pa.float64()))
    return pc.if_else(inbound, pc.coalesce(ended, computed), pa.scalar(None, pa.float64()))


def _keys(text: dict[str, pa.Array], direction: pa.Array, source: Credential, *, joined: bool) -> pa.Array:
    """call_key: from what stays the same while a leg lives.

    Without uniqueid equal legs are told apart by counting them: the order of an answer is always the same. Where a join
    makes copies, records that are alike in everything count as one.
    """
    client = _constant(source.client_id, len(direction))
    keyed = pc.binary_join_element_wise(
        client, direction, text["uniqueid"], text["group"], text["call_date"], pa.scalar(SEPARATOR)
    )
    without = pc.equal(text["uniqueid"], "").to_numpy(zero_copy_only=False)
    if not without.any():
        return _hashes(keyed)
    names = pc.binary_join_element_wise(
        client, direction, text["call_date"], text["group"], text["phone"], pa.scalar(SEPARATOR)
    ).to_pylist()
    contents = pc.binary_join_element_wise(*text.values(), pa.scalar(SEPARATOR)).to_pylist()
    keys = keyed.to_pylist()
    legs: defaultdict[str, list[str]] = defaultdict(list)
    for index in np.flatnonzero(without):
        alike = legs[names[index]]
        if not joined or contents[index] not in alike:
            alike.append(contents[index])
        number = alike.index(contents[index]) if joined else len(alike) - 1
        keys[index] = f"{names[index]}{SEPARATOR}{number}"
    return _hashes(pa.array(keys, pa.string()))


def _row_hashes(
    text: dict[str, pa.Array],
    moments: Moments,
    columns: dict[str, pa.Array],
    *,
    lead_fields: bool,
) -> pa.Array:
    """Hash of all that the dialer shows of a leg; not of campaign and client_name, which are ours."""
    shown = [name for name in TEXTS if name not in ("call_date", "user", "full_name")]
    if lead_fields:
        shown += [column.name for column in LEAD_COLUMNS]
    parts = [text[name] for name in shown]
    parts += [pc.coalesce(columns[name], pa.scalar("")) for name in ("agent", "agent_name")]
    parts.append(pc.cast(pa.array(moments), pa.string()))
    version = _constant(HASH_VERSION, len(moments))
    return _hashes(pc.binary_join_element_wise(version, *parts, pa.scalar(SEPARATOR)))


def _hashes(texts: pa.Array) -> pa.Array:
    """xxh3 (128 bit) of each text, as 32 hexadecimal digits."""
    values = texts.cast(pa.large_binary()) if texts.offset else texts.cast(pa.binary())
    return pa.array([xxhash.xxh3_128_hexdigest(value) for value in values.to_pylist()], pa.string())


def _without_copies(table: pa.Table, *, joined: bool) -> tuple[list[int], list[int]]:
    """Rows to keep, in order, and rows that share a key with one of them but tell of another call.

    Copies come from a join with the agent log and differ in the wrap-up time alone: the longest is kept.
    """
    keys = table["call_key"].to_pylist()
    if len(set(keys)) == len(keys):
        return list(range(len(keys))), []
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        alike[key].append(index)
    groups = [indices for indices in alike.values() if len(indices) > 1]
    shown = table.drop_columns(["row_hash"]).take(pa.array([index for indices in groups for index in indices]))
    rows = iter(shown.to_pylist())
    dropped: set[int] = set()
    strangers: list[int] = []
    for indices in groups:
        copies = {index: next(rows) for index in indices}
        wrapups = {index: copies[index].pop("wrapup_seconds") or 0 for index in indices}
        best = max(indices, key=lambda index: wrapups[index])
        dropped.update(index for index in indices if index != best)
        strangers += [index for index in indices if index != best and (not joined or copies[index] != copies[best])]
    return [index for index in range(len(keys)) if index not in dropped], sorted(strangers)


def hour_counts(table: pa.Table) -> tuple[HourCount, ...]:
    """Legs, and legs in progress, of each local hour."""
    micros = _micros(_one(table["call_time_local"]))
    live = pc.or_(pc.is_null(table["length_seconds"]), pc.is_in(table["status"], pa.array(LIVE)))
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
