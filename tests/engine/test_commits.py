"""A batch that the warehouse refuses takes no more with it than it must."""

import time
from datetime import timedelta
from pathlib import Path

from config import Settings
from database import Warehouse, open_warehouse
from engine.commits import Commits
from engine.run_starts import RunStart
from planning.history import History
from planning.run_facts import RunFacts
from tests.warehouses import analyst
from tests.warehouses.spool_files import Spool, call
from tests.warehouses.spool_files import outcome as outcome_of
from utils import utc_now


def commits(settings: Settings, warehouse: Warehouse, began: float | None = None) -> Commits:
    now = utc_now()
    start = RunStart(
        facts=RunFacts(run_id="run"), now=now, started_at=now, campaigns=(), sources=[], history=History()
    )  # fmt: skip
    return Commits(start, warehouse, settings, began=began)


def test_a_campaign_that_the_warehouse_refuses_stands_in_the_run_history_and_the_others_are_committed(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path)
    warehouse, spool = open_warehouse(settings), Spool(tmp_path / "parquet")
    good = outcome_of(spool.sealed(call(1, campaign="GOOD"), source="good", suspect="so that no watermark moves"))
    bad = outcome_of(spool.sealed(call(2, campaign="BAD"), source="bad", suspect="the same", campaign="BAD"))
    Path(bad.sealed[0].call_files[0].path).unlink()
    with warehouse.lease():
        warehouse.prepare()
        results = commits(settings, warehouse).commit([good, bad])
    assert [(result.source.campaign, result.label) for result in results] == [
        ("GOOD", "completed"),
        ("BAD", "not committed"),
    ]
    assert [row["campaign"] for row in analyst.calls(settings)] == ["GOOD"]
    told = {
        row["campaign"]: (row["source_key"], row["label"], row["inserted"]) for row in analyst.table(settings, "runs")
    }
    assert told == {"GOOD": ("good", "completed", 1), "BAD": ("bad", "not committed", 0)}


def test_one_window_that_the_warehouse_refuses_takes_no_other_with_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    warehouse, spool = open_warehouse(settings), Spool(tmp_path / "parquet")
    windows = [
        spool.sealed(
            call(10 * client + number, client_id=f"C{client}"), source=f"source-{client}", suspect="no watermark moves"
        )
        for client in range(3)
        for number in range(3)
    ]
    Path(windows[4].call_files[0].path).unlink()
    with warehouse.lease():
        warehouse.prepare()
        results = commits(settings, warehouse).commit([outcome_of(*windows)])
    assert sorted(row["phone"] for row in analyst.calls(settings)) == sorted(
        f"0700{10 * client + number}" for client in range(3) for number in range(3) if (client, number) != (1, 1)
    )
    failed = [result for result in results if result.failure]
    assert [(result.source.client_id, result.label) for result in failed] == [("C1", "not committed")]
    assert str(failed[0].failure).startswith("2026-11-20: ")
    assert {result.source.client_id for result in results} == {"C0", "C1", "C2"}
    assert sum(result.inserted for result in results) == 8


def test_a_clock_that_was_set_back_does_not_make_the_search_for_the_culprit_longer(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cycle_interval=timedelta(minutes=15))
    warehouse, spool = open_warehouse(settings), Spool(tmp_path / "parquet")
    outcomes = [outcome_of(spool.sealed(call(n), source=str(n), suspect="no watermark moves")) for n in (1, 2)]
    Path(outcomes[0].sealed[0].call_files[0].path).unlink()
    with warehouse.lease():
        warehouse.prepare()
        warehouse.patient_until = utc_now() + timedelta(days=1)
        late = commits(settings, warehouse, began=time.monotonic() - 3600)
        assert {result.label for result in late.commit(outcomes)} == {"not committed"}
    assert analyst.calls(settings) == []
