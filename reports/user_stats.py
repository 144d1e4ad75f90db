"""``user_stats.php`` with file_download=6: the in-group calls of one user, newest first, in quoted lines.

The quotes are not escaped, lines end in LF, and a value may hold either; there is no uniqueid. It shows calls that
``call_report_export`` hides, but at most 10,000, whole days only, and none of exactly midnight.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from errors import AnswerBroken
from messages import Credential, Window
from reports.kept import Layout
from reports.legs import TEXTS, Chunk, Quarantined, typed
from reports.texts import field_text
from tables import LEAD_COLUMNS

NAME = "user_stats"
PAGE = "user_stats.php"
KEPT_PARAMETERS = frozenset({"user", "call_status", "search_archived_data"})
NEEDED_PARAMETERS = frozenset({"user"})

CLOSER_CALLS = "6"
MOST_RECORDS = 10_000
"""The dialer stops there without a word."""
FOOTER = b'"","","TOTALS",'
NEW_RECORD = re.compile(rb'"","\d+","')
KEPT = Layout(
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


def form(
    source: Credential,
    window: Window,
    _detail: str,
    /,
    *,
    half: str | None = None,  # noqa: ARG001 - an agent's calls come undivided
    names: tuple[str, ...] = (),  # noqa: ARG001 - the same
) -> list[tuple[str, str]]:
    """Form fields for a window; this report knows whole days only, always with explicit dates."""
    day = window.day.isoformat()
    return [*source.parameters, ("begin_date", day), ("end_date", day), ("file_download", CLOSER_CALLS)]


def details(_build: int | None, /) -> tuple[str, ...]:
    return (CLOSER_CALLS,)


def halves(_source: Credential, /) -> tuple[str, ...]:
    return ()


def named(_source: Credential, _half: str, /) -> tuple[str, ...]:
    return ()


def whole_days_only() -> bool:
    return True


def shows(path: Path) -> str | None:
    """By the second line, whose names are those of the login user's language (default English is needed)."""
    return CLOSER_CALLS if set(COLUMN_OF.values()) <= set(_names(header(path))) else None


def header(path: Path) -> bytes:
    with path.open("rb") as file:
        file.readline()
        return file.readline().strip()


def read(
    path: Path,
    source: Credential,
    *,
    chunk_records: int,
    lead_fields: bool,
    groups: frozenset[str] = frozenset(),  # noqa: ARG001 - nothing of this report has to be aligned by them
) -> Iterator[Chunk]:
    """Typed chunks of the report; it is at most 10,000 lines, so it is read as a whole.

    Raises:
        AnswerBroken: the line of totals at the end is missing, so that the answer was cut off.

    Source: observed answers of builds 110124 to 250720.
    """
    _title, header_line, *lines = path.read_bytes().split(b"\n")
    names = _names(header_line)
    agent = dict(source.parameters)["user"]
    if not any(line.startswith(FOOTER) for line in lines[-3:]):
        raise AnswerBroken(source.host, "its line of totals is missing")
    records = _records(lines)
    first = 0
    while first < len(records):
        behind = first + chunk_records
        while behind < len(records) and _second(records[behind]) == _second(records[behind - 1]):
            behind += 1  # equal legs are told apart by counting them
        yield _chunk(records[first:behind], names, agent, source, lead_fields=lead_fields)
        first = behind


def _names(header_line: bytes) -> list[str]:
    """Column names; the seventh was called CAMPAIGN before 210319."""
    return ["IN-GROUP" if name == "CAMPAIGN" else name for name in _fields(header_line.strip())]


def _fields(record: bytes) -> list[str]:
    return [field_text(field) for field in record.removeprefix(b'"').removesuffix(b'"').split(b'","')]


def _records(lines: list[bytes]) -> list[bytes]:
    """Lines joined to records: one that does not begin like a record goes on with the one before."""
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


def _chunk(records: list[bytes], names: list[str], agent: str, source: Credential, *, lead_fields: bool) -> Chunk:
    rows = [(record, _fields(record)) for record in records]
    sound = [(record, fields) for record, fields in rows if len(fields) == len(names)]
    quarantined: Quarantined = [
        (record, f"{len(fields)} fields instead of {len(names)}")
        for record, fields in rows
        if len(fields) != len(names)
    ]
    texts = {text: [fields[names.index(column)] for _, fields in sound] for text, column in COLUMN_OF.items()}
    texts["user"] = [agent] * len(sound)
    wanted = [*TEXTS, *(column.name for column in LEAD_COLUMNS if lead_fields)]
    table = pa.table({name: pa.array(texts.get(name, [""] * len(sound)), pa.string()) for name in wanted})
    return typed(
        table, pa.array([True] * len(sound), pa.bool_()), lambda row: sound[row][0], source, NAME,
        quarantined=quarantined, lead_fields=lead_fields, joined=False,
    )  # fmt: skip
