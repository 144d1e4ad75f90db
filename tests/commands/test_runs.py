"""How outcomes are divided among commits."""

from datetime import date, timedelta

from commands.runs import ROWS_PER_COMMIT, parts
from messages import CampaignOutcome, SealedWindow, Window
from utils import utc_now


def outcome(name: str, rows: int) -> CampaignOutcome:
    now = utc_now()
    window = Window(day=date(2026, 1, 1), first_hour=0, last_hour=0, since=now - timedelta(hours=1), until=now)
    sealed = SealedWindow(
        source_key=name, campaign=name, client_id="1", client_name="", report="call_report_export", window=window,
        read_at=now, rows=rows,
    )  # fmt: skip
    return CampaignOutcome(job_id=name, campaign=name, sealed=(sealed,))


def divided(*rows: int) -> list[list[int]]:
    outcomes = [outcome(str(number), count) for number, count in enumerate(rows)]
    return [[part.sealed[0].rows for part in group] for group in parts(outcomes)]


def test_what_fits_goes_together() -> None:
    assert divided(1, 2, 3) == [[1, 2, 3]]
    assert divided() == []
    assert divided(ROWS_PER_COMMIT - 1, 1) == [[ROWS_PER_COMMIT - 1, 1]]


def test_what_does_not_fit_goes_in_order_and_a_campaign_stays_whole() -> None:
    assert divided(ROWS_PER_COMMIT, 1, 2) == [[ROWS_PER_COMMIT], [1, 2]]
    assert divided(1, ROWS_PER_COMMIT * 2, 1) == [[1], [ROWS_PER_COMMIT * 2], [1]]
