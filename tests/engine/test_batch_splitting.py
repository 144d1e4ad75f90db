"""Outcomes are grouped into commits of a bounded size."""

from datetime import date, timedelta

from engine.batch_splitting import ROWS_PER_COMMIT, commit_groups
from messages import CampaignOutcome, SealedWindow, SourceIdentity, Window
from utils import utc_now


def outcome(name: str, rows: int) -> CampaignOutcome:
    now = utc_now()
    window = Window(day=date(2026, 1, 1), first_hour=0, last_hour=0, since=now - timedelta(hours=1), until=now)
    sealed = SealedWindow(
        source=SourceIdentity(name, name, "1", ""), report="call_report_export", timezone="UTC",
        window=window, read_at=now, rows=rows,
    )  # fmt: skip
    return CampaignOutcome(job_id=name, campaign=name, sealed=(sealed,))


def group_sizes(*rows: int) -> list[list[int]]:
    outcomes = [outcome(str(number), count) for number, count in enumerate(rows)]
    return [[part.sealed[0].rows for part in group] for group in commit_groups(outcomes)]


def test_what_fits_goes_together() -> None:
    assert group_sizes(1, 2, 3) == [[1, 2, 3]]
    assert group_sizes() == []
    assert group_sizes(ROWS_PER_COMMIT - 1, 1) == [[ROWS_PER_COMMIT - 1, 1]]


def test_what_does_not_fit_goes_in_order_and_a_campaign_stays_whole() -> None:
    assert group_sizes(ROWS_PER_COMMIT, 1, 2) == [[ROWS_PER_COMMIT], [1, 2]]
    assert group_sizes(1, ROWS_PER_COMMIT * 2, 1) == [[1], [ROWS_PER_COMMIT * 2], [1]]
