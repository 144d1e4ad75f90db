"""The reads of `status` are the same from both warehouses."""

from dataclasses import replace
from datetime import timedelta

from errors import Label
from messages import CampaignOutcome, ClientOutcome, Failure, RunEnd, SourceIdentity
from status_records import OpenCalls, Overview
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import NOON, call, outcome


def failed(
    source: str, why: str, *, campaign: str = "SALES", job_id: str = "job-SALES", kind: Label = Label.TIMED_OUT
) -> CampaignOutcome:
    client = ClientOutcome(
        source=SourceIdentity(source, campaign, "C1" if source else "", ""), failure=Failure(kind, why),
        requests=2, notices=("a", "b"),
    )  # fmt: skip
    return CampaignOutcome(job_id=job_id, campaign=campaign, clients=(client,))


@DUCKDB_FIRST
def test_build_and_clock_are_those_that_the_dialer_told_last(desk: Desk) -> None:
    """A run may get no answer, and a backfill compares no clock."""
    told = ClientOutcome(source=SourceIdentity("source-1", "SALES", "C1", ""), host="dialer.example")
    for build, gap in ((220301, 70.4), (250720, None), (None, None)):
        known = replace(told, build=build, clock_gap=None if gap is None else timedelta(seconds=gap))
        desk.commit(CampaignOutcome(job_id="a", campaign="SALES", clients=(known,)))
    (found,) = desk.warehouse.reader.overview(NOON + timedelta(days=1)).sources
    assert (found.build, found.clock_gap_seconds) == (250720, 70)


def test_an_empty_warehouse_tells_nothing(desk: Desk) -> None:
    assert desk.warehouse.reader.overview(NOON) == Overview()


def test_the_last_run_of_a_source_and_since_when_it_fails(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), call(2), quarantine=["torn", "short"]), job_id="a"))
    desk.commit(failed("source-1", "first", kind=Label.LOGIN_REJECTED))
    desk.commit(outcome(desk.spool.sealed(call(3)), job_id="b"), failed("source-2", "other"))
    second_success = desk.batches.last.committed_at
    desk.commit(failed("source-1", "again"))
    since = desk.batches.last.committed_at
    desk.commit(failed("source-1", "and again"), failed("", "all of it", campaign="B", job_id="c"))
    desk.warehouse.end_run(RunEnd(run_id=desk.batches.last.run_id, seconds=3.5, commit_seconds=1.5))

    found = desk.warehouse.reader.overview(NOON + timedelta(days=1))
    whole, first, other = found.sources
    assert (first.source_key, first.failure, first.label, first.notices) == (
        "source-1",
        "and again",
        "timed out",
        "a | b",
    )
    assert (first.succeeded_at, first.failing_since) == (second_success, since)
    assert (first.failed_at, first.last_failure) == (desk.batches.last.committed_at, "and again")
    assert first.last_label == "timed out"
    assert (other.source_key, other.succeeded_at, other.last_failure) == ("source-2", None, "other")
    assert (whole.campaign, whole.source_key, whole.failure) == ("B", "", "all of it")
    assert found.newest_calls == {("C1", "SALES"): call(3)["call_time"]}
    assert found.in_quarantine == {"source-1": 2}
    latest = found.runs[0]
    assert (latest.run_id, latest.seconds, latest.commit_seconds) == (desk.batches.last.run_id, 3.5, 1.5)
    assert (latest.sources, latest.failed, latest.requests, latest.inserted) == (2, 2, 4, 0)
    assert [run.inserted for run in found.runs] == [0, 0, 1, 0, 2]
    assert [run.seconds for run in found.runs[1:]] == [None] * 4


@DUCKDB_FIRST
def test_a_failure_that_is_over_is_still_told_and_does_not_count(desk: Desk) -> None:
    desk.commit(failed("source-1", "first"))
    at = desk.batches.last.committed_at
    desk.commit(outcome(desk.spool.sealed(call(1))))
    (source,) = desk.warehouse.reader.overview(NOON + timedelta(days=1)).sources
    assert (source.failure, source.failing_since, source.failed_at, source.last_failure) == (None, None, at, "first")
    assert (source.label, source.last_label, source.inserted) == ("completed", "timed out", 1)


@DUCKDB_FIRST
def test_a_replay_of_the_quarantine_is_no_success_of_its_source(desk: Desk) -> None:
    desk.commit(failed("source-1", "first"))
    at = desk.batches.last.committed_at
    desk.commit(outcome(desk.spool.sealed(call(1), hours=()), job_id="replay-0000"), released=("hash",))
    found = desk.warehouse.reader.overview(NOON + timedelta(days=1))
    assert [(each.failure, each.failing_since) for each in found.sources] == [("first", at)]
    assert [run.inserted for run in found.runs] == [1, 0]


@DUCKDB_FIRST
def test_what_is_long_past_is_not_looked_at(desk: Desk) -> None:
    old = desk.batches.of(outcome(desk.spool.sealed(call(1))))
    desk.warehouse.commit(replace(old, committed_at=NOON - timedelta(days=40)))
    found = desk.warehouse.reader.overview(NOON + timedelta(days=32))
    assert (found.runs, found.sources, found.newest_calls) == ((), (), {})


@DUCKDB_FIRST
def test_calls_that_should_have_ended_long_ago_are_counted_with_the_first_of_them(desk: Desk) -> None:
    """Their dialer still shows them in progress, or has hidden them since."""
    rung = call(1, length_seconds=None)
    undecided, ended = call(2, status="DISPO", length_seconds=30), call(3)
    desk.commit(outcome(desk.spool.sealed(rung, undecided, ended)))
    soon, later = rung["call_time"] + timedelta(hours=5), rung["call_time"] + timedelta(days=1)
    assert desk.warehouse.reader.overview(soon).open_calls == {}
    assert desk.warehouse.reader.overview(later).open_calls == {
        ("C1", "SALES"): OpenCalls(calls=2, since=rung["call_time"]),
    }


@DUCKDB_FIRST
def test_a_source_counts_once_in_a_run_however_many_of_its_days_were_read(desk: Desk) -> None:
    """A backfill has a job for each day."""
    days = [outcome(desk.spool.sealed(call(number)), job_id=f"{number:06}") for number in (1, 2)]
    desk.commit(*days, failed("source-2", "why", job_id="3"), failed("source-2", "why", job_id="4"))
    (run,) = desk.warehouse.reader.overview(NOON + timedelta(days=1)).runs
    assert (run.sources, run.failed) == (2, 1)


@DUCKDB_FIRST
def test_a_source_was_read_when_a_window_of_it_was(desk: Desk) -> None:
    first = outcome(desk.spool.sealed(call(1)))
    first = replace(first, clients=tuple(replace(client, windows_read=1) for client in first.clients))
    desk.commit(first, failed("source-2", "first"))
    at = desk.batches.last.committed_at
    desk.commit(failed("source-1", "later"))
    read, other = desk.warehouse.reader.overview(NOON + timedelta(days=1)).sources
    assert (read.read_at, other.read_at) == (at, None)


@DUCKDB_FIRST
def test_a_stop_is_no_failure_of_its_run_and_begins_no_failure(desk: Desk) -> None:
    desk.commit(failed("source-1", "away", kind=Label.DIALER_UNREACHABLE))
    since = desk.batches.last.committed_at
    desk.commit(
        failed("source-1", "stopped", kind=Label.STOPPED),
        failed("source-2", "stopped", kind=Label.STOPPED, job_id="b"),
        failed("", "not begun", campaign="B", job_id="c", kind=Label.NOT_STARTED),
    )  # fmt: skip
    found = desk.warehouse.reader.overview(NOON + timedelta(days=1))
    assert [(run.sources, run.failed, run.stopped) for run in found.runs] == [(3, 0, 3), (1, 1, 0)]
    assert [(each.label, each.failing_since, each.last_failure) for each in found.sources] == [
        (Label.NOT_STARTED, None, None), (Label.STOPPED, since, "away"), (Label.STOPPED, None, None),
    ]  # fmt: skip
