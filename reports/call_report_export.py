"""``call_report_export.php``: every outbound and every in-group call of a time range in one tab-separated answer.

Observed on builds from 2011 to 2025: records end in CRLF and have no quoting; ``campaign_id`` is the campaign of an
outbound call or the in-group of any other, and only ``alt_dial`` (MAIN, ALT, NONE … or queue seconds) tells which.
"""

import codecs
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from errors import AnswerBroken
from messages import Credential, Window
from reports.kept import Layout
from reports.legs import INBOUND, OUTBOUND, TEXTS, Chunk, Quarantined, typed
from reports.records import TIMESTAMP, Records, read_header, record_chunks
from reports.repairs import Aligner, aligner
from reports.texts import as_utf8, field_text, field_texts
from tables import LEAD_COLUMNS

NAME = "call_report_export"
PAGE = "call_report_export.php"
KEPT_PARAMETERS = frozenset(
    {"campaign[]", "group[]", "list_id[]", "status[]", "user_group[]", "user", "search_archived_data"}
)
NEEDED_PARAMETERS: frozenset[str] = frozenset()
MOST_RECORDS = 1_000_000
"""The dialer stops there, in each half, without a word."""

PARAMETER_OF = {OUTBOUND: "campaign[]", INBOUND: "group[]"}
ALL, NONE = "---ALL---", "---NONE---"
"""VICIdial's own words in a choice of campaigns or in-groups."""
BUILD_WITH_EXTENDED_2, BUILD_WITH_EXTENDED = 160121, 110329
EXTENDED_2, EXTENDED, STANDARD = "EXTENDED_2", "EXTENDED", "STANDARD"

COLUMN_OF = {
    "call_date": "call_date", "phone": "phone_number_dialed", "status": "status", "user": "user",
    "full_name": "full_name", "group": "campaign_id", "vendor_lead_code": "vendor_lead_code",
    "source_id": "source_id", "list_id": "list_id", "user_group": "user_group", "lead_id": "lead_id",
    "status_name": "status_name", "uniqueid": "uniqueid", "term_reason": "term_reason", "length": "length_in_sec",
    "queue": "alt_dial", "wrapup": "wrapup_time", "talk": "",
}  # fmt: skip
"""Text column of ``reports.legs`` → column of the export; talking time is not shown."""
NEEDED = ("call_date", "phone_number_dialed", "status", "user", "campaign_id", "list_id", "length_in_sec", "user_group",
          "alt_dial", "lead_id", "list_description", "status_name")  # fmt: skip
"""Without one of these in the header row, an answer is not this report."""

QUEUE_SECONDS = r"^-?\d+(\.\d+)?$"
"""What ``alt_dial`` looks like on an in-group record."""
RESET_FLAG = r"^[YND]\d{0,2}$"
SCANNED_RECORDS = 10_000
LINE_FEED, CARRIAGE_RETURN = 10, 13
STAND_INS = (0x1E, 0x1D, 0x1C, 0x0B, 0x0C, 0x0E)
"""Control characters that may stand for a line break or tab inside a field while a block is parsed."""
KEPT = Layout(
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
"""The usual header is EXTENDED_2 of builds since 2021; others with as many fields are not known."""


def form(
    source: Credential, window: Window, detail: str, /, *, half: str | None = None, names: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Form fields for a window; hours are sent always, since builds that do not know them answer the whole day."""
    fields = [("run_export", "1"), ("query_date", window.day.isoformat()), ("end_date", window.day.isoformat())]
    if (window.first_hour, window.last_hour) != (0, 23):
        fields += [("query_hour", f"{window.first_hour:02}"), ("end_hour", f"{window.last_hour:02}")]
    for each, parameter in PARAMETER_OF.items():
        if half in (None, each):
            chosen = names or named(source, each) or ((ALL,) if each in halves(source) else ())
            fields += [(parameter, name) for name in chosen]
    fields += [pair for pair in source.parameters if pair[0] not in PARAMETER_OF.values()]
    fields += [("header_row", "YES"), ("rec_fields", "NONE"), ("custom_fields", "NO"), ("call_notes", "NO")]
    return [*fields, ("export_fields", detail)]


def halves(source: Credential, /) -> tuple[str, ...]:
    """Return those of which the row names something, or both where it names nothing."""
    given = {name for name, _ in source.parameters}
    if not given & set(PARAMETER_OF.values()):
        return OUTBOUND, INBOUND
    return tuple(
        half
        for half, parameter in PARAMETER_OF.items()
        if any(name == parameter and value != NONE for name, value in source.parameters)
    )


def named(source: Credential, half: str, /) -> tuple[str, ...]:
    """Return the names of a half. ``---NONE---`` is left out, since some dialers answer it with an empty HTTP 500."""
    found = [value for name, value in source.parameters if name == PARAMETER_OF[half] and value != NONE]
    return () if ALL in found else tuple(found)


def details(build: int | None, /) -> tuple[str, ...]:
    """An export_fields value that a build does not know gives STANDARD without a word."""
    if build is None or build >= BUILD_WITH_EXTENDED_2:
        return (EXTENDED_2, EXTENDED, STANDARD)
    return (EXTENDED, STANDARD) if build >= BUILD_WITH_EXTENDED else (STANDARD,)


def whole_days_only() -> bool:
    return False


def shows(path: Path) -> str | None:
    """By the header row, which is the same in every language."""
    names = _names(header(path))
    if not set(NEEDED) <= set(names) or "custom_fields" in names:  # that one name stands for any number of fields
        return None
    if "uniqueid" not in names:
        return STANDARD
    return EXTENDED_2 if "term_reason" in names else EXTENDED


def header(path: Path) -> bytes:
    with path.open("rb") as file:
        return read_header(file)


def read(
    path: Path, source: Credential, *, chunk_records: int, lead_fields: bool, groups: frozenset[str] = frozenset()
) -> Iterator[Chunk]:
    """Typed chunks of an export.

    Damaged records are put right where their values allow no doubt; the others are quarantined. The right-hand columns
    of in-group records that newer builds shift by one are recognised by value: the term_reason lost there is null.

    Raises:
        AnswerBroken: the file ends inside a record.

    Source: observed answers of builds 110124 to 250720.
    """
    with path.open("rb") as file:
        names = _names(read_header(file))
        campaigns = cache(lambda: groups | _campaigns(path, names))
        for records in record_chunks(file, chunk_records):
            if not records.terminated:
                raise AnswerBroken(source.host, "it ends inside a record")
            sound = np.flatnonzero(records.fields == len(names))
            texts = _sound_texts(records, sound, names, lead_fields=lead_fields)
            repaired, quarantined = _repaired(records, names, campaigns)
            if repaired:
                texts = pa.concat_tables([texts, _repaired_texts(repaired, names, lead_fields=lead_fields)])
            raws = _Raws(records, sound, [record for record, _ in repaired])
            inbound = pc.match_substring_regex(texts["queue"], QUEUE_SECONDS).combine_chunks()
            yield typed(
                _shift_undone(texts, inbound), inbound, raws.raw, source, NAME,
                quarantined=quarantined, lead_fields=lead_fields, joined=True,
            )  # fmt: skip


def _names(header_row: bytes) -> tuple[str, ...]:
    """Column names of a header row; the one that was called like the lead's own number before 110531 gets its name."""
    names = header_row.removeprefix(codecs.BOM_UTF8).decode("latin-1").split("\t")
    if names[1:2] == ["phone_number"]:
        names[1] = "phone_number_dialed"
    return tuple(names)


def _positions(names: tuple[str, ...], *, lead_fields: bool) -> dict[str, int]:
    """Text column of ``reports.legs`` → position in a record, for those that the export has."""
    columns = dict(COLUMN_OF)
    if lead_fields:
        columns |= {column.name: column.name.removeprefix("lead_") for column in LEAD_COLUMNS}
    return {text: names.index(column) for text, column in columns.items() if column in names}


def _sound_texts(
    records: Records, sound: npt.NDArray[np.int64], names: tuple[str, ...], *, lead_fields: bool
) -> pa.Table:
    """Text columns of the records that have the right number of fields."""
    block = records.data if len(sound) == len(records) else b"".join(records.line(int(index)) for index in sound)
    block, stand_in = _without_inner_breaks(block)
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        block = b"\r\n".join(record if record.isascii() else as_utf8(record) for record in block.split(b"\r\n"))
    positions = _positions(names, lead_fields=lead_fields)
    table = _csv(block, len(names), sorted(set(positions.values())), longest=int(max(records.ends - records.starts)))
    texts = {text: table[str(position)] for text, position in positions.items()}
    if stand_in:
        texts = {text: pc.replace_substring(values, stand_in, "\n") for text, values in texts.items()}
    return _complete(texts, len(sound), lead_fields=lead_fields)


def _without_inner_breaks(block: bytes) -> tuple[bytes, str | None]:
    """The block with one control character in place of each LF or CR that ends no record, and that character."""
    octets = np.frombuffer(block, dtype=np.uint8)
    feeds, returns = octets == LINE_FEED, octets == CARRIAGE_RETURN
    inner = feeds ^ returns
    ends = feeds[1:] & returns[:-1]
    inner[1:] &= ~ends
    inner[:-1] &= ~ends
    breaks = np.flatnonzero(inner)
    if not len(breaks):
        return block, None
    stand_in = next((mark for mark in STAND_INS if mark not in block), STAND_INS[0])
    changed = octets.copy()
    changed[breaks] = stand_in
    return changed.tobytes(), chr(stand_in)


def _csv(block: bytes, width: int, positions: list[int], *, longest: int) -> pa.Table:
    """Parse sound lines; columns are named by their position, each a text."""
    names = [str(position) for position in range(width)]
    if not block:
        return pa.table({str(position): pa.array([], pa.string()) for position in positions})
    return csv.read_csv(
        io.BytesIO(block),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(1 << 20, 2 * longest)),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False, newlines_in_values=False),
        convert_options=csv.ConvertOptions(
            include_columns=[str(position) for position in positions],
            column_types={str(position): pa.string() for position in positions},
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )


def _complete(texts: Mapping[str, pa.ChunkedArray], count: int, *, lead_fields: bool) -> pa.Table:
    """All text columns of ``reports.legs``, in its order; those that the export lacks are full of empty texts."""
    wanted = [*TEXTS, *(column.name for column in LEAD_COLUMNS if lead_fields)]
    nothing = pa.repeat(pa.scalar("", pa.string()), count)
    return pa.table({name: texts.get(name, nothing) for name in wanted})


def _repaired(
    records: Records, names: tuple[str, ...], campaigns: Callable[[], frozenset[str]]
) -> tuple[list[tuple[bytes, list[str]]], Quarantined]:
    """Damaged records that could be aligned with the columns, each with its raw bytes, and the others with a reason."""
    repaired: list[tuple[bytes, list[str]]] = []
    quarantined: Quarantined = []
    damaged = [int(index) for index in np.flatnonzero(records.fields != len(names))]
    while damaged:
        last = damaged.pop(0)
        record = records.raw(last)
        while record.count(b"\t") + 1 < len(names) and damaged and damaged[0] == last + 1:
            if TIMESTAMP.match(records.raw(last + 1)):
                break
            last = damaged.pop(0)
            record += b"\r\n" + records.raw(last)  # a CRLF inside a field
        values = _aligner(names)(field_texts(record), campaigns)
        if values is None:
            found = record.count(b"\t") + 1
            quarantined.append((record, f"{found} fields instead of {len(names)}, and their values leave doubt"))
        else:
            repaired.append((record, values))
    return repaired, quarantined


def _campaigns(path: Path, names: tuple[str, ...]) -> frozenset[str]:
    """Campaigns and in-groups of all sound records; asked for only where a damaged one leaves a doubt."""
    position = names.index("campaign_id")
    with path.open("rb") as file:
        read_header(file)
        return frozenset(
            field_text(records.raw(int(index)).split(b"\t", position + 1)[position])
            for records in record_chunks(file, SCANNED_RECORDS)
            for index in np.flatnonzero(records.fields == len(names))
        )


@lru_cache(maxsize=8)
def _aligner(names: tuple[str, ...]) -> Aligner:
    return aligner(names, [column for column in COLUMN_OF.values() if column])


def _repaired_texts(repaired: list[tuple[bytes, list[str]]], names: tuple[str, ...], *, lead_fields: bool) -> pa.Table:
    texts = {
        text: pa.chunked_array([pa.array([values[position] for _, values in repaired], pa.string())])
        for text, position in _positions(names, lead_fields=lead_fields).items()
    }
    return _complete(texts, len(repaired), lead_fields=lead_fields)


def _shift_undone(texts: pa.Table, inbound: pa.BooleanArray) -> pa.Table:
    """No reset flag where the reason of the hang-up should stand, and no queue on outbound calls."""
    shifted = pc.and_(inbound, pc.match_substring_regex(texts["term_reason"], RESET_FLAG))
    undone = {"term_reason": pc.if_else(shifted, "", texts["term_reason"])}
    undone["queue"] = pc.if_else(inbound, texts["queue"], "")
    for name, values in undone.items():
        texts = texts.set_column(texts.column_names.index(name), name, values)
    return texts


@dataclass(frozen=True, slots=True)
class _Raws:
    """The record of each row as it came: sound ones first, then the repaired ones."""

    records: Records
    sound: npt.NDArray[np.int64]
    repaired: list[bytes]

    def raw(self, row: int) -> bytes:
        if row < len(self.sound):
            return self.records.raw(int(self.sound[row]))
        return self.repaired[row - len(self.sound)]
