"""Records of ``call_report_export.php`` as text columns. Sound ones are split in one pass, damaged ones repaired."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from reports.headers import Header
from reports.quarantined_records import UnreadableRecord
from reports.records import TIMESTAMP, Records, record_chunks
from reports.repairs import Aligner
from reports.text_columns import CHANNEL_TEXTS, build_text_table
from reports.text_decoding import as_utf8, field_text, field_texts
from tables import LEAD_COLUMNS

COLUMN_OF = {
    "call_date": "call_date", "phone": "phone_number_dialed", "status": "status", "user": "user",
    "full_name": "full_name", "group": "campaign_id", "vendor_lead_code": "vendor_lead_code",
    "source_id": "source_id", "list_id": "list_id", "user_group": "user_group", "lead_id": "lead_id",
    "status_name": "status_name", "uniqueid": "uniqueid", "term_reason": "term_reason", "length": "length_in_sec",
    "queue": "alt_dial", "wrapup": "wrapup_time", "talk": "",
}  # fmt: skip
"""Text column of ``text_columns.CALL_TEXTS`` → column of the export. Talking time is not shown."""
CHANNEL_COLUMN_OF = {text: text for text in CHANNEL_TEXTS} | {"dial": "dial_time", "answered": "answered_time"}
"""Text column of ``text_columns.CHANNEL_TEXTS`` → column of the export. A record is worth reading without them."""
SCANNED_RECORDS = 10_000
LINE_FEED, CARRIAGE_RETURN = 10, 13
STAND_INS = (0x1E, 0x1D, 0x1C, 0x0B, 0x0C, 0x0E)
"""Control characters to stand for a line break inside a field while a block is parsed."""


@dataclass(frozen=True, slots=True)
class ExportRecords:
    """Some records of an export as text columns: the sound records first, then the repaired ones."""

    texts: pa.Table
    quarantined: list[UnreadableRecord]
    _records: Records
    _sound: npt.NDArray[np.int64]
    _repaired: list[bytes]

    def raw(self, row: int) -> bytes:
        """Return the record of a row as it came."""
        if row < len(self._sound):
            return self._records.raw(int(self._sound[row]))
        return self._repaired[row - len(self._sound)]


def build_export_records(
    records: Records, names: tuple[str, ...], campaigns: Callable[[], frozenset[str]], *, lead_fields: bool
) -> ExportRecords:
    """Split records into text columns.

    Args:
        names: columns of the header row.
        campaigns: returns the campaigns and in-groups of the dialer, as far as they are known.
    """
    sound = np.flatnonzero(records.fields == len(names))
    texts = _split_sound_records(records, sound, names, lead_fields=lead_fields)
    repaired, quarantined = _repair_records(records, names, campaigns)
    if repaired:
        texts = pa.concat_tables([texts, _build_repaired_texts(repaired, names, lead_fields=lead_fields)])
    return ExportRecords(texts, quarantined, records, sound, [record for record, _ in repaired])


def read_campaigns(path: Path, header: Header) -> frozenset[str]:
    """Read the campaigns and in-groups of all sound records. Only a doubt about a damaged record needs them."""
    position = header.names.index("campaign_id")
    with path.open("rb") as file:
        file.seek(header.length)
        return frozenset(
            field_text(records.raw(int(index)).split(b"\t", position + 1)[position])
            for records in record_chunks(file, SCANNED_RECORDS)
            for index in np.flatnonzero(records.fields == len(header.names))
        )


def _positions(names: tuple[str, ...], *, lead_fields: bool) -> dict[str, int]:
    """Map the text columns to positions in a record. Columns missing in the export are left out."""
    columns = COLUMN_OF | CHANNEL_COLUMN_OF
    if lead_fields:
        columns |= {column.name: column.name.removeprefix("lead_") for column in LEAD_COLUMNS}
    return {text: names.index(column) for text, column in columns.items() if column in names}


def _split_sound_records(
    records: Records, sound: npt.NDArray[np.int64], names: tuple[str, ...], *, lead_fields: bool
) -> pa.Table:
    """Build the text columns of the records with the right number of fields."""
    block = records.data if len(sound) == len(records) else b"".join(records.line(int(index)) for index in sound)
    block, stand_in = _replace_inner_breaks(block)
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        block = b"\r\n".join(record if record.isascii() else as_utf8(record) for record in block.split(b"\r\n"))
    positions = _positions(names, lead_fields=lead_fields)
    table = _parse_csv(
        block, len(names), sorted(set(positions.values())), longest=int(max(records.ends - records.starts))
    )
    texts = {text: table[str(position)] for text, position in positions.items()}
    if stand_in:
        texts = {text: pc.replace_substring(values, stand_in, "\n") for text, values in texts.items()}
    return build_text_table(texts, len(sound), lead_fields=lead_fields)


def _replace_inner_breaks(block: bytes) -> tuple[bytes, str | None]:
    """Replace each LF or CR inside a record by one control character. Return the block and the character."""
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


def _parse_csv(block: bytes, width: int, positions: list[int], *, longest: int) -> pa.Table:
    """Parse sound lines. Columns are texts named by their position."""
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


def _repair_records(
    records: Records, names: tuple[str, ...], campaigns: Callable[[], frozenset[str]]
) -> tuple[list[tuple[bytes, list[str]]], list[UnreadableRecord]]:
    """Align damaged records with the columns. Return raw bytes and values of the repaired ones, and the others."""
    repaired: list[tuple[bytes, list[str]]] = []
    quarantined: list[UnreadableRecord] = []
    damaged = [int(index) for index in np.flatnonzero(records.fields != len(names))]
    while damaged:
        last = damaged.pop(0)
        record = records.raw(last)
        while record.count(b"\t") + 1 < len(names) and damaged and damaged[0] == last + 1:
            if TIMESTAMP.match(records.raw(last + 1)):
                break
            last = damaged.pop(0)
            record += b"\r\n" + records.raw(last)  # a CRLF inside a field
        values = _aligner(names).align(field_texts(record), campaigns)
        if values is None:
            found = record.count(b"\t") + 1
            reason = f"{found} fields instead of {len(names)}, and their values leave doubt"
            quarantined.append(UnreadableRecord(record, reason))
        else:
            repaired.append((record, values))
    return repaired, quarantined


@lru_cache(maxsize=8)
def _aligner(names: tuple[str, ...]) -> Aligner:
    return Aligner(names, [column for column in COLUMN_OF.values() if column])


def _build_repaired_texts(
    repaired: list[tuple[bytes, list[str]]], names: tuple[str, ...], *, lead_fields: bool
) -> pa.Table:
    texts = {
        text: pa.chunked_array([pa.array([values[position] for _, values in repaired], pa.string())])
        for text, position in _positions(names, lead_fields=lead_fields).items()
    }
    return build_text_table(texts, len(repaired), lead_fields=lead_fields)
