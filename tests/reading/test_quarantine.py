"""Records of the quarantine, read again: what is a call now is spooled, and nothing is made up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config import Settings
from messages import QuarantinedRecord, Source, SourceIdentity
from reading.quarantine import PLACE_TAKEN, QuarantineReader, RereadResult
from reports import user_stats
from reports.equal_keys import TWO_OF_ONE_IDENTITY
from reports.text_decoding import from_quarantine_text, to_quarantine_text
from spool.phones import PhoneKey, Phones, make_phone_key
from tests.reports.answers import INBOUND, OUTBOUND, header, record, source
from tests.source_identities import pop_identity

SEEN = datetime(2026, 3, 2, 18, tzinfo=UTC)
EXTENDED_2 = "\t".join(header())
STATS_RECORD = '"","1","2026-03-02 11:00:00","100","SALE","0312345678","SALES_IN","12.50","87","101","17","AGENT"'
GROUPS = ("SURVEY", "SALES_IN")
ONE_FIELD_LESS = record(OUTBOUND)[:-2].rpartition(b"\t")[0]


def make_record(raw: bytes | str, reason: str = "an older reader", **changes: Any) -> QuarantinedRecord:
    text = to_quarantine_text(raw.removesuffix(b"\r\n")) if isinstance(raw, bytes) else raw
    values: dict[str, Any] = {
        "record_hash": f"{hash((text, changes.get('last_seen_at'))):x}",
        "report": "call_report_export", "reason": reason, "record": text,
        "window_day": date(2026, 3, 2), "header": EXTENDED_2, "first_seen_at": SEEN, "last_seen_at": SEEN,
        "run_id": "run",
    }  # fmt: skip
    values |= changes
    return QuarantinedRecord(source=pop_identity(values, SourceIdentity("0" * 32, "Old name", "C1")), **values)


def again(
    folder: Path, records: Sequence[QuarantinedRecord], who: Source | None = None,
    *, groups: frozenset[str], phone_mode: str = "full", known: Mapping[str, str] | None = None,
) -> RereadResult:  # fmt: skip
    make_phone_key(folder)
    settings = Settings(data_dir=folder, phone_mode=phone_mode)
    phones = Phones(settings, ())
    rereading = QuarantineReader(
        who or source(), settings, "run", "replay", groups, phones, lambda keys, _days: table_of(keys, known or {})
    )
    read = rereading.read(records)
    assert list((folder / "downloads").glob("*")) == []
    assert (read.sealed.hours, read.sealed.suspect, read.sealed.backfill_id) == ((), None, None)
    assert read.sealed.records == len(records)
    return read


def table_of(keys: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    return {key: known[key] for key in keys if key in known}


def read_again(folder: Path, *records: QuarantinedRecord, groups: Sequence[str] = GROUPS) -> RereadResult:
    return again(folder, records, groups=frozenset(groups))


def calls(read: RereadResult) -> list[dict[str, Any]]:
    files = [pd.read_parquet(file.path) for file in read.sealed.call_files]
    return [{str(name): value for name, value in row.items()} for file in files for row in file.to_dict("records")]


def test_a_record_that_can_be_read_is_a_call_of_todays_source(tmp_path: Path) -> None:
    good, torn = make_record(record(OUTBOUND, last_name=b"M\xfcller")), make_record(ONE_FIELD_LESS)
    read = read_again(tmp_path, torn, good)
    (row,) = calls(read)
    assert (row["lead_id"], row["uniqueid"], row["campaign"]) == ("17", "1772463600.17", "Sales")
    assert row["call_time"] == datetime(2026, 3, 2, 15, tzinfo=UTC)
    assert read.released == (good.record_hash,)
    assert [each.record_hash for each in read.staying] == [torn.record_hash]
    assert (read.sealed.first_day, read.sealed.rows, read.sealed.quarantined) == (date(2026, 3, 2), 1, 1)


def test_numbers_are_stored_as_the_mode_says_and_a_record_without_its_number_is_no_call(tmp_path: Path) -> None:
    shown, hidden = make_record(record(OUTBOUND)), make_record(record(OUTBOUND, phone_number_dialed="**********"))
    read = again(tmp_path, [shown, hidden], groups=frozenset(GROUPS), phone_mode="hash")
    (row,) = calls(read)
    assert row["phone"] == PhoneKey(tmp_path).hash_text(calls(read_again(tmp_path, shown))[0]["phone"])
    assert [each.record_hash for each in read.staying] == [hidden.record_hash]


def test_what_stays_for_another_reason_is_told_and_was_not_seen_again(tmp_path: Path) -> None:
    read = read_again(tmp_path, make_record(ONE_FIELD_LESS))
    (file,) = read.sealed.quarantine_files
    (row,) = pd.read_parquet(file.path).to_dict("records")
    assert row["reason"] == read.staying[0].reason == "58 fields instead of 59, and their values leave doubt"
    assert (row["seen_at"], row["campaign"], row["record"]) == (SEEN, "Old name", read.staying[0].record)
    assert read_again(tmp_path, *read.staying).sealed.quarantine_files == ()


def test_a_torn_record_never_takes_its_neighbour_for_its_end(tmp_path: Path) -> None:
    """Together they would have the right number of fields, and be a call that never was."""
    whole = record(OUTBOUND)[:-2]
    torn, end = whole[: whole.index(b"Oslo")], whole[whole.index(b"Oslo") :]
    read = read_again(tmp_path, make_record(torn), make_record(end))
    assert (calls(read), read.released, len(read.staying)) == ([], (), 2)
    inside = whole.replace(b"Oslo", b"Os\r\nlo")
    assert len(calls(read_again(tmp_path, make_record(torn), make_record(end), make_record(inside)))) == 1


def test_of_several_states_of_a_call_the_latest_comes_last(tmp_path: Path) -> None:
    ended = make_record(record(OUTBOUND, status="DNC"), last_seen_at=SEEN + timedelta(hours=1))
    rung = make_record(record(OUTBOUND, status="INCALL", length_in_sec=""))
    read = read_again(tmp_path, ended, rung)
    assert [row["status"] for row in calls(read)] == ["INCALL", "DNC"]
    assert set(read.released) == {ended.record_hash, rung.record_hash}


def test_two_calls_under_one_identity_in_an_answer_stay_apart(tmp_path: Path) -> None:
    one, other = make_record(record(OUTBOUND)), make_record(record(OUTBOUND, lead_id="18"))
    read = read_again(tmp_path, one, other)
    assert (len(calls(read)), [each.reason for each in read.staying]) == (1, [TWO_OF_ONE_IDENTITY])
    alone = read_again(tmp_path, *read.staying)
    assert (calls(alone), alone.released, alone.staying) == ([], (), read.staying)


def test_copies_of_a_leg_are_one_call_and_leave_together(tmp_path: Path) -> None:
    read = read_again(tmp_path, make_record(record(INBOUND)), make_record(record(INBOUND, wrapup_time="20")))
    assert (len(calls(read)), read.sealed.duplicates, len(read.released)) == (1, 1, 2)


def test_a_damaged_record_is_put_right_by_the_campaigns_that_its_client_has(tmp_path: Path) -> None:
    """A tab in the lead's id could as well be one in the agent's name before a campaign called 00."""
    doubtful = make_record(record(OUTBOUND, vendor_lead_code="00\t01"))
    clear = make_record(record(OUTBOUND, list_description="a\ttab", full_name="Auto\tDial"))
    read = read_again(tmp_path, doubtful, clear)
    assert ([row["dialer_campaign"] for row in calls(read)], read.released) == (["SURVEY"], (clear.record_hash,))
    unknown = read_again(tmp_path, doubtful, clear, groups=())
    assert (unknown.released, {each.reason for each in unknown.staying}) == ((), {"an older reader"})


def test_without_a_header_only_what_fits_the_usual_one_is_read(tmp_path: Path) -> None:
    fits, other = (
        make_record(record(OUTBOUND), header=None),
        make_record(record(OUTBOUND, columns="extended_3"), header=None),
    )
    read = read_again(tmp_path, fits, other, make_record(record(INBOUND), header="no\theader\tof\tthis report"))
    assert (len(calls(read)), read.released, len(read.staying)) == (1, (fits.record_hash,), 2)
    assert {each.reason for each in read.staying} == {"an older reader"}


def test_user_stats_are_read_again_too(tmp_path: Path) -> None:
    """Two equal legs stay two, also where a piece without a beginning stands behind them."""
    stats = source("user_stats")
    good = make_record(STATS_RECORD, report="user_stats", header=None)
    alike = make_record(STATS_RECORD.replace('"1"', '"2"'), report="user_stats", header=None)
    torn = make_record(STATS_RECORD[:60], report="user_stats", header=None)
    piece = make_record('"SALE","0312345678"', report="user_stats")
    piece = replace(piece, header=user_stats.LAYOUT.usual_header.decode())
    whole = [replace(each, header=piece.header) for each in (good, alike)]
    assert len({row["call_key"] for row in calls(again(tmp_path, [piece, *whole], stats, groups=frozenset("x")))}) == 2
    read = again(tmp_path, [good, torn, alike], stats, groups=frozenset())
    assert [row["agent"] for row in calls(read)] == ["2001", "2001"]
    assert len({row["call_key"] for row in calls(read)}) == 2
    assert [each.record_hash for each in read.staying] == [torn.record_hash]


def test_a_leg_that_would_take_the_place_of_another_call_stays(tmp_path: Path) -> None:
    """They are counted within an answer, of which the readable records are not there any more."""
    stats = source("user_stats")
    lost = make_record(STATS_RECORD, report="user_stats", header=None)
    second = make_record(STATS_RECORD.replace('"87"', '"88"'), report="user_stats", header=None)
    other = make_record(STATS_RECORD.replace("11:00:00", "11:00:01"), report="user_stats", header=None)
    read = again(tmp_path, [lost, second, other], stats, groups=frozenset())
    assert (len(calls(read)), len(read.released)) == (3, 3)
    first = next(row for row in calls(read) if row["call_time_local"].second == 0)
    taken = {first["call_key"]: "another call"}
    for mode in ("full", "hash"):
        read = again(tmp_path, [lost, second, other], stats, groups=frozenset(), known=taken, phone_mode=mode)
        assert first["call_key"] not in {row["call_key"] for row in calls(read)}
        assert [(each.record_hash, each.reason) for each in read.staying] == [(lost.record_hash, PLACE_TAKEN)]
        assert (len(read.released), len(calls(read)), read.sealed.rows) == (2, 2, 2)
    alone = again(tmp_path, read.staying, stats, groups=frozenset(), known=taken)
    assert (calls(alone), alone.released, len(alone.staying)) == ([], (), 1)
    same = again(tmp_path, read.staying, stats, groups=frozenset(), known={first["call_key"]: first["row_hash"]})
    assert (len(calls(same)), same.released) == (1, (lost.record_hash,))


def test_where_the_reader_finds_other_records_each_is_read_alone(tmp_path: Path) -> None:
    """Line feeds at the end of a kept line make an empty record of their own."""
    odd = make_record(record(OUTBOUND).removesuffix(b"\r\n") + b"\r\n\r\n", first_seen_at=SEEN)
    odd = replace(odd, record=odd.record + "\r\n\r\n")
    good = make_record(record(OUTBOUND, lead_id="18", uniqueid="1772463600.18"))
    read = read_again(tmp_path, odd, good)
    assert (read.released, [each.record_hash for each in read.staying]) == ((good.record_hash,), [odd.record_hash])


@pytest.mark.parametrize("raw", [b"", b"plain", b"M\xfcller \xe2\x82 \xff", "Grüße €".encode(), b"\\xzz \\n"])
def test_bytes_come_back_from_the_quarantine(raw: bytes) -> None:
    assert from_quarantine_text(to_quarantine_text(raw)) == raw


def test_a_layout_counts_fields() -> None:
    layout = user_stats.LAYOUT
    assert layout.fits(layout.usual_header, STATS_RECORD.encode())
    assert not layout.fits(layout.usual_header, STATS_RECORD[:60].encode())
