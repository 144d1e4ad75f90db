"""Which records a command shows, and how they are told together."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commands.quarantine_records import find_records, group_records, render_record, select_records
from config import Settings
from credentials.rows import source_key
from errors import NobodyChosen
from messages import QuarantinedRecord, SourceIdentity
from tables import CREDENTIALS
from tests.source_identities import pop_identity
from tests.warehouses.conftest import held

SEEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_record(record_hash: str, reason: str = "torn", seen: int = 0, **changes: Any) -> QuarantinedRecord:
    values: dict[str, Any] = {
        "record_hash": record_hash, "report": "user_stats", "reason": reason,
        "record": f"Ann {record_hash}", "window_day": date(2026, 11, 20),
        "header": None, "first_seen_at": SEEN, "last_seen_at": SEEN + timedelta(hours=seen), "run_id": "r",
    }  # fmt: skip
    values |= changes
    return QuarantinedRecord(source=pop_identity(values, SourceIdentity("s", "Sales", "C1", "One")), **values)


def test_records_are_told_together_by_client_report_and_reason_the_most_first() -> None:
    renamed = make_record("abc2", seen=2, client_name="Renamed")
    told = group_records(
        [make_record("abc1", "short"), make_record("abc3", seen=1), renamed, make_record("abc4", client_id="C2")]
    )
    assert [(group.records, group.client_id, group.client_name, group.reason) for group in told] == [
        (2, "C1", "Renamed", "torn"), (1, "C1", "One", "short"), (1, "C2", "One", "torn"),
    ]  # fmt: skip
    assert (told[0].first_seen_at, told[0].last_seen_at, told[0].example) == (SEEN, renamed.last_seen_at, renamed)
    assert told[0].for_programs()["example_masked"] == "xxx xxx9"
    assert told[0].for_programs()["first_seen_at"] == f"{SEEN:%Y-%m-%dT%H:%M:%S}Z"  # as `status --json` writes moments


def test_records_are_found_by_their_whole_reason_or_the_beginning_of_their_hash() -> None:
    records = [make_record("abcdef1"), make_record("abcdef2", seen=1), make_record("123456", "short")]
    assert find_records(records, "torn") == [records[1], records[0]]
    assert find_records(records, "ABCDEF1") == [records[0]]
    assert find_records(records, "abcdef") == [records[1], records[0]]
    assert find_records(records, "abcde") == find_records(records, "tor") == []


def test_a_client_is_chosen_by_its_row_or_by_its_records_and_a_mistyped_one_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb")
    settings.data_dir.mkdir()
    cells: dict[str, str | None] = dict.fromkeys(column.name for column in CREDENTIALS.columns)
    cells |= {
        "campaign": "Sales", "client_id": "C1", "client_name": "One", "url": "http://d.example/", "enabled": "no",
        "username": "report", "password": "secret",
    }  # fmt: skip
    with held(settings) as warehouse:
        warehouse.put_credential_rows([cells | {"source_key": source_key(cells)}], source_key)
        assert select_records(warehouse, settings, None, "One") == []
        assert select_records(warehouse, settings, "Sales", "C1") == []
        for campaign, client in (("Sales", "nobody"), ("Sold", "C1"), ("Sold", None), (None, "one")):
            with pytest.raises(NobodyChosen):
                select_records(warehouse, settings, campaign, client)


def test_a_whole_record_cannot_forge_a_line() -> None:
    evil = make_record("abcdef", record="Ann\r\n    reason: none\x1b[2J", client_name="One\nTwo", header="DATE\tNAME")
    lines = render_record(evil, "utf-8").splitlines()
    assert len(lines) == 4
    assert lines[2:] == [r"    header: DATE\tNAME", r"    record: Ann\r\n    reason: none\x1b[2J"]
