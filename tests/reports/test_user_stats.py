"""``user_stats`` with file_download=6: quotes that are not escaped, values with line breaks, and a line of totals."""

from datetime import UTC, date, datetime

import pytest

from errors import AnswerBroken
from messages import Window
from reports import REPORTS
from tables import CHANNEL_COLUMNS
from tests.reports.answers import ONE_CHUNK, Answer, read, recorded, shown, source

RECORDED = recorded("user_stats_250720.csv")
TITLE, HEADER, *LINES = RECORDED.split(b"\n")
TOTALS = b'"","","TOTALS","252627","","","","","246287.2"\n'
OLD_TITLE = b'"INBOUND/CLOSER CALLS FOR THIS TIME PERIOD: (10000 record limit)"'


def of_user_2001(content: bytes, chunk_records: int = ONE_CHUNK, timezone: str = "America/New_York") -> Answer:
    return read(content, source("user_stats", timezone=timezone), chunk_records=chunk_records)


def report(*lines: str) -> bytes:
    return b"\n".join([TITLE, HEADER, *(line.encode() for line in lines), TOTALS])


def call(number: int = 1, at: str = "2026-11-20 21:00:28", phone: str = "0837", reason: str = "AGENT") -> str:
    return f'"","{number}","{at}","580","SALE","{phone}","SALES_IN","40.00","540","104","14396","{reason}"'


def test_a_whole_day_of_one_user_is_asked_for() -> None:
    window = Window(
        day=date(2026, 3, 2), first_hour=9, last_hour=11,
        since=datetime(2026, 3, 2, 14, tzinfo=UTC), until=datetime(2026, 3, 2, 17, tzinfo=UTC),
    )  # fmt: skip
    stats = REPORTS["user_stats"]
    assert stats.build_form(source("user_stats"), window, "6") == [
        ("user", "2001"), ("begin_date", "2026-03-02"), ("end_date", "2026-03-02"), ("file_download", "6"),
    ]  # fmt: skip
    assert stats.whole_days_only()
    assert stats.details(None) == stats.details(110124) == ("6",)


def test_a_recorded_call_becomes_this_row() -> None:
    answer = of_user_2001(RECORDED)
    row = answer.rows[4]
    for name in ("call_key", "row_hash"):
        assert len(row.pop(name)) == 32
    assert [row.pop(name) for name in CHANNEL_COLUMNS] == [None] * len(CHANNEL_COLUMNS)
    assert row == {
        "client_id": "C1", "client_name": "Client 1", "campaign": "Sales", "direction": "inbound",
        "call_date": date(2026, 11, 20), "call_time": datetime(2026, 11, 21, 1, 46, 36, tzinfo=UTC),
        "call_time_local": datetime(2026, 11, 20, 20, 46, 36), "time_ambiguous": False, "lead_id": "16170",
        "vendor_lead_code": None, "source_id": None, "phone": "3555077415", "status": "SALE", "status_name": None,
        "ingroup": "XFERCLOSE", "dialer_campaign": None, "agent": "2001", "agent_name": None, "user_group": None,
        "length_seconds": 391, "queue_seconds": 58.0, "talk_seconds": 333.0, "wrapup_seconds": None,
        "term_reason": "AGENT", "list_id": "101", "uniqueid": None, "source_report": "user_stats",
        "source_key": "0" * 32,
    }  # fmt: skip
    assert (answer.records, len(answer.rows), answer.quarantined, answer.duplicates) == (9, 9, [], 0)


def test_calls_without_a_length_are_in_progress() -> None:
    answer = of_user_2001(RECORDED)
    open_legs = [row for row in answer.rows if row["length_seconds"] is None]
    assert [row["status"] for row in open_legs] == ["LIVE", "INCALL", "INCALL"]
    assert {row["talk_seconds"] for row in open_legs} == {None}
    assert answer.in_progress == {(date(2026, 11, 20), hour): 1 for hour in (12, 11, 10)}


@pytest.mark.parametrize("title", [TITLE, OLD_TITLE])
@pytest.mark.parametrize("seventh", [b"IN-GROUP", b"CAMPAIGN"])
def test_both_spellings_of_the_heading_are_read_alike(title: bytes, seventh: bytes) -> None:
    spelled = RECORDED.replace(TITLE, title).replace(b'"IN-GROUP"', b'"' + seventh + b'"')
    assert shown(spelled, "user_stats") == "6"
    assert of_user_2001(spelled).rows == of_user_2001(RECORDED).rows


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\n", TITLE, TITLE + b"\n", b"<html><head><title>User Stats</title></head>\n<body>\n",
        RECORDED.replace(b'"LEAD"', b'"CLIENTE"'), recorded("export_250720_standard.txt"),
        b'"Outbound Calls for this Time Period: (10000 record limit)"\n"","#","DATE/TIME","LENGTH","STATUS","PHONE",'
        b'"CAMPAIGN","GROUP","LIST","LEAD","HANGUP REASON"\n',
    ],
)  # fmt: skip
def test_anything_else_is_not_taken_for_the_report(answer: bytes) -> None:
    assert shown(answer, "user_stats") is None


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_answer_without_its_line_of_totals_is_broken_off(end: bytes) -> None:
    for kept in range(len(LINES) - 1):
        with pytest.raises(AnswerBroken, match="totals is missing") as broken:
            of_user_2001(b"\n".join([TITLE, HEADER, *LINES[:kept]]) + end)
        assert "8337367905" not in str(broken.value)


def test_a_user_without_calls_has_an_empty_report() -> None:
    answer = of_user_2001(report())
    assert (answer.records, answer.rows, answer.quarantined) == (0, [], [])
    assert shown(report(), "user_stats") == "6"


@pytest.mark.parametrize("reason", ['AGENT"x"', '"', 'a","', "two\nlines", "three\n\nlines", '"\n"', "a,b", "x\r"])
def test_quotes_and_line_breaks_in_a_value_lose_no_call(reason: str) -> None:
    answer = of_user_2001(
        report(call(1), call(2, "2026-11-20 20:00:00", reason=reason), call(3, "2026-11-20 19:00:00"))
    )
    assert answer.records == 3
    assert [row["call_time_local"].hour for row in answer.rows] == [21, 20, 19][:: 1 if len(answer.rows) == 3 else 2]
    assert len(answer.rows) + len(answer.quarantined) == 3


def test_a_value_with_a_quote_or_a_line_break_is_read_whole() -> None:
    rows = of_user_2001(report(call(2, reason='OK"x"'), call(1, "2026-11-20 19:00:00", reason="two\nlines"))).rows
    assert [row["term_reason"] for row in rows] == ['OK"x"', "two\nlines"]


def test_a_record_whose_fields_cannot_be_told_is_quarantined_as_it_came() -> None:
    broken = call(reason='a","b')
    answer = of_user_2001(report(call(2), broken))
    assert answer.quarantined == [(broken, "13 fields instead of 12")]
    assert (answer.records, len(answer.rows)) == (2, 1)


def test_a_name_column_before_the_reason_moves_nothing() -> None:
    named = HEADER.replace(b'"HANGUP REASON"', b'"NAME","HANGUP REASON"')
    lines = [line[: line.rindex(b',"')] + b',"4711 Ann"' + line[line.rindex(b',"') :] for line in LINES[:9]]
    answer = of_user_2001(b"\n".join([TITLE, named, *lines, TOTALS]))
    assert answer.rows == of_user_2001(RECORDED).rows


def test_text_stays_text_and_bytes_of_both_encodings_are_read() -> None:
    content = report(call(phone="00420")).replace(b'"SALE"', "Größe".encode("cp1252").join([b'"', b'"']))
    row = of_user_2001(content).only
    assert (row["phone"], row["status"], row["list_id"], row["lead_id"]) == ("00420", "Größe", "104", "14396")


def test_equal_legs_have_keys_of_their_own() -> None:
    answer = of_user_2001(report(call(3), call(2), call(1, "2026-11-20 20:00:00")))
    assert (len(answer.rows), answer.duplicates, len({row["call_key"] for row in answer.rows})) == (3, 0, 3)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_batch_size_reads_alike(size: int) -> None:
    for content in (RECORDED, report(call(4), call(3), call(2), call(1, "2026-11-20 20:00:00"))):
        whole, parts = of_user_2001(content), of_user_2001(content, size)
        assert parts.rows == whole.rows
        assert (parts.records, parts.hours, parts.in_progress) == (whole.records, whole.hours, whole.in_progress)


def test_the_hour_that_occurs_twice_is_marked() -> None:
    row = of_user_2001(report(call(at="2026-11-01 01:30:00"))).only
    assert (row["call_time"], row["time_ambiguous"]) == (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), True)
    assert not of_user_2001(report(call(at="2026-11-01 02:30:00"))).only["time_ambiguous"]


def test_a_leg_has_the_same_key_whatever_becomes_of_it() -> None:
    before = of_user_2001(report(call().replace('"580"', '""').replace('"SALE"', '"INCALL"'))).only
    after = of_user_2001(report(call(7, reason="CALLER"))).only
    assert before["call_key"] == after["call_key"]
    assert before["row_hash"] != after["row_hash"]
