"""Everything of a batch becomes visible together, or nothing of it does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from config import Settings
from database import Warehouse
from errors import BatchRefused
from messages import ClientOutcome, HourCount, RefusedAccount
from tests.warehouses.building import DAY, NOON, SOURCE, batch, leg, outcome, quarantine, window
from tests.warehouses.looking import calls, rows


def test_a_batch_that_is_in_the_ledger_changes_nothing(warehouse: Warehouse, settings: Settings) -> None:
    first = batch(outcome(window(settings, [leg()])))
    warehouse.commit(first)
    before = calls(settings), rows(settings, "FROM vicidial.runs"), rows(settings, "FROM vicidial.ledger")
    again = replace(first, outcomes=(outcome(window(settings, [leg(status="NI")])),))
    (result,) = warehouse.commit(again)
    assert (result.inserted, result.updated) == (0, 0)
    assert before == (calls(settings), rows(settings, "FROM vicidial.runs"), rows(settings, "FROM vicidial.ledger"))


def test_watermarks_only_move_forward(warehouse: Warehouse) -> None:
    for moment in (NOON, NOON + timedelta(hours=1), NOON - timedelta(days=1)):
        warehouse.commit(batch(read_until=moment))
    assert warehouse.watermarks() == {SOURCE: NOON + timedelta(hours=1)}


def test_nothing_of_a_batch_is_visible_when_a_file_of_it_is_broken(warehouse: Warehouse, settings: Settings) -> None:
    sound, broken = window(settings, [leg()]), window(settings, [leg(uniqueid="1795181336.1")])
    Path(broken.call_files[0].path).write_bytes(b"PAR1 this is no Parquet file")
    with pytest.raises(BatchRefused):
        warehouse.commit(batch(outcome(sound), outcome(broken), read_until=NOON))
    assert calls(settings) == []
    assert warehouse.watermarks() == {}
    assert warehouse.hours(DAY) == []
    assert rows(settings, "FROM vicidial.runs") == []


def test_a_suspect_window_keeps_its_rows_and_does_not_count_as_read(warehouse: Warehouse, settings: Settings) -> None:
    sealed = window(settings, [leg()], suspect="fewer than before")
    (result,) = warehouse.commit(batch(outcome(sealed)))
    assert (result.inserted, result.suspect) == (1, 1)
    assert warehouse.hours(DAY) == []


def test_the_latest_read_of_an_hour_counts(warehouse: Warehouse, settings: Settings) -> None:
    early = window(settings, [leg()])
    hour = HourCount(day=DAY, hour=10, legs=9, in_progress=2)
    late = replace(early, read_at=NOON + timedelta(minutes=15), hours=(hour,), call_files=())
    warehouse.commit(batch(outcome(late, early)))
    (read,) = warehouse.hours(DAY)
    assert (read.legs, read.in_progress, read.read_at) == (9, 2, NOON + timedelta(minutes=15))
    assert warehouse.hours(DAY + timedelta(days=1)) == []


def test_calls_that_a_dialer_shows_no_more_are_counted_and_kept(warehouse: Warehouse, settings: Settings) -> None:
    warehouse.commit(batch(outcome(window(settings, [leg(), leg(uniqueid="1795181336.1")]))))
    (result,) = warehouse.commit(batch(outcome(window(settings, [leg()], shortfall=1))))
    assert (result.unchanged, result.shortfall) == (1, 1)
    (row,) = rows(settings, "SELECT day, hour, legs_before, legs_now FROM vicidial.completeness")
    assert row == {"day": DAY, "hour": 10, "legs_before": 2, "legs_now": 1}
    assert len(calls(settings)) == 2


def test_a_quarantined_record_is_kept_once_with_when_it_was_seen(warehouse: Warehouse, settings: Settings) -> None:
    for _ in range(2):
        files = quarantine(settings, "broken\tone", "broken\ttwo")
        warehouse.commit(batch(outcome(window(settings, [], quarantine_files=files, quarantined=2, records=2))))
    found = rows(settings, "SELECT record, first_seen_at FROM vicidial.quarantine ORDER BY record")
    assert [row["record"] for row in found] == ["broken\tone", "broken\ttwo"]
    assert found[0]["first_seen_at"] == NOON


def test_refusals_are_kept_until_they_are_forgotten(warehouse: Warehouse, settings: Settings) -> None:
    refusal = RefusedAccount(
        host="dialer", username="report", salt="s", fingerprint="f", refused_at=NOON, reason="login rejected"
    )
    warehouse.commit(batch(outcome(window(settings, []), refused=(refusal, refusal))))
    warehouse.commit(batch(outcome(window(settings, []), refused=(refusal,))))
    assert warehouse.refused_accounts() == [refusal]
    warehouse.forget_refusals([refusal])
    assert warehouse.refused_accounts() == []


def test_each_client_has_its_line_in_the_run_history(warehouse: Warehouse, settings: Settings) -> None:
    client = ClientOutcome(
        source_key="b" * 32, campaign="Sales", client_id="2", client_name="Beta", failure="no", label="x", requests=3
    )
    one = outcome(window(settings, [leg()], duplicates=2, records=3))
    warehouse.commit(batch(replace(one, clients=(*one.clients, client))))
    found = rows(
        settings, "SELECT client_id, records, inserted, duplicates, requests, failure FROM vicidial.runs ORDER BY 1"
    )
    assert [tuple(row.values()) for row in found] == [("1", 3, 1, 2, 0, None), ("2", 0, 0, 0, 3, "no")]


def test_a_lost_worker_is_a_failure_and_its_sealed_windows_are_committed(
    warehouse: Warehouse, settings: Settings
) -> None:
    lost = outcome(window(settings, [leg()]), clients=(), failure="the worker died", label="worker died")
    results = warehouse.commit(batch(lost))
    assert [(result.inserted, result.failure) for result in results] == [(1, None), (0, "the worker died")]


def test_a_batch_without_rows_does_not_touch_the_calls(warehouse: Warehouse, settings: Settings) -> None:
    warehouse.commit(batch(outcome(window(settings, [leg()]))))
    with duckdb.connect(settings.duckdb_path) as db:
        db.execute("ALTER TABLE vicidial.calls RENAME TO away")
    (result,) = warehouse.commit(batch(outcome(window(settings, []))))
    assert result.records == 0


def test_a_backfill_remembers_its_days_until_it_ends(warehouse: Warehouse, settings: Settings) -> None:
    warehouse.commit(batch(outcome(window(settings, [leg()], backfill_id="x"))))
    warehouse.commit(batch(outcome(window(settings, [leg()], backfill_id="x", suspect="short"))))
    assert warehouse.backfilled("x") == {(SOURCE, DAY)}
    warehouse.end_backfill("x")
    assert warehouse.backfilled("x") == set()


def test_reading_before_anything_exists_gives_nothing(settings: Settings) -> None:
    from database import open_warehouse

    empty = open_warehouse(settings)
    assert (empty.credential_rows(), empty.watermarks(), empty.hours(date(2026, 1, 1))) == ([], {}, [])
    assert (empty.refused_accounts(), empty.backfilled("x")) == ([], set())
    assert not settings.duckdb_path.exists()


def test_moments_come_back_aware(warehouse: Warehouse) -> None:
    warehouse.commit(batch(read_until=NOON))
    assert warehouse.watermarks()[SOURCE].tzinfo is not None
    assert warehouse.watermarks()[SOURCE] == datetime(2026, 11, 20, 17, tzinfo=UTC)
