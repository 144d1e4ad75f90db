"""Copies of a leg, and legs that look alike, wherever they stand in an answer."""

from pathlib import Path
from typing import Any

import pytest

from reports import REPORTS, Chunk
from reports.equal_keys import TWO_OF_ONE_IDENTITY
from reports.leg_counting import count_legs_once
from tests.reports.answers import INBOUND, OUTBOUND, export, read, record, recorded, source

TITLE, HEADER, *_ = recorded("user_stats_250720.csv").split(b"\n")
TOTALS = b'"","","TOTALS","252627","","","","","246287.2"\n'
CALLS = 30
STANDARD = "standard"


def chunks_of(folder: Path, answer: bytes, chunk_records: int, report: str = "call_report_export") -> list[Chunk]:
    path = folder / "answer"
    path.write_bytes(answer)
    reader = REPORTS[report]
    header = reader.parse_header(answer)
    chunks = reader.parse_records(path, header, source(report), chunk_records=chunk_records, lead_fields=False)
    return list(count_legs_once(chunks))


def keys(chunks: list[Chunk]) -> list[str]:
    return [key for chunk in chunks for key in chunk.rows["call_key"]]


def legs_by_hour(chunks: list[Chunk]) -> dict[int, int]:
    legs: dict[int, int] = {}
    for chunk in chunks:
        for count in chunk.hours:
            legs[count.hour] = legs.get(count.hour, 0) + count.legs
    return legs


@pytest.mark.parametrize("columns", ["extended_2", STANDARD])
@pytest.mark.parametrize("chunk_records", [1, 7, 30, 100])
@pytest.mark.parametrize("copies", [1, 2, 3])
def test_a_leg_is_counted_once_however_far_its_copies_are_apart(
    tmp_path: Path, chunk_records: int, copies: int, columns: str
) -> None:
    records = [
        record(
            OUTBOUND,
            columns,
            call_date=f"2026-03-02 {10 + number // 20}:{number:02}:28",
            uniqueid=f"1772463600.{number}",
        )
        for number in range(CALLS)
    ]
    chunks = chunks_of(tmp_path, export(*records * copies, columns=columns), chunk_records)
    assert legs_by_hour(chunks) == {10: 20, 11: 10}
    assert len(set(keys(chunks))) == CALLS


@pytest.mark.parametrize("chunk_records", [1, 2, 100])
def test_legs_without_uniqueid_are_numbered_through_the_whole_answer(tmp_path: Path, chunk_records: int) -> None:
    """Two legs of one moment may stand far apart, where the dialer sorts by something else."""
    legs = [("10:00:00", "1"), ("10:00:01", "2"), ("10:00:00", "3"), ("10:00:00", "1")]
    records = [record(OUTBOUND, STANDARD, call_date=f"2026-03-02 {at}", lead_id=lead) for at, lead in legs]
    found = keys(chunks_of(tmp_path, export(*records, columns=STANDARD), chunk_records))
    assert len(set(found)) == 3
    assert set(found) == set(keys(chunks_of(tmp_path, export(*records, columns=STANDARD), 100)))


@pytest.mark.parametrize("chunk_records", [1, 2, 100])
def test_equal_calls_of_an_agent_are_numbered_through_the_whole_answer(tmp_path: Path, chunk_records: int) -> None:
    lines = [
        f'"","1","2026-11-20 10:{minute:02}:28","580","SALE","0777","SALES_IN","40.00","540","104","7","AGENT"'.encode()
        for minute in (1, 2, 1)
    ]
    answer = b"\n".join([TITLE, HEADER, *lines, TOTALS])
    chunks = chunks_of(tmp_path, answer, chunk_records, "user_stats")
    assert len(set(keys(chunks))) == 3
    assert legs_by_hour(chunks) == {10: 3}


# Two calls with one key


def two(first: dict[str, Any], second: dict[str, Any]) -> bytes:
    return export(record(first), record(second))


@pytest.mark.parametrize(
    ("leg", "other"),
    [
        (OUTBOUND, {"phone_number_dialed": "5552220002", "lead_id": "99"}),
        (INBOUND, {"phone_number_dialed": "5552220002", "lead_id": "99", "user": "2002"}),
    ],
    ids=["outbound", "inbound"],
)
def test_two_calls_of_one_uniqueid_and_second_are_two_rows_for_the_commit(
    leg: dict[str, Any], other: dict[str, Any]
) -> None:
    answer = read(two(leg | {"user": "1001"}, leg | {"user": "1001"} | other))
    assert [row["lead_id"] for row in answer.rows] == [leg["lead_id"], "99"]
    assert len({row["call_key"] for row in answer.rows}) == 1
    assert not answer.quarantined


def test_copies_that_differ_in_what_the_dialer_looked_up_of_the_channel_are_copies() -> None:
    """The carrier can log the end of a call between the two."""
    answer = read(two(INBOUND, INBOUND | {"wrapup_time": "38", "hangup_cause": "16", "dialstatus": "ANSWER"}))
    assert (answer.duplicates, answer.quarantined) == (1, [])
    assert (answer.only["wrapup_seconds"], answer.only["hangup_cause"]) == (38, 16)


@pytest.mark.parametrize("turned", [False, True])
def test_the_kept_copy_takes_what_it_lacks_of_its_channel_from_the_others(*, turned: bool) -> None:
    longest = INBOUND | {"wrapup_time": "38", "dialstatus": "ANSWER"}
    other = INBOUND | {"wrapup_time": "7", "hangup_cause": "16", "dialstatus": "BUSY", "did_pattern": "0312"}
    answer = read(two(other, longest) if turned else two(longest, other))
    assert (answer.duplicates, answer.quarantined) == (1, [])
    shown = [answer.only[name] for name in ("wrapup_seconds", "hangup_cause", "dialstatus", "did_pattern")]
    assert shown == [38, 16, "ANSWER", "0312"]


@pytest.mark.parametrize("other", [{"status": "NI"}, {"lead_id": "99"}, {"phone_number_dialed": "5552220002"}])
def test_what_leaves_a_doubt_is_kept_in_the_quarantine(other: dict[str, Any]) -> None:
    answer = read(two(INBOUND, INBOUND | other))
    assert len(answer.rows) == 1
    assert [reason for _, reason in answer.quarantined] == [TWO_OF_ONE_IDENTITY]


def test_three_calls_of_one_key_and_a_copy(tmp_path: Path) -> None:
    calls = [
        OUTBOUND | {"phone_number_dialed": f"555000000{number}", "lead_id": str(number), "wrapup_time": str(number)}
        for number in range(3)
    ]
    copy = calls[1] | {"wrapup_time": "50"}
    (chunk,) = chunks_of(tmp_path, export(*map(record, [*calls, copy])), 100)
    assert sorted(chunk.rows["lead_id"]) == ["0", "1", "2"]
    assert (chunk.duplicates, len(chunk.quarantined)) == (1, 0)
    assert chunk.rows.loc[chunk.rows["lead_id"] == "1", "wrapup_seconds"].tolist() == [50]


# Masked numbers


@pytest.mark.parametrize("masks", [("XXXXXXXXXX", "XXXXXXX905"), ("XXXXXXXXXX", ""), ("X", "XXXXXXXXXXX")])
def test_a_masked_phone_is_no_part_of_a_key(masks: tuple[str, str]) -> None:
    one, other = (
        read(export(record(OUTBOUND, STANDARD, phone_number_dialed=phone), columns=STANDARD)).only["call_key"]
        for phone in masks
    )
    assert one == other


@pytest.mark.parametrize("phone", ["5552220002", "X5552220002", "x", "XX5552220002"])
def test_what_is_no_mask_is_part_of_a_key(phone: str) -> None:
    known = {
        read(export(record(OUTBOUND, STANDARD, phone_number_dialed=each), columns=STANDARD)).only["call_key"]
        for each in (phone, "XXXXXXXXXX")
    }
    assert len(known) == 2


# The archive


def test_rows_of_the_archive_say_so() -> None:
    parameters = (("search_archived_data", "checked"),)
    live, archived = (read(export(record(OUTBOUND)), source(parameters=given)).only for given in ((), parameters))
    assert (live["source_report"], archived["source_report"]) == ("call_report_export", "call_report_export_archive")
    assert live["call_key"] == archived["call_key"]
    assert live["row_hash"] == archived["row_hash"]
