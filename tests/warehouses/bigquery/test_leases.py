"""One writer at a time: a second one waits or takes over, and one that lost the lease changes nothing."""

import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from errors import WarehouseHeld, WarehouseUnreachable
from tests.bigquery.emulators import ROOT, Emulator
from tests.bigquery.faults import Exchange, Fault, cut_after, cut_before
from tests.bigquery.proxy import FaultProxy
from tests.warehouses.analyst import execute
from tests.warehouses.bigquery.conftest import PATIENCE, PATIENT, asks, brief, desk_of
from tests.warehouses.bigquery.fault_matrix import AFTER, BEFORE, commit_first, second_batch, state
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import Batches, Spool, call, outcome
from utils import utc_now

LEASE = timedelta(seconds=3)
EVERYBODY_ELSE = (
    "UPDATE vicidial.leases SET expires_at = TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 SECOND) WHERE TRUE"
)


@pytest.fixture
def settings(emulator: Emulator, proxy: FaultProxy, tmp_path: Path) -> Settings:
    """Settings with limits so long that neither a renewal nor a slow machine comes into a test by chance."""
    return brief(emulator, tmp_path / "data", proxy, **PATIENT, bigquery_lease=timedelta(minutes=10))


class Rival:
    """Another daemon on the same dataset, which does not go through the proxy."""

    def __init__(self, of: Desk, data_dir: Path, lasts: timedelta = timedelta(minutes=10)) -> None:
        self.settings = replace(of.settings, data_dir=data_dir, bigquery_lease=lasts)
        self.warehouse: Warehouse = open_warehouse(self.settings)
        self._held = ExitStack()

    @property
    def desk(self) -> Desk:
        """Return a desk for the batch after the first."""
        batches = Batches(number=1, name=self.settings.dataset_id)
        return Desk(self.settings, self.warehouse, Spool(self.settings.data_dir / "spool"), batches)

    def take(self) -> None:
        self._held.enter_context(self.warehouse.lease())

    def leave(self) -> None:
        self._held.close()

    def close(self) -> None:
        self.leave()
        self.warehouse.close()


@pytest.fixture
def rival(desk: Desk, tmp_path: Path) -> Iterator[Rival]:
    """A rival with a DATA_DIR of its own."""
    another = Rival(desk, tmp_path / "rival")
    yield another
    another.close()


@pytest.fixture
def heir(desk: Desk) -> Iterator[Rival]:
    """The next run of the same DATA_DIR."""
    next_run = Rival(desk, desk.settings.data_dir)
    yield next_run
    next_run.close()


def lease(desk: Desk) -> dict[str, Any]:
    (row,) = desk.rows("leases")
    return row


def take_over(desk: Desk, rival: Rival) -> None:
    """Let the lease expire, and let the rival take it."""
    execute(desk.settings, EVERYBODY_ELSE)
    rival.take()


def at_that_moment(act: Callable[[], None]) -> Fault:
    """Return a fault that breaks nothing, but acts just before the request arrives."""

    def fault(exchange: Exchange) -> None:
        act()
        exchange.reply(exchange.forward())

    return fault


def test_a_second_daemon_learns_who_holds_the_lease(desk: Desk, rival: Rival) -> None:
    before = lease(desk)
    with pytest.raises(WarehouseHeld) as refused:
        rival.take()
    assert before["holder"] in str(refused.value)
    assert lease(desk) == before


def test_a_lease_that_is_given_back_is_free_at_once(emulator: Emulator, settings: Settings, tmp_path: Path) -> None:
    owners = []
    for name in ("a", "b", "a"):
        warehouse = open_warehouse(replace(settings, data_dir=tmp_path / name))
        with warehouse.lease():
            owners.append(lease(desk_of(settings, warehouse, emulator))["generation"])
        warehouse.close()
    assert owners == [owners[0] + number for number in range(3)]


def test_renewals_keep_a_lease_beyond_its_time(
    emulator: Emulator, settings: Settings, proxy: FaultProxy, tmp_path: Path
) -> None:
    warehouse = open_warehouse(replace(settings, bigquery_lease=LEASE))
    with warehouse.lease():
        desk = desk_of(settings, warehouse, emulator)
        until = time.monotonic() + LEASE.total_seconds() + 1
        while time.monotonic() < until:
            with pytest.raises(WarehouseHeld):
                Rival(desk, tmp_path / "rival").take()
            time.sleep(0.5)
        assert sum((seen.job_id or "").startswith("renew_") for seen in proxy.seen if seen.kind == "query") >= 3
    warehouse.close()


def test_a_failed_renewal_is_repeated(
    emulator: Emulator, settings: Settings, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.inject(cut_before(), asks("query", "renew_"))
    warehouse = open_warehouse(replace(settings, bigquery_lease=LEASE))
    with warehouse.lease():
        desk = desk_of(settings, warehouse, emulator)
        first = lease(desk)["expires_at"]
        until = time.monotonic() + 10
        while lease(desk)["expires_at"] == first:
            assert time.monotonic() < until
            time.sleep(0.1)
    warehouse.close()
    assert "The lease could not be renewed now" in caplog.text


def test_a_holder_that_was_killed_is_followed_when_its_time_is_over(desk: Desk, tmp_path: Path) -> None:
    execute(desk.settings, "UPDATE vicidial.leases SET owner = NULL, expires_at = NULL WHERE TRUE")
    began = time.monotonic()
    killed = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(desk.settings.bigquery_emulator_host), desk.settings.dataset_id,
         str(tmp_path / "killed"), str(LEASE.total_seconds())],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "held\n"
        killed.kill()
    rival = Rival(desk, tmp_path / "rival")
    refusals = 0
    while lease(desk)["owner"] is None or not _taken(rival):
        refusals += 1
        assert time.monotonic() < began + 30
        time.sleep(0.2)
    assert refusals > 0
    rival.close()


HOLD = """
import sys, time
from datetime import timedelta
from pathlib import Path
from config import Settings
from database import open_warehouse
host, dataset, folder, seconds = sys.argv[1:]
settings = Settings(
    warehouse="bigquery", bigquery_emulator_host=host, project_id="test-project", dataset_id=dataset,
    data_dir=Path(folder), bigquery_lease=timedelta(seconds=float(seconds)),
)
with open_warehouse(settings).lease():
    print("held", flush=True)
    time.sleep(600)
"""


def _taken(rival: Rival) -> bool:
    try:
        rival.take()
    except WarehouseHeld:
        return False
    return True


def test_after_a_take_over_the_first_changes_nothing(desk: Desk, rival: Rival) -> None:
    commit_first(desk)
    take_over(desk, rival)
    before = lease(desk)
    with pytest.raises(WarehouseHeld, match=re.escape(before["holder"])):
        desk.warehouse.commit(second_batch(desk))
    assert state(desk) == BEFORE
    assert lease(desk) == before


@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.slow) for kind in ("create_table", "start_upload")), "query"]
)
def test_a_take_over_in_the_middle_of_a_commit_wins(desk: Desk, rival: Rival, proxy: FaultProxy, kind: Any) -> None:
    """At ``query`` the rows are loaded already, and the script is under way."""
    commit_first(desk)
    proxy.inject(at_that_moment(lambda: take_over(desk, rival)), asks(kind))
    with pytest.raises(WarehouseHeld):
        desk.warehouse.commit(second_batch(desk))
    assert state(desk) == BEFORE
    rival.warehouse.commit(second_batch(rival.desk))
    assert state(desk) == AFTER


def test_a_take_over_during_a_doubt_wins(desk: Desk, rival: Rival, proxy: FaultProxy) -> None:
    """The first script took effect, then the lease was lost. The rows stay, and the first run learns of the loss."""
    commit_first(desk)

    def take_over_after_it() -> None:
        until = time.monotonic() + 20
        while state(desk) != AFTER:  # its job was accepted before the answer was cut, and may still be at work
            assert time.monotonic() < until
            time.sleep(0.05)
        take_over(desk, rival)

    proxy.inject(cut_after(), asks("query", "commit_"))
    proxy.inject(at_that_moment(take_over_after_it), asks("query", "fence_"))
    with pytest.raises(WarehouseHeld):
        desk.warehouse.commit(second_batch(desk))
    assert state(desk) == AFTER


def test_the_same_data_dir_takes_over_at_once(desk: Desk, heir: Rival) -> None:
    commit_first(desk)
    before = lease(desk)
    heir.take()
    after = lease(desk)
    assert (after["owner"], after["generation"]) == (before["owner"], before["generation"] + 1)
    with pytest.raises(WarehouseHeld):
        desk.warehouse.commit(second_batch(desk))
    assert state(desk) == BEFORE


def test_after_a_doubt_the_old_generation_is_not_taken_for_the_new(desk: Desk, heir: Rival, proxy: FaultProxy) -> None:
    commit_first(desk)
    proxy.inject(cut_before(), asks("query", "commit_"))
    proxy.inject(at_that_moment(heir.take), asks("query", "fence_"))
    with pytest.raises(WarehouseHeld):
        desk.warehouse.commit(second_batch(desk))
    assert state(desk) == BEFORE


@pytest.mark.parametrize("same_data_dir", [False, True])
def test_only_the_holder_gives_a_lease_back(
    emulator: Emulator, settings: Settings, tmp_path: Path, same_data_dir: bool
) -> None:
    first = open_warehouse(settings)
    with first.lease():
        desk = desk_of(settings, first, emulator)
        rival = Rival(desk, settings.data_dir if same_data_dir else tmp_path / "rival")
        take_over(desk, rival)
        taken = lease(desk)
    first.close()
    assert lease(desk) == taken
    rival.close()
    assert lease(desk)["owner"] is None


def test_a_fence_with_a_lost_answer_does_not_cost_the_lease(desk: Desk, proxy: FaultProxy, tmp_path: Path) -> None:
    """It took effect, its answer was lost, and there is no time left: the next commit still is the holder's."""
    before = lease(desk)["generation"]
    proxy.inject(cut_before(), asks("query", "commit_"))
    proxy.inject(cut_after(), asks("query", "fence_"), None)
    desk.warehouse.patient_until = utc_now()
    with pytest.raises(WarehouseUnreachable):
        desk.commit(outcome(desk.spool.sealed(call(9))))
    proxy.clear()
    assert lease(desk)["generation"] == before + 1
    desk.warehouse.patient_until = utc_now() + PATIENCE
    assert desk.counts(outcome(desk.spool.sealed(call(1)))) == [(1, 0, 0, 0)]


def test_a_lease_in_doubt_is_given_back(emulator: Emulator, settings: Settings, proxy: FaultProxy) -> None:
    warehouse = open_warehouse(settings)
    with warehouse.lease():
        warehouse.prepare()
        desk = desk_of(settings, warehouse, emulator)
        proxy.inject(cut_after(), asks("query", "commit_"))
        proxy.inject(cut_after(), asks("query", "fence_"), None)
        warehouse.patient_until = utc_now()
        with pytest.raises(WarehouseUnreachable):
            commit_first(desk)
        proxy.clear()
    warehouse.close()
    assert lease(desk)["owner"] is None


@pytest.mark.parametrize("lost", [cut_after, pytest.param(cut_before, marks=pytest.mark.slow)])
@pytest.mark.parametrize("statement", ["MERGE INTO", "SELECT * FROM", "SET owner = NULL"])
def test_a_fault_at_taking_or_giving_back_is_overcome(
    emulator: Emulator, settings: Settings, proxy: FaultProxy, lost: Callable[[], Fault], statement: str
) -> None:
    proxy.inject(lost(), asks("query", "query_", statement=statement))
    warehouse = open_warehouse(settings)
    with warehouse.lease():
        warehouse.prepare()
        desk = desk_of(settings, warehouse, emulator)
        commit_first(desk)
        assert state(desk) == BEFORE
    warehouse.close()
    assert lease(desk)["owner"] is None


def test_renewals_do_not_collide_with_commits(
    emulator: Emulator, settings: Settings, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """Commits one after the other for longer than a lease lasts."""
    warehouse = open_warehouse(replace(settings, bigquery_lease=LEASE))
    with warehouse.lease(), caplog.at_level(logging.WARNING):
        warehouse.prepare()
        desk = desk_of(settings, warehouse, emulator)
        commit_first(desk)
        until = time.monotonic() + LEASE.total_seconds()
        while time.monotonic() < until:
            desk.warehouse.patient_until = utc_now() + PATIENCE
            desk.warehouse.commit(second_batch(desk))
    warehouse.close()
    assert any((seen.job_id or "").startswith("renew_") for seen in proxy.seen)
    assert "oncurrent" not in caplog.text
