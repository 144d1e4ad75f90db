"""What `status` reads, the same from both warehouses."""

from dataclasses import replace
from datetime import timedelta

from messages import CampaignOutcome, ClientOutcome, RunEnd
from overviews import Overview
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import NOON, call, outcome


def failed(
    source: str, why: str, *, campaign: str = "SALES", job_id: str = "job-SALES", label: str = "timed out"
) -> CampaignOutcome:
    client = ClientOutcome(
        source_key=source, campaign=campaign, client_id="C1" if source else "", client_name="", failure=why,
        label=label, requests=2, notices=("a", "b"),
    )  # fmt: skip
    return CampaignOutcome(job_id=job_id, campaign=campaign, clients=(client,))


def test_an_empty_warehouse_tells_nothing(desk: Desk) -> None:
    assert desk.warehouse.overview(NOON) == Overview()


def test_the_last_run_of_a_source_and_since_when_it_fails(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), call(2), quarantine=["torn", "short"]), job_id="a"))
    desk.commit(failed("source-1", "first", label="login rejected"))
    desk.commit(outcome(desk.spool.sealed(call(3)), job_id="b"), failed("source-2", "other"))
    second_success = desk.batches.last.committed_at
    desk.commit(failed("source-1", "again"))
    since = desk.batches.last.committed_at
    desk.commit(failed("source-1", "and again"), failed("", "all of it", campaign="B", job_id="c"))
    desk.warehouse.end_run(RunEnd(run_id=desk.batches.last.run_id, seconds=3.5, commit_seconds=1.5))

    found = desk.warehouse.overview(NOON + timedelta(days=1))
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


def test_a_failure_that_is_over_is_still_told_and_does_not_count(desk: Desk) -> None:
    desk.commit(failed("source-1", "first"))
    at = desk.batches.last.committed_at
    desk.commit(outcome(desk.spool.sealed(call(1))))
    (source,) = desk.warehouse.overview(NOON + timedelta(days=1)).sources
    assert (source.failure, source.failing_since, source.failed_at, source.last_failure) == (None, None, at, "first")
    assert (source.label, source.last_label, source.inserted) == ("completed", "timed out", 1)


def test_a_replay_of_the_quarantine_is_no_success_of_its_source(desk: Desk) -> None:
    desk.commit(failed("source-1", "first"))
    at = desk.batches.last.committed_at
    desk.commit(outcome(desk.spool.sealed(call(1), hours=()), job_id="replay-0000"), released=("hash",))
    found = desk.warehouse.overview(NOON + timedelta(days=1))
    assert [(each.failure, each.failing_since) for each in found.sources] == [("first", at)]
    assert [run.inserted for run in found.runs] == [1, 0]


def test_what_is_long_past_is_not_looked_at(desk: Desk) -> None:
    old = desk.batches.of(outcome(desk.spool.sealed(call(1))))
    desk.warehouse.commit(replace(old, committed_at=NOON - timedelta(days=40)))
    found = desk.warehouse.overview(NOON + timedelta(days=32))
    assert (found.runs, found.sources, found.newest_calls) == ((), (), {})
