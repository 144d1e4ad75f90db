"""``user_stats.php`` with file_download=6: the in-group calls of one user, newest first, in quoted lines.

The quotes are not escaped, lines end in LF, and a value may hold either. There is no uniqueid. The report shows calls
that ``call_report_export`` hides, but at most 10,000, whole days only, and none of exactly midnight.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from errors import AnswerBroken, AnswerTooLarge
from messages import Source, Window
from reports import builds
from reports.chunks import Chunk, build_chunk
from reports.headers import Header
from reports.identities import LegNumbers
from reports.quarantined_records import Layout, UnreadableRecord
from reports.text_columns import build_text_table
from reports.text_decoding import field_text

NAME = "user_stats"
PAGE = "user_stats.php"
ALLOWED_PARAMETERS = frozenset({"user", "call_status", "search_archived_data"})
KNOWN_SINCE: Mapping[str, builds.Ability] = {
    "call_status": builds.ONE_STATUS, "search_archived_data": builds.ARCHIVED_AGENTS,
}  # fmt: skip
NEEDED_PARAMETERS = frozenset({"user"})

CLOSER_CALLS = "6"
MOST_RECORDS = 10_000
"""The dialer stops there and does not say so."""
MOST_BYTES = 1 << 26
"""Many times the size of so many records."""
FOOTER = b'"","","TOTALS",'
NEW_RECORD = re.compile(rb'"","\d+","')
LAYOUT = Layout(
    beginning=NEW_RECORD,
    separator=b'","',
    line_end=b"\n",
    before=b"\n",
    after=FOOTER + b"\n",
    usual_header=b'"","#","DATE/TIME","LENGTH","STATUS","PHONE","IN-GROUP","WAIT(S)","AGENT(S)"'
    b',"LIST","LEAD","HANGUP REASON"',
)
COLUMN_OF = {
    "call_date": "DATE/TIME", "length": "LENGTH", "status": "STATUS", "phone": "PHONE", "group": "IN-GROUP",
    "queue": "WAIT(S)", "talk": "AGENT(S)", "list_id": "LIST", "lead_id": "LEAD", "term_reason": "HANGUP REASON",
}  # fmt: skip
"""Text column of ``reports.legs`` → column of the report."""


def build_form(
    source: Source,
    window: Window,
    _detail: str,
    /,
    *,
    half: str | None = None,  # noqa: ARG001 - an agent's calls come undivided
    names: tuple[str, ...] = (),  # noqa: ARG001 - the same
) -> list[tuple[str, str]]:
    """Build the form fields for a window. This report knows whole days only, always with explicit dates."""
    day = window.day.isoformat()
    return [*source.parameters, ("begin_date", day), ("end_date", day), ("file_download", CLOSER_CALLS)]


def details(_build: int | None, /) -> tuple[str, ...]:
    return (CLOSER_CALLS,)


def halves(_source: Source, /) -> tuple[str, ...]:
    return ()


def chosen_names(_source: Source, _half: str, /) -> tuple[str, ...]:
    return ()


def whole_days_only() -> bool:
    return True


def parse_header(start: bytes) -> Header:
    """Parse the second line. Its names are in the language of the login (default English is needed)."""
    title, _, rest = start.partition(b"\n")
    line, *_ = rest.split(b"\n", 1)
    names = _parse_names(line.strip())
    detail = CLOSER_CALLS if set(COLUMN_OF.values()) <= set(names) else None
    return Header(row=line.strip(), names=names, detail=detail, length=len(title) + len(line) + 2)


def parse_records(
    path: Path,
    header: Header,
    source: Source,
    *,
    chunk_records: int,
    lead_fields: bool,
    groups: frozenset[str] = frozenset(),  # noqa: ARG001 - this report needs no alignment
) -> Iterator[Chunk]:
    """Parse the report into typed chunks. It has at most 10,000 lines, so it is read as a whole.

    Raises:
        AnswerBroken: the line of totals at the end is missing, so the answer was cut off.

    Source: observed answers of builds 110124 to 250720.
    """
    if path.stat().st_size > MOST_BYTES:
        raise AnswerTooLarge(source.host, MOST_BYTES >> 20)
    lines = path.read_bytes()[header.length :].split(b"\n")
    agent = dict(source.parameters)["user"]
    if not any(line.startswith(FOOTER) for line in lines[-3:]):
        raise AnswerBroken(source.host, "its line of totals is missing")
    records = _join_lines(lines)
    numbers = LegNumbers(joined=False)
    first = 0
    while first < len(records):
        behind = first + chunk_records
        while behind < len(records) and _second(records[behind]) == _second(records[behind - 1]):
            behind += 1  # copies of a leg stay together
        yield _build_chunk(records[first:behind], header.names, agent, source, lead_fields=lead_fields, numbers=numbers)
        first = behind


def _parse_names(header_row: bytes) -> tuple[str, ...]:
    """Return the column names. The seventh was called CAMPAIGN before 210319."""
    return tuple("IN-GROUP" if name == "CAMPAIGN" else name for name in _split_fields(header_row))


def _split_fields(record: bytes) -> list[str]:
    return [field_text(field) for field in record.removeprefix(b'"').removesuffix(b'"').split(b'","')]


def _join_lines(lines: list[bytes]) -> list[bytes]:
    """Join lines to records. A line without the beginning of a record belongs to the one before."""
    records: list[bytes] = []
    for line in lines:
        if line.startswith(FOOTER) or not line:
            continue
        if records and not NEW_RECORD.match(line):
            records[-1] += b"\n" + line
        else:
            records.append(line)
    return records


def _second(record: bytes) -> list[bytes]:
    return record.split(b'","', 3)[2:3]


def _build_chunk(
    records: list[bytes],
    names: tuple[str, ...],
    agent: str,
    source: Source,
    *,
    lead_fields: bool,
    numbers: LegNumbers,
) -> Chunk:
    rows = [(record, _split_fields(record)) for record in records]
    sound = [(record, fields) for record, fields in rows if len(fields) == len(names)]
    quarantined = [
        UnreadableRecord(record, f"{len(fields)} fields instead of {len(names)}")
        for record, fields in rows
        if len(fields) != len(names)
    ]
    texts = {text: [fields[names.index(column)] for _, fields in sound] for text, column in COLUMN_OF.items()}
    texts["user"] = [agent] * len(sound)
    columns = {name: pa.chunked_array([pa.array(values, pa.string())]) for name, values in texts.items()}
    return build_chunk(
        build_text_table(columns, len(sound), lead_fields=lead_fields), pa.array([True] * len(sound), pa.bool_()),
        lambda row: sound[row][0], source, NAME,
        quarantined=quarantined, lead_fields=lead_fields, joined=False, numbers=numbers,
    )  # fmt: skip
