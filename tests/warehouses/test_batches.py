"""Everything of a batch becomes visible together and once, or not at all."""

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import open_warehouse
from errors import BatchRefused, Label
from messages import (
    NEVER,
    CampaignOutcome,
    ClientOutcome,
    Failure,
    HourCount,
    RefusedAccount,
    SealedWindow,
    SourceIdentity,
    Watermark,
    WatermarkRead,
)
from tables import STATE_TABLES
from tests.warehouses.analyst import execute
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import DAY, NOON, call, outcome

ALL_TABLES = ("calls", *(table.name for table in STATE_TABLES))


def everything(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    return {table: desk.rows(table) for table in ALL_TABLES}


def read_until(hours: int, *zones: str) -> Watermark:
    return Watermark(
        source=SourceIdentity("source-1", "SALES", "C1", "Client One"), report="call_report_export",
        host="dialer.example", read_until=NOON + timedelta(hours=hours), timezones=frozenset(zones or {"UTC"}),
    )  # fmt: skip


def hour(legs: int, in_progress: int = 0, at: int = 9) -> HourCount:
    return HourCount(day=DAY, hour=at, legs=legs, in_progress=in_progress)


def test_a_batch_is_committed_once_by_its_name(desk: Desk) -> None:
    window = desk.spool.sealed(call(1), quarantine=["torn"], shortfall=1)
    batch = desk.batches.of(outcome(window), watermarks=(read_until(1),))
    (first,) = desk.warehouse.commit(batch)
    assert (first.records, first.inserted, first.quarantined, first.shortfall) == (2, 1, 1, 1)
    before = everything(desk)
    failed = replace(batch.outcomes[0].clients[0], failure=Failure(Label.DIALER_UNREACHABLE, "It went away."))
    (again,) = desk.warehouse.commit(replace(batch, outcomes=(replace(batch.outcomes[0], clients=(failed,)),)))
    assert (again.inserted, again.updated, again.failure) == (1, 0, failed.failure)
    assert everything(desk) == before


def test_a_batch_without_rows_leaves_the_calls_alone(desk: Desk) -> None:
    """The table is not even read. It may be missing."""
    execute(desk.settings, "DROP VIEW vicidial.calls_classic")
    execute(desk.settings, "DROP TABLE vicidial.calls")
    desk.commit(outcome(desk.spool.sealed(quarantine=["torn"])), watermarks=(read_until(1),))
    assert [row["read_until"] for row in desk.rows("watermarks")] == [NOON + timedelta(hours=1)]


@DUCKDB_FIRST
def test_a_campaign_that_failed_as_a_whole_has_a_result_and_a_run(desk: Desk) -> None:
    failed = CampaignOutcome(job_id="job-9", campaign="LATE", failure=Failure(Label.TIMED_OUT, "It took too long."))
    good, bad = desk.commit(outcome(desk.spool.sealed(call(1))), failed)
    assert (good.failure, bad.source.campaign, bad.source.key, bad.failure) == (None, "LATE", "", failed.failure)
    assert [(run["campaign"], run["inserted"], run["failure"]) for run in desk.rows("runs")] == [
        ("LATE", 0, "It took too long."),
        ("SALES", 1, None),
    ]


def test_each_client_has_its_line_in_the_run_history(desk: Desk) -> None:
    failed = ClientOutcome(
        source=SourceIdentity("b", "SALES", "C2", "Beta"),
        failure=Failure(Label.FAILED, "no"),
        requests=3,
    )
    one = outcome(desk.spool.sealed(call(1), duplicates=2, records=3))
    desk.commit(replace(one, clients=(*one.clients, failed)))
    names = ("client_id", "records", "inserted", "duplicates", "requests", "failure")
    found = [tuple(row[name] for name in names) for row in desk.rows("runs")]
    assert sorted(found) == [("C1", 3, 1, 2, 0, None), ("C2", 0, 0, 0, 3, "no")]


@DUCKDB_FIRST
def test_two_jobs_of_a_source_in_one_batch_are_counted_once(desk: Desk) -> None:
    """A backfill reads a source with a job per day."""
    days = [outcome(desk.spool.sealed(call(number)), job_id=f"job-{number}") for number in (1, 86_400)]
    batch = desk.batches.of(*days)
    for _ in range(2):
        results = desk.warehouse.commit(batch)
        assert [(each.records, each.inserted) for each in results] == [(1, 2), (1, 0)]
    assert sorted((row["job_id"], row["inserted"]) for row in desk.rows("runs")) == [("job-1", 2), ("job-86400", 0)]
    assert desk.counts(*days) == [(0, 0, 2, 0), (0, 0, 0, 0)]


@DUCKDB_FIRST
def test_windows_that_a_lost_worker_had_sealed_are_counted(desk: Desk) -> None:
    lost = outcome(desk.spool.sealed(call(1)), clients=(), failure=Failure(Label.WORKER_DIED, "It was killed."))
    counted, failed = desk.commit(lost)
    assert (counted.source.key, counted.inserted, failed.failure) == ("source-1", 1, lost.failure)


@DUCKDB_FIRST
def test_a_failure_that_no_encoding_can_write_is_stored_all_the_same(desk: Desk) -> None:
    client = ClientOutcome(
        source=SourceIdentity("s", "A", "C", ""), failure=Failure(Label.FAILED, "file \udcff is odd")
    )
    desk.commit(CampaignOutcome(job_id="j", campaign="A", clients=(client,)))
    assert desk.rows("runs")[0]["failure"] == "file ? is odd"


def missing(window: SealedWindow) -> SealedWindow:
    Path(window.call_files[0].path).unlink()
    return window


def torn(window: SealedWindow) -> SealedWindow:
    os.truncate(window.call_files[0].path, 400)
    return window


def garbled(window: SealedWindow) -> SealedWindow:
    path = Path(window.call_files[0].path)
    content = bytearray(path.read_bytes())
    content[20:200] = bytes(180)
    path.write_bytes(content)
    return window


def short_of_a_row(window: SealedWindow) -> SealedWindow:
    return replace(window, call_files=(replace(window.call_files[0], rows=2),))


def of_another_day(window: SealedWindow) -> SealedWindow:
    return replace(window, first_day=date(2026, 1, 1), last_day=date(2026, 1, 2))


@DUCKDB_FIRST
@pytest.mark.parametrize("poison", [missing, torn, garbled, short_of_a_row, of_another_day])
def test_a_poisoned_window_leaves_nothing_of_its_batch(desk: Desk, poison: Any) -> None:
    before = everything(desk)
    good = outcome(desk.spool.sealed(call(1), source="good"))
    bad = outcome(poison(desk.spool.sealed(call(90_000, campaign="BAD"), source="bad")))
    with pytest.raises(BatchRefused):
        desk.commit(good, bad, watermarks=(read_until(1),))
    assert everything(desk) == before
    assert desk.counts(good) == [(1, 0, 0, 0)]


def test_a_row_without_what_is_required_is_refused(desk: Desk) -> None:
    with pytest.raises(BatchRefused, match="NOT NULL"):
        desk.commit(outcome(desk.spool.sealed(call(1, status="SALE") | {"campaign": None}, campaign="SALES")))
    assert desk.rows() == []


def test_a_watermark_only_moves_forward(desk: Desk) -> None:
    for hours in (-1, -2):
        desk.commit(watermarks=(read_until(hours),))
    (row,) = desk.rows("watermarks")
    assert (row["read_until"], row["updated_at"]) == (NOON - timedelta(hours=1), NOON + timedelta(minutes=1))
    read = WatermarkRead(NOON - timedelta(hours=1), frozenset({"UTC"}))
    assert desk.warehouse.reader.watermarks() == {"source-1": read}


@DUCKDB_FIRST
def test_a_watermark_of_a_moment_that_has_not_come_is_put_back(desk: Desk) -> None:
    for hours in (240, -2):
        desk.commit(watermarks=(read_until(hours),))
        assert [row["read_until"] for row in desk.rows("watermarks")] == [NOON + timedelta(hours=hours)]


def test_hours_that_were_read_while_a_clock_was_wrong_are_put_down_as_unread(desk: Desk) -> None:
    """But for those that the very batch has read."""
    desk.commit(outcome(desk.spool.sealed(call(1))))
    [read] = desk.warehouse.reader.hours(DAY)
    ahead = replace(read, read_at=NEVER)
    others = (replace(ahead, hour=(read.hour + 1) % 24), replace(ahead, day=DAY + timedelta(days=100)))
    window = desk.spool.sealed(call(2))
    desk.warehouse.commit(replace(desk.batches.of(outcome(window)), unread=(ahead, *others)))
    found = {(hour.day, hour.hour): hour.read_at for hour in desk.warehouse.reader.hours(DAY)}
    unread = {(hour.day, hour.hour): NEVER for hour in others}
    assert found == {(read.day, read.hour): window.read_at} | unread


@DUCKDB_FIRST
def test_a_watermark_that_stays_where_it_is_still_tells_another_time_zone(desk: Desk) -> None:
    old, new = "UTC", "America/New_York"
    for hours, *zones in ((-1, old), (-1, old, new), (-2, new), (-1, new)):
        desk.commit(watermarks=(read_until(hours, *zones),))
        (known,) = desk.warehouse.reader.watermarks().values()
        assert known.read_until == NOON - timedelta(hours=1)
        assert known.timezones == ({old, new} if hours == -2 else set(zones))


@DUCKDB_FIRST
def test_of_some_sources_every_hour_is_given(desk: Desk) -> None:
    for source in ("source-1", "source-2"):
        desk.commit(outcome(desk.spool.sealed(call(1), source=source)))
    after = DAY + timedelta(days=1)
    assert [read.source_key for read in desk.warehouse.reader.hours(after, ["source-2"])] == ["source-2"]
    assert desk.warehouse.reader.hours(after) == []
    assert len(desk.warehouse.reader.hours(DAY, ["source-2"])) == 2


@DUCKDB_FIRST
def test_an_hour_tells_in_which_time_zone_it_was_read_last(desk: Desk) -> None:
    for zone in ("UTC", "America/New_York"):
        desk.commit(outcome(desk.spool.sealed(call(1), timezone=zone)))
        assert [read.timezone for read in desk.warehouse.reader.hours(DAY)] == [zone]


def test_hours_are_those_of_the_last_read_that_is_believed(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(hours=(hour(5, 1), hour(2, at=10)))))
    later = NOON + timedelta(minutes=15)
    desk.commit(outcome(desk.spool.sealed(hours=(hour(6),), read_at=later)))
    (suspect,) = desk.commit(outcome(desk.spool.sealed(call(1), hours=(hour(1),), suspect="fewer calls")))
    assert (suspect.inserted, suspect.suspect) == (1, 1)
    found = [(read.hour, read.legs, read.in_progress, read.read_at) for read in desk.warehouse.reader.hours(DAY)]
    assert sorted(found) == [(9, 6, 0, later), (10, 2, 0, NOON)]
    assert desk.warehouse.reader.hours(DAY + timedelta(days=1)) == []


def test_what_a_dialer_shows_no_more_is_counted_until_it_is_back(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(hours=(hour(5), hour(4, at=10)))))
    for legs in (3, 2):
        desk.commit(outcome(desk.spool.sealed(hours=(hour(legs), hour(4, at=10)), shortfall=5 - legs)))
    (row,) = desk.rows("completeness")
    assert (row["hour"], row["legs_before"], row["legs_now"]) == (9, 5, 2)
    desk.commit(outcome(desk.spool.sealed(hours=(hour(5),))))
    assert desk.rows("completeness") == []


def test_quarantine_keeps_a_record_once_with_first_and_last_sight(desk: Desk) -> None:
    later = NOON + timedelta(hours=1)
    desk.commit(outcome(desk.spool.sealed(quarantine=["torn", "short"])))
    (result,) = desk.commit(outcome(desk.spool.sealed(quarantine=["torn"], read_at=later)))
    assert result.quarantined == 1
    found = {
        row["record"]: (row["first_seen_at"], row["last_seen_at"], row["run_id"]) for row in desk.rows("quarantine")
    }
    assert found == {"torn": (NOON, later, "run-2"), "short": (NOON, NOON, "run-1")}


def test_refusals_are_kept_once_and_forgotten_by_fingerprint(desk: Desk) -> None:
    one, other = (
        RefusedAccount(host="h", username="u", salt="s", fingerprint=name, refused_at=NOON, reason="BAD")
        for name in "ab"
    )
    for _ in range(2):
        desk.commit(outcome(refused=(one, other)))
    assert sorted(desk.warehouse.reader.account_refusals(), key=lambda each: each.fingerprint) == [one, other]
    desk.warehouse.forget_refusals([one])
    assert desk.warehouse.reader.account_refusals() == [other]


@DUCKDB_FIRST
def test_progress_of_a_backfill_counts_believed_days(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(backfill_id="b")))
    desk.commit(outcome(desk.spool.sealed(backfill_id="b", source="doubtful", suspect="fewer calls")))
    assert desk.warehouse.reader.backfill_progress("b") == {("source-1", DAY)}
    desk.warehouse.end_backfill("b")
    assert desk.warehouse.reader.backfill_progress("b") == set()


@DUCKDB_FIRST
def test_a_new_table_of_calls_beside_old_watermarks_is_told(
    desk: Desk, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    other = open_warehouse(replace(settings, output_table="legs"))
    other.prepare()
    assert "backfill" not in caplog.text
    desk.commit(watermarks=(read_until(1),))
    another = open_warehouse(replace(settings, output_table="more_legs"))
    another.prepare()
    assert "more_legs" in caplog.text
    assert "backfill --from D --to D" in caplog.text
    other.close()
    another.close()
