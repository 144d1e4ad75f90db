"""Answers of dialers for the tests of parsing: recorded excerpts, and records that are written field by field.

The excerpts in ``tests/fixtures`` are the header row and a few records of answers of real builds, byte for byte.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from messages import DialerAddress, Source, SourceIdentity
from reports import REPORTS
from reports.chunks import Chunk
from tests.source_identities import pop_identity

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
NEW_YORK = "America/New_York"
ONE_CHUNK = 10_000

OUTBOUND: dict[str, Any] = {
    "call_date": "2026-03-02 10:00:00", "phone_number_dialed": "0312345678", "status": "NA", "user": "VDAD",
    "full_name": "Outbound Auto Dial", "campaign_id": "SURVEY", "vendor_lead_code": "0001", "source_id": "src1",
    "list_id": "101", "gmt_offset_now": "-5.00", "phone_code": "1", "phone_number": "0312345678",
    "first_name": "Ann", "last_name": "Lee", "city": "Oslo", "postal_code": "01234", "country_code": "USA",
    "gender": "F", "date_of_birth": "0000-00-00", "length_in_sec": "21", "alt_dial": "MAIN", "rank": "0",
    "lead_id": "17", "entry_date": "2026-02-01 09:00:00", "called_count": "1",
    "last_local_call_time": "2026-03-02 10:00:00", "modify_date": "2026-03-02 10:00:21",
    "called_since_last_reset": "Y", "term_reason": "SYSTEM", "list_name": "Survey list", "list_description": "",
    "status_name": "No Answer AutoDial", "wrapup_time": "0", "queue_time": "0", "uniqueid": "1772463600.17",
}  # fmt: skip
INBOUND: dict[str, Any] = OUTBOUND | {
    "call_date": "2026-03-02 11:00:00", "status": "SALE", "user": "2001", "full_name": "Kim Closer",
    "campaign_id": "SALES_IN", "length_in_sec": "100", "user_group": "CLOSERS", "alt_dial": "12.50",
    "status_name": "Sale Made", "wrapup_time": "9", "queue_time": "12.50", "uniqueid": "1772467200.18",
    "term_reason": "Y",
}  # fmt: skip
"""An in-group record of a build that moves the middle columns: the reset flag stands where term_reason should."""


def source(report: str = "call_report_export", /, **changes: Any) -> Source:
    values: dict[str, Any] = {
        "report": report,
        "address": DialerAddress(scheme="https", hostname="dialer.example"), "username": "report", "password": "secret",
        "timezone": NEW_YORK, "max_connections": 2,
        "parameters": (("user", "2001"),) if report == "user_stats" else (),
    }  # fmt: skip
    values |= changes
    return Source(identity=pop_identity(values, SourceIdentity("0" * 32, "Sales", "C1", "Client 1")), **values)


def recorded(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def header(columns: str = "extended_2") -> list[str]:
    """The columns of a recorded export of build 250720."""
    return recorded(f"export_250720_{columns}.txt").split(b"\r\n")[0].decode().split("\t")


def record(values: dict[str, Any], /, columns: str = "extended_2", **changes: Any) -> bytes:
    """One record with its CRLF; texts in UTF-8, bytes as they are, columns that are not given empty."""
    values = values | changes
    fields = [values.get(name, "") for name in header(columns)]
    return b"\t".join(field if isinstance(field, bytes) else str(field).encode() for field in fields) + b"\r\n"


def export(*records: bytes, columns: str = "extended_2") -> bytes:
    return "\t".join(header(columns)).encode() + b"\r\n" + b"".join(records)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What reading a whole answer gave."""

    chunks: list[Chunk]
    quarantined: list[tuple[str, str]]
    """Record and reason."""
    records: int
    duplicates: int
    hours: Counter[tuple[date, int]]
    in_progress: Counter[tuple[date, int]]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return [row for chunk in self.chunks for row in chunk.table.to_pylist()]

    @property
    def only(self) -> dict[str, Any]:
        assert (len(self.rows), self.quarantined) == (1, [])
        return self.rows[0]

    def values(self, *names: str) -> list[tuple[Any, ...]]:
        return sorted((tuple(row[name] for name in names) for row in self.rows), key=repr)


def read(
    content: bytes,
    of: Source | None = None,
    *,
    chunk_records: int = ONE_CHUNK,
    lead_fields: bool = False,
) -> Answer:
    """The answer, parsed by the report of its source in chunks of ``chunk_records``."""
    of = of or source()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answer"
        path.write_bytes(content)
        report = REPORTS[of.report]
        header = report.parse_header(content)
        chunks = list(report.parse_records(path, header, of, chunk_records=chunk_records, lead_fields=lead_fields))
    quarantined = [(record.text, record.reason) for chunk in chunks for record in chunk.quarantined]
    hours: Counter[tuple[date, int]] = Counter()
    in_progress: Counter[tuple[date, int]] = Counter()
    for count in (count for chunk in chunks for count in chunk.hours):
        hours[count.day, count.hour] += count.legs
        in_progress[count.day, count.hour] += count.in_progress
    return Answer(
        chunks=chunks,
        quarantined=quarantined,
        records=sum(chunk.records for chunk in chunks),
        duplicates=sum(chunk.duplicates for chunk in chunks),
        hours=hours,
        in_progress=+in_progress,
    )


def shown(content: bytes, report: str = "call_report_export") -> str | None:
    """The level of detail that a report recognises in an answer."""
    return REPORTS[report].parse_header(content).detail
