"""How outcomes are divided among commits, and what becomes of one that is refused."""

import threading
from datetime import date, timedelta
from pathlib import Path

from commands.progress import Progress
from commands.runs import ROWS_PER_COMMIT, Run, clock_gap, parts
from config import Settings
from database import open_warehouse
from messages import CampaignOutcome, ClientResult, SealedWindow, Window
from schedules.histories import History
from tests.warehouses import looking
from tests.warehouses.spool_files import Spool, call
from tests.warehouses.spool_files import outcome as outcome_of
from utils import utc_now


def outcome(name: str, rows: int) -> CampaignOutcome:
    now = utc_now()
    window = Window(day=date(2026, 1, 1), first_hour=0, last_hour=0, since=now - timedelta(hours=1), until=now)
    sealed = SealedWindow(
        source_key=name, campaign=name, client_id="1", client_name="", report="call_report_export", timezone="UTC",
        window=window, read_at=now, rows=rows,
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


def test_a_campaign_that_the_warehouse_refuses_stands_in_the_run_history_and_the_others_are_committed(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path)
    warehouse, spool = open_warehouse(settings), Spool(tmp_path / "parquet")
    good = outcome_of(spool.sealed(call(1, campaign="GOOD"), source="good", suspect="so that no watermark moves"))
    bad = outcome_of(spool.sealed(call(2, campaign="BAD"), source="bad", suspect="the same", campaign="BAD"))
    Path(bad.sealed[0].call_files[0].path).unlink()
    with warehouse.lease(), Progress() as progress:
        warehouse.prepare()
        now = utc_now()
        run = Run(
            "run", now, warehouse, settings, [], History(), threading.Event(), progress, unread=[good, bad]
        )  # fmt: skip
        results = list(run.results([]))
    assert [(result.campaign, result.label) for result in results] == [("GOOD", "completed"), ("BAD", "not committed")]
    assert [row["campaign"] for row in looking.calls(settings)] == ["GOOD"]
    told = {
        row["campaign"]: (row["source_key"], row["label"], row["inserted"]) for row in looking.table(settings, "runs")
    }
    assert told == {"GOOD": ("good", "completed", 1), "BAD": ("bad", "not committed", 0)}


def test_most_dialers_decide_whether_this_machines_clock_is_wrong() -> None:
    def told(*minutes: int | None) -> timedelta | None:
        return clock_gap(
            ClientResult(
                source_key=str(number), campaign="", client_id="", client_name="",
                clock_gap=None if each is None else timedelta(minutes=each),
            )
            for number, each in enumerate(minutes)
        )  # fmt: skip

    assert told(-600, -601, 0) == timedelta(minutes=-600)
    assert told(-600, None) == timedelta(minutes=-600)
    assert told(-600, 0, 1) is None
    assert told(-600, 0) is None
    assert told(4, -4) is None
    assert told(None) is None
