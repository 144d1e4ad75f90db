"""What an export's records mean: direction, types, nulls, encodings, copies, and the columns that builds misplace."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from messages import Window
from reports import REPORTS
from reports.builds import EXTENDED, EXTENDED_2
from tables import CHANNEL_COLUMNS, IN_PROGRESS
from tests.reports.answers import INBOUND, OUTBOUND, export, header, read, record, recorded, shown, source

REPORT = REPORTS["call_report_export"]
MORNING = Window(
    day=date(2026, 3, 2), first_hour=9, last_hour=11,
    since=datetime(2026, 3, 2, 14, tzinfo=UTC), until=datetime(2026, 3, 2, 17, tzinfo=UTC),
)  # fmt: skip
WHOLE_DAY = Window(
    day=date(2026, 3, 2), first_hour=0, last_hour=23,
    since=datetime(2026, 3, 2, 5, tzinfo=UTC), until=datetime(2026, 3, 3, 5, tzinfo=UTC),
)  # fmt: skip


# How it is asked for


def test_hours_are_asked_for_unless_they_are_the_whole_day() -> None:
    assert REPORT.build_form(source(), MORNING, "EXTENDED_2") == [
        ("run_export", "1"), ("query_date", "2026-03-02"), ("end_date", "2026-03-02"), ("query_hour", "09"),
        ("end_hour", "11"), ("campaign[]", "---ALL---"), ("group[]", "---ALL---"), ("header_row", "YES"),
        ("rec_fields", "NONE"), ("custom_fields", "NO"), ("call_notes", "NO"), ("export_fields", "EXTENDED_2"),
    ]  # fmt: skip
    assert {"query_hour", "end_hour"}.isdisjoint(dict(REPORT.build_form(source(), WHOLE_DAY, "STANDARD")))


@pytest.mark.parametrize("named", [("group[]", "SALES_IN"), ("campaign[]", "0042")])
def test_a_row_that_names_campaigns_or_in_groups_gets_only_those(named: tuple[str, str]) -> None:
    form = REPORT.build_form(source(parameters=(named, ("status[]", "SALE"))), WHOLE_DAY, "STANDARD")
    assert named in form
    assert ("status[]", "SALE") in form
    assert "---ALL---" not in dict(form).values()


def test_an_old_build_is_not_asked_for_what_it_does_not_know() -> None:
    assert REPORT.details(None) == REPORT.details(EXTENDED_2.since) == ("EXTENDED_2", "EXTENDED", "STANDARD")
    assert REPORT.details(EXTENDED_2.since - 1) == REPORT.details(EXTENDED.since) == ("EXTENDED", "STANDARD")
    assert REPORT.details(EXTENDED.since - 1) == ("STANDARD",)
    assert not REPORT.whole_days_only()


# How it is recognised


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ("export_110124_extended.txt", "STANDARD"),  # a build that does not know EXTENDED answers STANDARD
        ("export_210303_extended_2.txt", "EXTENDED_2"),
        ("export_250720_standard.txt", "STANDARD"),
        ("export_250720_recordings.txt", "STANDARD"),
        ("export_250720_extended_2.txt", "EXTENDED_2"),
        ("export_250720_extended_3.txt", "EXTENDED_2"),
        ("export_250720_extended_4.txt", "EXTENDED"),
        ("export_250720_custom_fields.txt", None),  # one name for any number of fields
        ("user_stats_250720.csv", None),
    ],
)
def test_an_answer_is_recognised_by_its_header_row(answer: str, level: str | None) -> None:
    assert shown(recorded(answer)) == level
    assert shown(b"\xef\xbb\xbf" + recorded(answer)) == level


def test_an_extended_header_is_not_taken_for_more() -> None:
    columns = "\t".join(name for name in header() if name != "term_reason")
    assert shown(columns.encode() + b"\r\n") == "EXTENDED"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html><head><title>Export Calls</title></head><body>\r\n<form action=call_report_export.php>\r\n",
        b"<br />\n<b>Warning</b>:  Undefined variable\r\n" + recorded("export_250720_standard.txt"),
        b"There are no calls during this time period for these parameters\n",
        recorded("export_250720_standard.txt").split(b"\r\n", 1)[1],  # no header row
        recorded("export_250720_standard.txt").split(b"\r\n", 1)[0],  # cut off within it
        recorded("export_250720_standard.txt").replace(b"\t", b"|"),
        recorded("export_250720_standard.txt").replace(b"\tlead_id\t", b"\tLead-ID\t"),
        b"x" * 200_000 + b"\r\n",
    ],
)
def test_anything_else_is_not_taken_for_an_export(answer: bytes) -> None:
    assert shown(answer) is None


def test_a_byte_order_mark_changes_nothing() -> None:
    whole = recorded("export_250720_extended_2.txt")
    assert read(b"\xef\xbb\xbf" + whole).rows == read(whole).rows


def test_the_two_phones_of_the_oldest_builds_are_told_apart() -> None:
    old = header("standard")
    old[1] = "phone_number"
    content = (
        "\t".join(old).encode() + b"\r\n" + record(OUTBOUND, "standard", phone_number_dialed="111", phone_number="222")
    )
    assert shown(content) == "STANDARD"
    assert read(content).only["phone"] == "111"


# What a record means


def test_a_recorded_outbound_call_becomes_this_row() -> None:
    [row] = [row for row in read(recorded("export_250720_extended_2.txt")).rows if row["lead_id"] == "7714"]
    for name in ("call_key", "row_hash"):
        assert len(row.pop(name)) == 32
    assert row == {
        "client_id": "C1", "client_name": "Client 1", "campaign": "Sales", "direction": "outbound",
        "call_date": date(2026, 11, 20), "call_time": datetime(2026, 11, 20, 14, 37, 51, tzinfo=UTC),
        "call_time_local": datetime(2026, 11, 20, 9, 37, 51), "time_ambiguous": False, "lead_id": "7714",
        "vendor_lead_code": "V0007714", "source_id": "src13", "phone": "00420937048", "status": "NI",
        "status_name": "Not Interested", "ingroup": None, "dialer_campaign": "RENEWAL", "agent": "1002",
        "agent_name": 'Bob "Bobby" Stone', "user_group": "AGENTS", "length_seconds": 17, "queue_seconds": None,
        "talk_seconds": None, "wrapup_seconds": 13, "term_reason": "CALLER", "list_id": "103",
        "uniqueid": "1795185471.3131", "source_report": "call_report_export", "source_key": "0" * 32,
        "caller_code": "V1120093751000000771", "server_ip": "10.10.10.15", "hangup_cause": 16, "dialstatus":
        "NOANSWER", "dial_seconds": 28, "answered_seconds": 17, "cpd_result": None, "did_pattern": None,
        "did_id": None, "did_description": None,
    }  # fmt: skip


def test_a_recorded_in_group_call_becomes_this_row() -> None:
    row = read(recorded("export_250720_extended_2.txt")).rows[6]
    for name in ("call_key", "row_hash"):
        assert len(row.pop(name)) == 32
    assert row == {
        "client_id": "C1", "client_name": "Client 1", "campaign": "Sales", "direction": "inbound",
        "call_date": date(2026, 11, 20), "call_time": datetime(2026, 11, 20, 13, 32, 20, tzinfo=UTC),
        "call_time_local": datetime(2026, 11, 20, 8, 32, 20), "time_ambiguous": False, "lead_id": "1643",
        "vendor_lead_code": "V0001643", "source_id": "src11", "phone": "4395107233", "status": "SALE",
        "status_name": "Sale Made", "ingroup": "SUPPORT_IN", "dialer_campaign": None, "agent": "2001",
        "agent_name": "Kim Closer", "user_group": "CLOSERS", "length_seconds": 985, "queue_seconds": 60.37,
        "talk_seconds": 924.63, "wrapup_seconds": 9, "term_reason": None, "list_id": "104",
        "uniqueid": "1795181540.24514", "source_report": "call_report_export", "source_key": "0" * 32,
        "caller_code": "Y1120083220000000164", "server_ip": "10.10.10.15", "hangup_cause": None, "dialstatus":
        None, "dial_seconds": None, "answered_seconds": None, "cpd_result": None, "did_pattern": "3125551001",
        "did_id": "7", "did_description": "DID for SUPPORT_IN",
    }  # fmt: skip


@pytest.mark.parametrize("alt_dial", ["MAIN", "ALT", "ALTPH2", "ADDR3", "NONE", "X5", ""])
def test_a_leg_without_queue_seconds_is_outbound(alt_dial: str) -> None:
    row = read(export(record(OUTBOUND, alt_dial=alt_dial))).only
    assert (row["direction"], row["dialer_campaign"], row["ingroup"]) == ("outbound", "SURVEY", None)
    assert (row["queue_seconds"], row["talk_seconds"]) == (None, None)


@pytest.mark.parametrize(("alt_dial", "queue"), [("0.00", 0.0), ("0", 0.0), ("12.50", 12.5), ("-1.00", -1.0)])
def test_a_leg_with_queue_seconds_is_inbound(alt_dial: str, queue: float) -> None:
    row = read(export(record(INBOUND, alt_dial=alt_dial))).only
    assert (row["direction"], row["dialer_campaign"], row["ingroup"]) == ("inbound", None, "SALES_IN")
    assert row["queue_seconds"] == queue


@pytest.mark.parametrize(
    ("length", "queue", "talk"),
    [("100", "12.50", 87.5), ("142", "78.48", 63.52), ("10", "30.00", 0.0), ("", "5.00", None), ("-3", "0.00", 0.0)],
)
def test_talking_time_is_length_less_queue(length: str, queue: str, talk: float | None) -> None:
    row = read(export(record(INBOUND, length_in_sec=length, alt_dial=queue))).only
    assert row["talk_seconds"] == talk
    assert row["length_seconds"] == (int(length) if length else None)


@pytest.mark.parametrize(
    "value",
    [
        "0042",
        "007",
        "1e5",
        "1.50",
        "+49 30 1234",
        "12345678901234567890",
        "NULL",
        "\\N",
        "NaN",
        "true",
        " x ",
        '"',
        "'",
    ],
)
def test_text_stays_the_text_it_was(value: str) -> None:
    columns = {
        "phone_number_dialed": "phone", "vendor_lead_code": "vendor_lead_code", "source_id": "source_id",
        "status": "status", "user": "agent", "full_name": "agent_name", "campaign_id": "dialer_campaign",
        "list_id": "list_id", "lead_id": "lead_id", "user_group": "user_group", "status_name": "status_name",
        "first_name": "lead_first_name", "postal_code": "lead_postal_code", "alt_phone": "lead_alt_phone",
        "date_of_birth": "lead_date_of_birth", "comments": "lead_comments",
    }  # fmt: skip
    row = read(export(record(OUTBOUND, **dict.fromkeys(columns, value))), lead_fields=True).only
    assert {name: row[name] for name in columns.values()} == dict.fromkeys(columns.values(), value)


OF_CHANNEL = {
    "caller_code": "V1120093751000000771", "server_ip": "10.10.10.15", "hangup_cause": "0", "dialstatus": "ANSWER",
    "dial_time": "28", "answered_time": "0", "cpd_result": "Voice", "did_pattern": "0312", "did_id": "007",
    "did_description": "Línea 1",
}  # fmt: skip


@pytest.mark.parametrize("columns", ["extended_2", "extended_3", "extended_4"])
@pytest.mark.parametrize("values", [OUTBOUND, INBOUND], ids=["outbound", "inbound"])
def test_the_columns_of_the_channel_arrive_as_they_are_shown(columns: str, values: dict[str, Any]) -> None:
    row = read(export(record(values, columns, **OF_CHANNEL), columns=columns)).only
    seconds = {"hangup_cause": 0, "dial_seconds": 28, "answered_seconds": 0}
    texts = {name: OF_CHANNEL[name] for name in CHANNEL_COLUMNS if name not in seconds}
    assert {name: row[name] for name in CHANNEL_COLUMNS} == texts | seconds


@pytest.mark.parametrize("missing", [("did_pattern", "did_id", "did_description"), tuple(OF_CHANNEL)])
def test_columns_of_the_channel_that_a_build_lacks_are_null(missing: tuple[str, ...]) -> None:
    kept = [at for at, name in enumerate(header()) if name not in missing]
    lines = export(record(OUTBOUND, **OF_CHANNEL)).removesuffix(b"\r\n").split(b"\r\n")
    answer = b"".join(b"\t".join(line.split(b"\t")[at] for at in kept) + b"\r\n" for line in lines)
    row = read(answer).only
    renamed = {"dial_time": "dial_seconds", "answered_time": "answered_seconds"}
    nulls = {name for name in CHANNEL_COLUMNS if row[name] is None}
    assert nulls == {renamed.get(name, name) for name in missing}


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("hangup_cause", "busy", "hangup_cause"),
        ("dial_time", "7.5", "dial_seconds"),
        ("answered_time", "12345678901", "answered_seconds"),
        ("answered_time", "٣", "answered_seconds"),
    ],
)
def test_a_number_of_the_channel_that_cannot_be_read_is_null_and_the_call_is_stored(
    name: str, value: str, column: str
) -> None:
    answer = read(export(record(OUTBOUND, **OF_CHANNEL | {name: value})))
    assert answer.quarantined == []
    sound = read(export(record(OUTBOUND, **OF_CHANNEL))).only
    assert answer.only == sound | {column: None}


def test_a_result_of_progress_detection_without_a_code_of_the_call_is_that_of_another_call() -> None:
    """The dialer looks it up by the code, and finds a call without one where its log of codes was emptied."""
    row = read(export(record(OUTBOUND, **OF_CHANNEL | {"caller_code": ""}))).only
    assert (row["caller_code"], row["cpd_result"], row["dialstatus"]) == (None, None, "ANSWER")


def test_empty_fields_are_null() -> None:
    named = ("call_date", "alt_dial")
    row = read(export(record(OUTBOUND, **{name: "" for name in header() if name not in named}))).only
    known = {name for name, value in row.items() if value is not None}
    assert known == {
        "call_key", "client_id", "client_name", "campaign", "direction", "call_date", "call_time", "call_time_local",
        "time_ambiguous", "source_report", "row_hash", "source_key",
    }  # fmt: skip


@pytest.mark.parametrize("user", ["VDAD", "VDCL", ""])
def test_nobody_is_no_agent(user: str) -> None:
    row = read(export(record(OUTBOUND, user=user, full_name="Outbound Auto Dial"))).only
    assert (row["agent"], row["agent_name"]) == (None, None)


def test_lead_fields_are_left_out_unless_they_are_asked_for() -> None:
    content = export(record(OUTBOUND))
    assert not [name for name in read(content).only if name.startswith("lead_") and name != "lead_id"]
    with_them = read(content, lead_fields=True).only
    assert (with_them["lead_last_name"], with_them["lead_postal_code"]) == ("Lee", "01234")
    assert len([name for name in with_them if name.startswith("lead_")]) == 19


# Values that cannot be typed


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("call_date", "2026-02-30 10:00:00", "call_date is a day that does not exist"),
        ("call_date", "2026-02-29 10:00:00", "call_date is a day that does not exist"),
        ("call_date", "2026-13-01 10:00:00", "call_date has a form"),
        ("call_date", "2026-03-02 24:00:00", "call_date has a form"),
        ("call_date", "0000-00-00 00:00:00", "call_date has a form"),
        ("call_date", "", "call_date has a form"),
        ("length_in_sec", "1.5", "length has a form"),
        ("length_in_sec", "12345678901", "length has a form"),
        ("length_in_sec", "٣", "length has a form"),
        ("wrapup_time", "soon", "wrapup has a form"),
        ("alt_dial", "1234567890.5", "queue has a form"),
    ],
)
def test_a_value_that_cannot_be_typed_sends_its_record_to_the_quarantine(column: str, value: str, reason: str) -> None:
    kept = record(INBOUND, **{column: value})
    answer = read(export(record(OUTBOUND), kept))
    assert [(text, why.startswith(reason)) for text, why in answer.quarantined] == [(kept[:-2].decode(), True)]
    assert answer.values("status") == [("NA",)]
    assert answer.records == 2


def test_a_leap_day_exists() -> None:
    assert read(export(record(OUTBOUND, call_date="2028-02-29 10:00:00"))).only["call_date"] == date(2028, 2, 29)


# Encodings


def test_one_record_may_mix_utf_8_and_cp1252() -> None:
    row = read(
        export(record(
            OUTBOUND, first_name="Олег", last_name="Peña".encode("cp1252"), city="Zürich",
            comments="“naïve” €5 –".encode("cp1252"), full_name="Zoë".encode("cp1252"), user="1001",
            status_name="Größe".encode("cp1252"), list_description="é\tö".encode("cp1252"),
        )),
        lead_fields=True,
    ).only  # fmt: skip
    shown = {name: row[f"lead_{name}"] for name in ("first_name", "last_name", "city", "comments")}
    assert shown == {"first_name": "Олег", "last_name": "Peña", "city": "Zürich", "comments": "“naïve” €5 –"}
    assert (row["agent_name"], row["status_name"]) == ("Zoë", "Größe")


def test_a_recorded_record_of_both_encodings_is_read() -> None:
    [row] = [
        row for row in read(recorded("export_250720_extended_2.txt"), lead_fields=True).rows if row["lead_id"] == "3816"
    ]
    assert (row["lead_first_name"], row["lead_last_name"]) == ("Søren", "Иванов")


def test_every_byte_has_a_text() -> None:
    octets = bytes(byte for byte in range(1, 256) if byte not in b"\t\r\n")
    row = read(export(record(OUTBOUND, comments=octets)), lead_fields=True).only
    assert row["lead_comments"] == "".join(
        bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1") for byte in octets
    )


def test_bytes_that_are_no_text_are_readable_in_the_quarantine() -> None:
    answer = read(export(record(INBOUND, length_in_sec="x", last_name=b"Pe\xf1a", first_name="Zoë")))
    [(kept, _)] = answer.quarantined
    assert "\tZoë\t" in kept
    assert "\tPe\\xf1a\t" in kept


# Columns that newer builds shift


@pytest.mark.parametrize("flag", ["Y", "N", "D", "Y1", "Y12"])
def test_a_reset_flag_is_never_taken_for_the_reason_of_a_hang_up(flag: str) -> None:
    assert read(export(record(INBOUND, term_reason=flag))).only["term_reason"] is None


@pytest.mark.parametrize("columns", ["extended_2", "extended_3"])
def test_the_reasons_that_a_shifting_build_has_lost_are_null(columns: str) -> None:
    rows = read(recorded(f"export_250720_{columns}.txt")).rows
    assert {row["term_reason"] for row in rows if row["direction"] == "inbound"} == {None}
    assert {row["term_reason"] for row in rows if row["direction"] == "outbound"} == {"SYSTEM", "CALLER", "NONE"}


def test_a_build_that_shifts_nothing_keeps_its_reasons() -> None:
    rows = read(recorded("export_210303_extended_2.txt")).rows
    assert {row["term_reason"] for row in rows if row["direction"] == "inbound"} == {
        "CALLER", "AGENT", "ABANDON", "NOAGENT", "AFTERHOURS", "QUEUETIMEOUT", "NONE",
    }  # fmt: skip
    assert {row["wrapup_seconds"] for row in rows if row["direction"] == "inbound"} == {39, 37, 33, 9, 0}


def test_an_outbound_reason_is_kept_whatever_it_looks_like() -> None:
    assert read(export(record(OUTBOUND, term_reason="N"))).only["term_reason"] == "N"


# Copies that a join makes


def test_the_copy_with_the_longest_wrap_up_is_kept() -> None:
    copies = [record(INBOUND, wrapup_time=seconds) for seconds in ("3", "38", "", "9")]
    answer = read(export(record(OUTBOUND), *copies))
    assert answer.values("status", "wrapup_seconds") == [("NA", 0), ("SALE", 38)]
    assert (answer.records, answer.duplicates, answer.quarantined) == (5, 3, [])


def test_a_recorded_copy_counts_once() -> None:
    answer = read(recorded("export_250720_extended_2.txt"))
    assert (answer.records, len(answer.rows), answer.duplicates, answer.quarantined) == (18, 17, 1, [])
    assert [row["wrapup_seconds"] for row in answer.rows if row["lead_id"] == "16334"] == [32]


@pytest.mark.parametrize(
    "change", [{"status": "NI"}, {"user": "2002"}, {"lead_id": "18"}, {"length_in_sec": "101"}, {"alt_dial": "12.00"}]
)
def test_a_record_that_shares_an_identity_but_is_no_copy_is_kept_aside(change: dict[str, Any]) -> None:
    other = record(INBOUND, **change)
    answer = read(export(record(INBOUND, wrapup_time="99"), other))
    assert answer.quarantined == [(other[:-2].decode(), "another call with the same uniqueid, group and time is kept")]
    assert (answer.records, len(answer.rows), answer.duplicates) == (2, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"campaign_id": "VIP_ES"},
        {"call_date": "2026-03-02 11:00:01"},
        {"uniqueid": "1772467200.19"},
        {"alt_dial": "MAIN"},
    ],
)
def test_another_leg_of_a_call_is_no_copy(change: dict[str, Any]) -> None:
    answer = read(export(record(INBOUND), record(INBOUND, **change)))
    assert (len(answer.rows), answer.duplicates, answer.quarantined) == (2, 0, [])


# Calls in progress


def test_calls_in_progress_are_those_of_these_statuses() -> None:
    assert IN_PROGRESS == ("QUEUE", "INCALL", "LIVE", "DISPO")


@pytest.mark.parametrize(
    ("change", "open_legs"),
    [
        ({}, 0), ({"length_in_sec": "0"}, 0), ({"length_in_sec": ""}, 1), ({"status": "INCALL"}, 1),
        ({"status": "QUEUE", "length_in_sec": "", "user": "VDCL"}, 1), ({"status": "LIVE"}, 1),
        ({"status": "DISPO"}, 1), ({"status": ""}, 0),
    ],
)  # fmt: skip
def test_legs_without_an_end_or_a_disposition_are_in_progress(change: dict[str, str], open_legs: int) -> None:
    answer = read(export(record(OUTBOUND), record(INBOUND, **change)))
    day = date(2026, 3, 2)
    assert answer.hours == {(day, 10): 1, (day, 11): 1}
    assert answer.in_progress == ({(day, 11): 1} if open_legs else {})


def test_the_bounds_of_a_chunk_are_told() -> None:
    [chunk] = read(
        export(record(OUTBOUND), record(OUTBOUND, call_date="2026-03-03 00:10:00", uniqueid="1.1"), record(INBOUND))
    ).chunks
    assert (chunk.first_day, chunk.last_day) == (date(2026, 3, 2), date(2026, 3, 3))
    assert [count.hour for count in chunk.hours if count.inbound] == [11]
    [none_inbound] = read(export(record(OUTBOUND))).chunks
    assert [count.hour for count in none_inbound.hours if count.inbound] == []


def test_hours_count_legs_and_not_copies_or_quarantined_records() -> None:
    answer = read(export(record(INBOUND), record(INBOUND, wrapup_time="38"), record(INBOUND, length_in_sec="x")))
    assert answer.hours == {(date(2026, 3, 2), 11): 1}
