"""``call_report_export.php``: every outbound and every in-group call of a time range in one tab-separated answer.

Observed on builds from 2011 to 2025: records end in CRLF and have no quoting. ``campaign_id`` is the campaign of an
outbound call, or the in-group of any other call. Only ``alt_dial`` tells which (MAIN, ALT, NONE … or queue seconds).
"""

import codecs
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from errors import AnswerBroken
from messages import Source, Window
from reports import builds
from reports.chunks import Chunk, build_chunk
from reports.export_records import build_export_records, read_campaigns
from reports.headers import Header
from reports.identities import LegNumbers
from reports.legs import INBOUND, OUTBOUND
from reports.quarantined_records import Layout
from reports.records import TIMESTAMP, record_chunks

NAME = "call_report_export"
PAGE = "call_report_export.php"
ALLOWED_PARAMETERS = frozenset(
    {"campaign[]", "group[]", "list_id[]", "status[]", "user_group[]", "user", "search_archived_data"}
)
KNOWN_SINCE: Mapping[str, builds.Ability] = {"user": builds.ONE_USER, "search_archived_data": builds.ARCHIVED_CALLS}
NEEDED_PARAMETERS: frozenset[str] = frozenset()
MOST_RECORDS = 1_000_000
"""The dialer stops there, in each half, and does not say so."""

PARAMETER_OF = {OUTBOUND: "campaign[]", INBOUND: "group[]"}
ALL, NONE = "---ALL---", "---NONE---"
"""VICIdial's own values in a choice of campaigns or in-groups."""
EXTENDED_2, EXTENDED, STANDARD = "EXTENDED_2", "EXTENDED", "STANDARD"

NEEDED = ("call_date", "phone_number_dialed", "status", "user", "campaign_id", "list_id", "length_in_sec", "user_group",
          "alt_dial", "lead_id", "list_description", "status_name")  # fmt: skip
"""Columns of every answer of this report."""

QUEUE_SECONDS = r"^-?\d+(\.\d+)?$"
"""Form of ``alt_dial`` on an in-group record."""
RESET_FLAG = r"^[YND]\d{0,2}$"
LAYOUT = Layout(
    beginning=TIMESTAMP,
    separator=b"\t",
    line_end=b"\r\n",
    usual_header=b"\t".join(
        b"call_date phone_number_dialed status user full_name campaign_id vendor_lead_code source_id list_id"
        b" gmt_offset_now phone_code phone_number title first_name middle_initial last_name address1 address2 address3"
        b" city state province postal_code country_code gender date_of_birth alt_phone email security_phrase comments"
        b" length_in_sec user_group alt_dial rank owner lead_id entry_date called_count last_local_call_time"
        b" modify_date called_since_last_reset term_reason list_name list_description status_name wrapup_time"
        b" queue_time uniqueid caller_code server_ip hangup_cause dialstatus channel dial_time answered_time cpd_result"
        b" did_pattern did_id did_description".split()
    ),
)
"""The usual header is EXTENDED_2 of builds since 2021. No other known header has as many fields."""


def build_form(
    source: Source, window: Window, detail: str, /, *, half: str | None = None, names: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Build the form fields for a window. Builds without knowledge of hours answer the whole day for any of them."""
    fields = [("run_export", "1"), ("query_date", window.day.isoformat()), ("end_date", window.day.isoformat())]
    if (window.first_hour, window.last_hour) != (0, 23):
        fields += [("query_hour", f"{window.first_hour:02}"), ("end_hour", f"{window.last_hour:02}")]
    for each, parameter in PARAMETER_OF.items():
        if half in (None, each):
            chosen = names or chosen_names(source, each) or ((ALL,) if each in halves(source) else ())
            fields += [(parameter, name) for name in chosen]
    fields += [pair for pair in source.parameters if pair[0] not in PARAMETER_OF.values()]
    fields += [("header_row", "YES"), ("rec_fields", "NONE"), ("custom_fields", "NO"), ("call_notes", "NO")]
    return [*fields, ("export_fields", detail)]


def halves(source: Source, /) -> tuple[str, ...]:
    """Return the halves with a name in the row. Both if the row names nothing."""
    given = {name for name, _ in source.parameters}
    if not given & set(PARAMETER_OF.values()):
        return OUTBOUND, INBOUND
    return tuple(
        half
        for half, parameter in PARAMETER_OF.items()
        if any(name == parameter and value != NONE for name, value in source.parameters)
    )


def chosen_names(source: Source, half: str, /) -> tuple[str, ...]:
    """Return the names of a half. ``---NONE---`` is left out, because some dialers answer it with an empty HTTP 500."""
    found = [value for name, value in source.parameters if name == PARAMETER_OF[half] and value != NONE]
    return () if ALL in found else tuple(found)


def details(build: int | None, /) -> tuple[str, ...]:
    """Return the values of export_fields for a build. It answers an unknown value with STANDARD and does not say so."""
    if builds.EXTENDED_2.is_in(build):
        return (EXTENDED_2, EXTENDED, STANDARD)
    return (EXTENDED, STANDARD) if builds.EXTENDED.is_in(build) else (STANDARD,)


def whole_days_only() -> bool:
    return False


def parse_header(start: bytes) -> Header:
    """Parse the first record. Its names are the same in every language."""
    row = start[: max(start.find(b"\r\n"), 0)]
    names = _parse_names(row)
    return Header(row=row, names=names, detail=_detail_of(names), length=len(row) + 2)


def _parse_names(header_row: bytes) -> tuple[str, ...]:
    """Return the column names. Before 110531 two columns had the same name."""
    names = header_row.removeprefix(codecs.BOM_UTF8).decode("latin-1").split("\t")
    if names[1:2] == ["phone_number"]:
        names[1] = "phone_number_dialed"
    return tuple(names)


def _detail_of(names: tuple[str, ...]) -> str | None:
    if not set(NEEDED) <= set(names) or "custom_fields" in names:  # that one name stands for any number of fields
        return None
    if "uniqueid" not in names:
        return STANDARD
    return EXTENDED_2 if "term_reason" in names else EXTENDED


def parse_records(
    path: Path,
    header: Header,
    source: Source,
    *,
    chunk_records: int,
    lead_fields: bool,
    groups: frozenset[str] = frozenset(),
) -> Iterator[Chunk]:
    """Parse an export into typed chunks.

    Damaged records are repaired if their values allow no doubt. The others are quarantined. Newer builds shift the
    right-hand columns of in-group records by one. They are recognised by value, and the lost term_reason is null.

    Raises:
        AnswerBroken: the file ends inside a record.

    Source: observed answers of builds 110124 to 250720.
    """
    with path.open("rb") as file:
        file.seek(header.length)
        numbers = LegNumbers(joined=True)
        campaigns = cache(lambda: groups | read_campaigns(path, header))
        for records in record_chunks(file, chunk_records):
            if not records.is_terminated:
                raise AnswerBroken(source.host, "it ends inside a record")
            found = build_export_records(records, header.names, campaigns, lead_fields=lead_fields)
            inbound = pc.match_substring_regex(found.texts["queue"], QUEUE_SECONDS).combine_chunks()
            yield build_chunk(
                _undo_shift(found.texts, inbound), inbound, found.raw, source, NAME,
                quarantined=found.quarantined, lead_fields=lead_fields, joined=True, numbers=numbers,
            )  # fmt: skip


def _undo_shift(texts: pa.Table, inbound: pa.BooleanArray) -> pa.Table:
    """Remove the reset flag from the place of term_reason, and the queue from outbound calls."""
    shifted = pc.and_(inbound, pc.match_substring_regex(texts["term_reason"], RESET_FLAG))
    undone = {"term_reason": pc.if_else(shifted, "", texts["term_reason"])}
    undone["queue"] = pc.if_else(inbound, texts["queue"], "")
    for name, values in undone.items():
        texts = texts.set_column(texts.column_names.index(name), name, values)
    return texts
