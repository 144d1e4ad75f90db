"""Which records a command shows, and how they are told together."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from commands.quarantine import groups, of_kind, whole
from messages import QuarantinedRecord

SEEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def kept(record_hash: str, reason: str = "torn", seen: int = 0, **changes: Any) -> QuarantinedRecord:
    values: dict[str, Any] = {
        "record_hash": record_hash, "source_key": "s", "campaign": "Sales", "client_id": "C1", "client_name": "One",
        "report": "user_stats", "reason": reason, "record": f"Ann {record_hash}", "window_day": date(2026, 11, 20),
        "header": None, "first_seen_at": SEEN, "last_seen_at": SEEN + timedelta(hours=seen), "run_id": "r",
    }  # fmt: skip
    return QuarantinedRecord(**(values | changes))


def test_records_are_told_together_by_client_report_and_reason_the_most_first() -> None:
    renamed = kept("abc2", seen=2, client_name="Renamed")
    told = groups([kept("abc1", "short"), kept("abc3", seen=1), renamed, kept("abc4", client_id="C2")])
    assert [(group.records, group.client_id, group.client_name, group.reason) for group in told] == [
        (2, "C1", "Renamed", "torn"), (1, "C1", "One", "short"), (1, "C2", "One", "torn"),
    ]  # fmt: skip
    assert (told[0].first_seen_at, told[0].last_seen_at, told[0].example) == (SEEN, renamed.last_seen_at, renamed)
    assert told[0].for_programs()["example_masked"] == "xxx xxx9"


def test_records_are_found_by_their_whole_reason_or_the_beginning_of_their_hash() -> None:
    records = [kept("abcdef1"), kept("abcdef2", seen=1), kept("123456", "short")]
    assert of_kind(records, "torn") == [records[1], records[0]]
    assert of_kind(records, "ABCDEF1") == [records[0]]
    assert of_kind(records, "abcdef") == [records[1], records[0]]
    assert of_kind(records, "abcde") == of_kind(records, "tor") == []


def test_a_whole_record_cannot_forge_a_line() -> None:
    evil = kept("abcdef", record="Ann\r\n    reason: none\x1b[2J", client_name="One\nTwo", header="DATE\tNAME")
    lines = whole(evil, "utf-8").splitlines()
    assert len(lines) == 4
    assert lines[2:] == [r"    header: DATE\tNAME", r"    record: Ann\r\n    reason: none\x1b[2J"]
