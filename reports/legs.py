"""Typed columns of call legs, made of the text columns that a report hands over."""

import pyarrow as pa
import pyarrow.compute as pc

from messages import Source
from reports.clocks import SECOND, Moments, to_utc
from reports.identities import LegNumbers, build_call_keys, build_row_hashes
from reports.text_columns import CHANNEL_NUMBER, CHANNEL_NUMBERS, repeat_text
from tables import ARCHIVED, LEAD_COLUMNS, arrow_schema, spool_columns

OUTBOUND, INBOUND = "outbound", "inbound"
"""The directions of a leg. They are also the halves of an export, in its order."""
NOBODY = ("VDAD", "VDCL", "")
"""Users that stand for no agent."""
ARCHIVE_SWITCH = "search_archived_data"
"""Parameter that makes a report read the dialer's archive instead of its live tables."""


def reads_archive(source: Source) -> bool:
    """Tell whether a source reads the dialer's archive instead of its live tables."""
    return dict(source.parameters).get(ARCHIVE_SWITCH, "") not in {"", "0"}


def build_leg_table(
    texts: pa.Table,
    inbound: pa.BooleanArray,
    source: Source,
    report: str,
    *,
    lead_fields: bool,
    numbers: LegNumbers,
) -> pa.Table:
    """Build the columns of ``tables.spool_columns``, with the rows in the order of ``texts``.

    Args:
        texts: n rows of ``text_columns.TEXTS`` with values of the right form.
        inbound: n times whether the leg is one of an in-group.
    """
    count = texts.num_rows
    text = {name: combine_chunks(texts[name]) for name in texts.column_names}
    null = pa.scalar(None, pa.string())
    known = {name: pc.if_else(pc.equal(values, ""), null, values) for name, values in text.items()}
    nobody = pc.is_in(text["user"], pa.array(NOBODY))
    local = pc.cast(text["call_date"], pa.timestamp("us"))
    moments, ambiguous = to_utc(microseconds_of(local), source.timezone, epochs_of(text["uniqueid"]))
    direction = pc.if_else(inbound, INBOUND, OUTBOUND)
    columns: dict[str, pa.Array] = {
        "client_id": repeat_text(source.client_id, count),
        "client_name": repeat_text(source.client_name, count),
        "campaign": repeat_text(source.campaign, count),
        "source_key": repeat_text(source.key, count),
        "source_report": repeat_text(report + ARCHIVED if reads_archive(source) else report, count),
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
    for name, shown in zip(("hangup_cause", "dial_seconds", "answered_seconds"), CHANNEL_NUMBERS, strict=True):
        readable = pc.match_substring_regex(text[shown], CHANNEL_NUMBER)
        columns[name] = pc.cast(pc.if_else(readable, text[shown], null), pa.int64())
    for name in ("lead_id", "vendor_lead_code", "source_id", "phone", "status", "status_name", "user_group"):
        columns[name] = known[name]
    for name in ("caller_code", "server_ip", "dialstatus", "did_pattern", "did_id", "did_description"):
        columns[name] = known[name]
    # without a code, the dialer looks up the result of any call without one
    columns["cpd_result"] = pc.if_else(pc.equal(text["caller_code"], ""), null, known["cpd_result"])
    for name in ("term_reason", "list_id", "uniqueid", *(column.name for column in LEAD_COLUMNS if lead_fields)):
        columns[name] = known[name]
    columns["talk_seconds"] = _build_talk_seconds(columns, known["talk"], inbound)
    columns["call_key"] = build_call_keys(text, direction, source, numbers)
    columns["row_hash"] = build_row_hashes(text, moments, columns, lead_fields=lead_fields)
    schema = arrow_schema(spool_columns(lead_fields=lead_fields))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def combine_chunks(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def microseconds_of(local: pa.Array) -> Moments:
    micros: Moments = pc.cast(local, pa.int64()).to_numpy(zero_copy_only=False)
    return micros


def epochs_of(uniqueid: pa.Array) -> Moments:
    """Return channel epochs in microseconds, 0 for a uniqueid without one. A server may put its own name before it."""
    found = pc.extract_regex(uniqueid, r"^(?:.*-)?(?P<epoch>\d{9,10})\.\d")
    seconds = pc.fill_null(pc.struct_field(found, "epoch"), "0")
    epochs: Moments = pc.cast(seconds, pa.int64()).to_numpy(zero_copy_only=False)
    return epochs * SECOND


def _build_talk_seconds(columns: dict[str, pa.Array], shown: pa.Array, inbound: pa.BooleanArray) -> pa.Array:
    """Return the talking time of the report. Without one, subtract the queue from the length.

    Only inbound legs have one, and it is never below 0.
    """
    length = pc.cast(columns["length_seconds"], pa.float64())
    queue = pc.coalesce(columns["queue_seconds"], pa.scalar(0.0))
    less = pc.max_element_wise(pc.subtract(length, queue), pa.scalar(0.0), skip_nulls=False)
    computed = pc.divide(pc.round(pc.multiply(less, 100.0)), 100.0)  # round(ndigits=2) leaves 63.519999999999996
    ended = pc.if_else(pc.is_valid(length), pc.cast(shown, pa.float64()), pa.scalar(None, pa.float64()))
    return pc.if_else(inbound, pc.coalesce(ended, computed), pa.scalar(None, pa.float64()))
