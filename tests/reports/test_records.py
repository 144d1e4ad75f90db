"""Records end in CRLF and nowhere else, and how many of them are typed at once changes nothing."""

from typing import Any

import pytest

from errors import AnswerBroken
from tests.reports.answers import INBOUND, ONE_CHUNK, OUTBOUND, Answer, export, read, record, recorded, source

BATCH_SIZES = (1, 2, 7, 100, ONE_CHUNK)
EXPORTS = (
    "export_110124_extended.txt", "export_210303_extended_2.txt", "export_250720_standard.txt",
    "export_250720_extended_2.txt", "export_250720_extended_3.txt", "export_250720_extended_4.txt",
    "export_250720_recordings.txt",
)  # fmt: skip


def all_of(answer: Answer) -> dict[str, Any]:
    """What must not depend on the chunks: everything but the order of the rows."""
    return {
        "rows": sorted(map(repr, answer.rows)),
        "quarantined": sorted(answer.quarantined),
        "records": answer.records,
        "duplicates": answer.duplicates,
        "hours": answer.hours,
        "in_progress": answer.in_progress,
    }


def untidy() -> bytes:
    """Equal legs without uniqueid, copies, inner line breaks, damage of every kind; several in the same second."""
    tab = {"list_description": "desc with\ttab"}
    anonymous = OUTBOUND | {"uniqueid": "", "phone_number_dialed": ""}
    return export(
        record(OUTBOUND),
        record(OUTBOUND, uniqueid="1772463600.18", list_description="two\r\nlines"),
        record(OUTBOUND, uniqueid="1772463600.19", list_description="2026\r\n2026 was good\tor not"),
        record(anonymous, comments="before a\r\nbreak in two"),
        record(OUTBOUND, uniqueid="1772463600.20", address1="6 High St\nFlat 9", address2="\r"),
        *(record(anonymous, status=status) for status in ("NA", "B", "NA")),
        record(anonymous | tab, status="AA"),
        record(OUTBOUND, call_date="2026-03-02 10:00:01", length_in_sec="1,5"),
        record(OUTBOUND, call_date="2026-03-02 10:00:02", uniqueid="1.1") + b"no call at all\r\n\r\n",
        *(record(INBOUND, wrapup_time=str(seconds)) for seconds in (9, 38, 3)),
        record(INBOUND | tab, wrapup_time="40"),
        record(INBOUND, call_date="2026-03-02 11:00:01", wrapup_time="9"),
    )


@pytest.mark.parametrize("name", EXPORTS)
def test_every_batch_size_reads_a_recorded_export_alike(name: str) -> None:
    wanted = all_of(read(recorded(name)))
    for size in BATCH_SIZES:
        assert all_of(read(recorded(name), chunk_records=size)) == wanted, size


def test_every_batch_size_reads_an_untidy_export_alike() -> None:
    wanted = read(untidy())
    assert (wanted.records, wanted.duplicates, len(wanted.quarantined)) == (17, 5, 2)
    for size in (*BATCH_SIZES, 3, 5, 11):
        assert all_of(read(untidy(), chunk_records=size)) == all_of(wanted), size


def test_chunks_hold_as_many_records_as_they_should() -> None:
    ten = [record(OUTBOUND, call_date=f"2026-03-02 10:00:{second:02}") for second in range(10)]
    assert [chunk.records for chunk in read(export(*ten), chunk_records=4).chunks] == [4, 4, 2]


def test_records_of_one_second_are_never_divided() -> None:
    seconds = (1, 2, 2, 2, 3, 3)
    records = [
        record(OUTBOUND, call_date=f"2026-03-02 10:00:0{second}", uniqueid=f"177246360{second}.{number}")
        for number, second in enumerate(seconds)
    ]
    assert [chunk.records for chunk in read(export(*records), chunk_records=1).chunks] == [1, 3, 2]
    assert [chunk.records for chunk in read(export(*records), chunk_records=3).chunks] == [4, 2]


def test_a_chunk_may_lie_across_the_blocks_that_are_read_from_the_file() -> None:
    times = [f"2026-03-02 08:{minute:02}:{second:02}" for minute in range(60) for second in range(60)]
    records = [record(OUTBOUND, call_date=at, uniqueid=f"1.{at}", address1="x" * 400) for at in times]
    content = export(*records)
    assert len(content) > 1 << 21
    for size in (499, 1_999, ONE_CHUNK):
        answer = read(content, chunk_records=size)
        assert [str(row["call_time_local"]) for row in answer.rows] == times
        assert all(chunk.records == size for chunk in answer.chunks[:-1])


@pytest.mark.parametrize("inner", ["6 High St\nFlat 9", "6 High St\n", "\n\n", "a\rb", "\n6 High St"])
def test_a_line_break_inside_a_field_ends_no_record(inner: str) -> None:
    answer = read(export(record(OUTBOUND), record(INBOUND, address1=inner)), lead_fields=True)
    assert (answer.records, len(answer.rows), answer.quarantined) == (2, 2, [])
    assert answer.rows[1]["lead_address1"] == inner.replace("\r", "\n")


def test_an_inner_line_break_does_not_become_what_stands_in_for_it() -> None:
    other = "".join(map(chr, (0x1E, 0x1D, 0x0B)))
    row = read(export(record(OUTBOUND, address1="a\nb", address2=other)), lead_fields=True).only
    assert (row["lead_address1"], row["lead_address2"]) == ("a\nb", other)


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_a_crlf_inside_a_description_loses_no_call(size: int) -> None:
    answer = read(export(record(OUTBOUND, list_description="one\r\ntwo\r\nthree"), record(INBOUND)), chunk_records=size)
    assert answer.values("status", "status_name") == [("NA", "No Answer AutoDial"), ("SALE", "Sale Made")]
    assert (answer.records, answer.quarantined) == (2, [])


@pytest.mark.parametrize("missing", [1, 2, 3, 30, 150])
@pytest.mark.parametrize("size", BATCH_SIZES)
def test_an_answer_that_ends_inside_a_record_is_broken_off(missing: int, size: int) -> None:
    whole = export(*(record(OUTBOUND, call_date=f"2026-03-02 10:00:0{second}") for second in range(5)))
    with pytest.raises(AnswerBroken, match=r"dialer\.example .* inside a record") as broken:
        read(whole[:-missing], chunk_records=size)
    assert "2026" not in str(broken.value)
    assert "Lee" not in str(broken.value)


def test_pieces_that_do_not_follow_each_other_are_not_joined() -> None:
    undated = record(OUTBOUND, call_date="")
    answer = read(export(b"2026-03-02 10:00:00\tcut off\r\n", undated, b"no call at all\r\n", record(OUTBOUND)))
    kept = ["2026-03-02 10:00:00\tcut off", "no call at all", undated[:-2].decode()]
    assert [record for record, _ in answer.quarantined] == kept
    assert len(answer.rows) == 1


def test_a_whole_answer_is_not_broken_off_however_its_records_look() -> None:
    answer = read(export(record(OUTBOUND), b"\r\n", b"x\r\n"))
    assert (answer.records, len(answer.rows), len(answer.quarantined)) == (2, 1, 1)


def test_an_answer_without_records_gives_nothing() -> None:
    assert read(export()).chunks == []
    assert source().host == "dialer.example"
