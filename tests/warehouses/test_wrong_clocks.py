"""Traces of a wrong clock in the tables are found and put right, however late a run comes upon them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from config import Settings
from database import Warehouse
from engine.run_starts import read_history
from messages import CampaignOutcome, HourCount, SealedWindow, SourceIdentity, Window
from planning.batches import build_batch
from planning.history import History
from planning.local_days import HOURS, hour_start, hours_between
from planning.plans import group_by_campaign, plan_cycle
from planning.run_facts import RunFacts
from tests.planning.sources import KEY, source, utc
from tests.warehouses.conftest import DUCKDB_FIRST
from tests.warehouses.spool_files import outcome

SOURCE = source()
STARTED = utc("2026-03-01 12:00")
DAYS = timedelta(days=1)


class Cycles:
    """Cycles of one source without calls, each at a moment of the machine's clock."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._warehouse = warehouse
        self.settings = replace(settings, first_run_days=7, settle_days=3)
        self._runs = 0

    def history(self, now: datetime) -> History:
        return read_history(self._warehouse, [SOURCE], self.settings, now)

    def planned(self, now: datetime) -> Sequence[Window]:
        [job] = plan_cycle(group_by_campaign([SOURCE]), self.history(now), self.settings, now, RunFacts(run_id="run"))
        return job.clients[0].windows

    def run(self, now: datetime, gap: timedelta | None = None) -> None:
        """Read what is planned. ``gap``: by how much the dialer says that it is later."""
        history, self._runs = self.history(now), self._runs + 1
        [job] = plan_cycle(group_by_campaign([SOURCE]), history, self.settings, now, RunFacts(run_id="run"))
        windows = tuple(_sealed(window, now) for window in job.clients[0].windows)
        read: CampaignOutcome = outcome(*windows)
        read = replace(read, clients=tuple(replace(client, clock_gap=gap) for client in read.clients))
        batch = build_batch(
            [read], history, [SOURCE], self.settings, f"run-{self._runs}", planned_at=now, committed_at=now
        )
        self._warehouse.commit(batch)

    def read_until(self) -> datetime:
        return self._warehouse.reader.watermarks()[KEY].read_until


def _sealed(window: Window, now: datetime) -> SealedWindow:
    hours = (hour for hour in window.hours if hour_start(window.day, hour, "UTC") <= now)
    return SealedWindow(
        source=SourceIdentity(KEY, "Sales", "C1", "Client 1"), report="call_report_export",
        timezone="UTC", window=window, read_at=now,
        hours=tuple(HourCount(day=window.day, hour=hour, legs=1, in_progress=0) for hour in hours),
    )  # fmt: skip


@pytest.fixture
def cycles(warehouse: Warehouse, settings: Settings) -> Cycles:
    return Cycles(warehouse, settings)


@DUCKDB_FIRST
@pytest.mark.parametrize(
    ("ahead", "outage"), [(1 * DAYS, timedelta(minutes=15)), (90 * DAYS, 5 * DAYS), (30 * DAYS, 20 * DAYS)]
)
def test_everything_since_the_last_right_cycle_is_read_again(
    cycles: Cycles, ahead: timedelta, outage: timedelta
) -> None:
    cycles.run(STARTED)
    cycles.run(STARTED + ahead + timedelta(minutes=15))
    assert cycles.read_until() > STARTED + ahead
    now = STARTED + outage
    asked = {(window.day, hour) for window in cycles.planned(now) for hour in window.hours}
    due = {(day, hour) for day, hour, _, _ in hours_between(STARTED, now, "UTC")}
    assert due <= asked
    cycles.run(now)
    assert cycles.read_until() == now
    history = cycles.history(now)
    assert history.future_hours == {}
    assert sum(len(window.hours) for window in cycles.planned(now)) < 2 * len(HOURS)


@DUCKDB_FIRST
@pytest.mark.parametrize("ahead", [3 * DAYS, 90 * DAYS])
def test_a_first_load_by_a_wrong_clock_is_done_again(cycles: Cycles, ahead: timedelta) -> None:
    cycles.run(STARTED + ahead)
    asked = {window.day for window in cycles.planned(STARTED)}
    assert min(asked) == (STARTED - 7 * DAYS).date()
    assert len(asked) == 8
    cycles.run(STARTED)
    assert cycles.read_until() == STARTED


@DUCKDB_FIRST
@pytest.mark.parametrize("behind", [timedelta(hours=3), 400 * DAYS])
def test_a_machine_whose_clock_was_set_back_does_not_forget_what_it_has_read(cycles: Cycles, behind: timedelta) -> None:
    cycles.run(STARTED)
    cycles.run(STARTED - behind + timedelta(minutes=15), gap=behind)
    assert cycles.read_until() == STARTED
    now = STARTED + timedelta(minutes=30)
    assert min(window.day for window in cycles.planned(now)) >= (STARTED - 4 * DAYS).date()
    cycles.run(now)
    assert cycles.read_until() == now
