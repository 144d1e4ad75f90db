"""Whatever a dialer sends: no record is lost, no error says what stood in one, and nothing else goes wrong."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import AnswerBroken
from reports.text_decoding import as_utf8, field_text, field_texts, to_quarantine_text
from tests.reports.answers import INBOUND, OUTBOUND, Answer, export, header, read, record, recorded, shown, source

EXPORTS = [
    recorded(f"export_{name}.txt")
    for name in ("110124_extended", "210303_extended_2", "250720_standard", "250720_extended_2", "250720_extended_4")
]
STATS = recorded("user_stats_250720.csv")
BYTES = st.sampled_from([b"\t", b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"\xc3", b'"', b'","', b"0", b"2026", b""])
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), BYTES | st.binary(max_size=4)), max_size=12)
SECRETS = ("4395107233", "Main St", "example.test", "Kim Closer", "8337367905", "2026-11-20")


def mutate(body: bytes, changes: Sequence[tuple[float, int, bytes]], start: int) -> bytes:
    """The body with some bytes replaced by others, behind its heading."""
    for where, length, inserted in changes:
        at = start + int(where * (len(body) - start))
        body = body[:at] + inserted + body[at + length :]
    return body


def assert_all_accounted_for(answer: Answer, records: int) -> None:
    assert answer.records == records == len(answer.rows) + len(answer.quarantined) + answer.duplicates
    assert sum(answer.hours.values()) == len(answer.rows)
    assert len({row["call_key"] for row in answer.rows}) == len(answer.rows)
    for row in answer.rows:
        assert row["call_date"] == row["call_time_local"].date()
        assert row["direction"] in ("inbound", "outbound")


@settings(max_examples=40, deadline=None)
@given(body=st.sampled_from(EXPORTS), changes=CHANGES, size=st.sampled_from([4, 10_000]), lead_fields=st.booleans())
def test_no_bytes_of_an_export_break_its_parser(
    body: bytes, changes: list[tuple[float, int, bytes]], size: int, *, lead_fields: bool
) -> None:
    body = mutate(body, changes, body.index(b"\r\n") + 2)
    try:
        answer = read(body, chunk_records=size, lead_fields=lead_fields)
    except AnswerBroken as broken:
        assert not body.endswith(b"\r\n")
        assert not [secret for secret in SECRETS if secret in str(broken)]
        return
    separate = body.count(b"\r\n") - 1
    assert answer.records <= separate  # pieces of one record are joined again
    assert_all_accounted_for(answer, answer.records)
    assert {"Y", "N", "Y1", "D"}.isdisjoint(row["term_reason"] for row in answer.rows if row["direction"] == "inbound")
    joined = sum(record.count("\r\n") for record, _ in answer.quarantined)
    assert answer.records + joined <= separate


@settings(max_examples=20, deadline=None)
@given(body=st.sampled_from(EXPORTS), changes=CHANGES)
def test_no_bytes_are_read_otherwise_in_other_chunks(body: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    body = mutate(body, changes, body.index(b"\r\n") + 2).removesuffix(b"\r\n") + b"\r\n"
    one, many = read(body), read(body, chunk_records=5)
    assert sorted(map(repr, one.rows)) == sorted(map(repr, many.rows))
    assert sorted(one.quarantined) == sorted(many.quarantined)
    assert (one.records, one.duplicates, one.in_progress) == (many.records, many.duplicates, many.in_progress)


@settings(max_examples=40, deadline=None)
@given(changes=CHANGES, size=st.sampled_from([2, 10_000]))
def test_no_bytes_of_user_stats_break_its_parser(changes: list[tuple[float, int, bytes]], size: int) -> None:
    start = STATS.index(b"\n", STATS.index(b"\n") + 1) + 1
    try:
        answer = read(mutate(STATS, changes, start), source("user_stats"), chunk_records=size)
    except AnswerBroken as broken:
        assert not [secret for secret in SECRETS if secret in str(broken)]
        return
    assert_all_accounted_for(answer, answer.records)


NAMES = [*header("extended_4"), "custom_fields", "", "CALL_DATE", "\x00"]
EDITS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 1), st.lists(st.sampled_from(NAMES), max_size=2)), max_size=5
)


@settings(max_examples=50, deadline=None)
@given(columns=st.sampled_from(["standard", "extended_2", "extended_4"]), edits=EDITS, lead_fields=st.booleans())
def test_no_header_row_that_is_recognised_breaks_the_parser(
    columns: str, edits: list[tuple[int, int, list[str]]], *, lead_fields: bool
) -> None:
    names = header(columns)
    for at, removed, inserted in edits:
        names[at : at + removed] = inserted
    lines = [names, [str(OUTBOUND.get(name, "")) for name in names], names[1:]]
    body = b"".join("\t".join(line).encode() + b"\r\n" for line in lines)
    if shown(body):
        answer = read(body, lead_fields=lead_fields)
        assert_all_accounted_for(answer, 2)


@settings(max_examples=40, deadline=None)
@given(
    column=st.sampled_from(["comments", "first_name", "status_name", "full_name", "phone_number_dialed", "uniqueid"]),
    text=st.binary(max_size=40),
)
def test_any_text_in_a_field_of_a_sound_record_is_read_as_it_is(column: str, text: bytes) -> None:
    text = text.replace(b"\t", b" ").replace(b"\r", b"\n")
    values = OUTBOUND | {"user": "1001", column: text}
    answer = read(export(record(values), record(INBOUND)), lead_fields=True)
    names = {
        "comments": "lead_comments", "first_name": "lead_first_name", "full_name": "agent_name",
        "phone_number_dialed": "phone",
    }  # fmt: skip
    [row] = [row for row in answer.rows if row["direction"] == "outbound"]
    assert row[names.get(column, column)] == (field_text(text) or None)


@given(st.binary(max_size=60))
def test_every_byte_sequence_is_some_text(field: bytes) -> None:
    assert field_texts(field) == [field_text(part) for part in field.split(b"\t")]
    assert as_utf8(field).decode("utf-8").split("\t") == field_texts(field)
    assert "�" not in field_text(field) or "�".encode() in field
    to_quarantine_text(field).encode("utf-8")


@given(st.text(max_size=60))
def test_valid_utf_8_stays_what_it_is(text: str) -> None:
    assert field_text(text.encode("utf-8")) == text
    assert to_quarantine_text(text.encode("utf-8")) == text


@pytest.mark.parametrize("text", ["Peña", "“x” – €", "Zoë"])
def test_what_is_no_utf_8_is_cp1252(text: str) -> None:
    assert field_text(text.encode("cp1252")) == text
