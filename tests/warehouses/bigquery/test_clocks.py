"""The clock of BigQuery is read with the hours, and shows the error of this machine's clock."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from config import Settings
from credentials.rows import source_key
from engine.retention import NOTE, delete_old
from engine.run_starts import read_history
from errors import WarehouseHeld, WarehouseUnreachable
from messages import ClientResult, SourceIdentity
from shutdown import Stop
from tables import CREDENTIALS
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import cut_before
from tests.bigquery.proxy import FaultProxy
from tests.planning.sources import source
from tests.warehouses import analyst
from tests.warehouses.analyst import execute
from tests.warehouses.bigquery.conftest import PATIENT, asks, brief
from tests.warehouses.spool_files import Batches, Spool, call, outcome
from utils import utc_now
from warehouses.bigquery.clocks import COLUMN, BigQueryClock, gap_of
from warehouses.bigquery.warehouse import BigQueryWarehouse

EXPIRE = "UPDATE vicidial.leases SET expires_at = TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 SECOND) WHERE TRUE"
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def settings(emulator: Emulator, proxy: FaultProxy, tmp_path: Path) -> Settings:
    return brief(emulator, tmp_path / "data", proxy, **PATIENT)


def shifted(by: timedelta) -> Callable[[], datetime]:
    return lambda: utc_now() + by


def held_for_reading(settings: Settings, by: timedelta) -> BigQueryWarehouse:
    """Return the warehouse of a machine whose clock is ahead by this span."""
    warehouse = BigQueryWarehouse(settings, Stop(), shifted(by))
    warehouse.prepare()
    return warehouse


@pytest.mark.parametrize("by", [timedelta(days=3), timedelta(days=-3), timedelta()])
def test_each_reading_of_the_hours_compares_the_clocks(settings: Settings, by: timedelta) -> None:
    warehouse = held_for_reading(settings, by)
    assert warehouse.clock_gap is None
    assert warehouse.reader.hours(date(2026, 1, 1)) == []
    assert warehouse.clock_gap is not None
    assert abs(warehouse.clock_gap + by) < MINUTE


def test_the_hours_are_those_that_were_committed_and_no_other(settings: Settings, tmp_path: Path) -> None:
    warehouse = held_for_reading(settings, timedelta(days=3))
    with warehouse.lease():
        warehouse.commit(Batches().of(outcome(Spool(tmp_path).sealed(call(1)))))
    found = warehouse.reader.hours(date(2020, 1, 1))
    assert found
    assert warehouse.reader.hours(date(9000, 1, 1), ["another"]) == []
    assert warehouse.reader.hours(date(9000, 1, 1), [found[0].source_key]) == found


def test_a_machine_whose_clock_bigquery_contradicts_deletes_nothing(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    warehouse = held_for_reading(settings, timedelta(days=30))
    read_history(warehouse, [source()], settings, utc_now())
    silent = ClientResult(source=SourceIdentity("s", "Sales", "1", ""), host="d")
    delete_old(warehouse, settings, utc_now(), [silent])
    assert not (settings.data_dir / NOTE).exists()


@pytest.mark.parametrize("by", [timedelta(days=3), timedelta(days=-3)])
def test_a_machine_whose_clock_is_wrong_imports_checks_and_commits(
    settings: Settings, tmp_path: Path, by: timedelta
) -> None:
    """A table that expires by the machine's clock would have expired for BigQuery when it is made."""
    warehouse = held_for_reading(settings, by)
    row = {"campaign": "Sales", "client_id": "1", "url": "http://d.example/", "username": "u", "password": "p"}
    merged = warehouse.put_credential_rows([dict.fromkeys(CREDENTIALS.names) | row], source_key)
    assert (merged.added, len(warehouse.reader.credential_rows())) == (1, 1)
    another = BigQueryWarehouse(settings, Stop(), shifted(by))
    assert [found.name for found in another.checks() if not found.ok] == []
    with another.lease():
        (result,) = another.commit(Batches().of(outcome(Spool(tmp_path).sealed(call(1)))))
    assert result.inserted == 1


@pytest.mark.parametrize("by", [timedelta(days=3), timedelta(days=-3)])
def test_bigquerys_moment_does_not_follow_this_machines_clock(by: timedelta) -> None:
    shift = [timedelta()]
    clock = BigQueryClock(lambda: utc_now() + shift[0], lambda: [{COLUMN: utc_now()}])
    assert abs(clock.now() - utc_now()) < MINUTE
    shift[0] = by
    assert abs(clock.now() - utc_now()) < MINUTE


@pytest.mark.parametrize("by", [timedelta(days=3), timedelta(days=-3)])
def test_a_lease_is_held_and_free_by_bigquerys_clock(settings: Settings, tmp_path: Path, by: timedelta) -> None:
    holder, rival = (
        BigQueryWarehouse(replace(settings, data_dir=tmp_path / name, bigquery_lease=lasts), Stop(), clock)
        for name, lasts, clock in (
            ("holder", timedelta(minutes=10), utc_now),
            ("rival", timedelta(minutes=10), shifted(by)),
        )
    )
    for each in (holder, rival):
        each.prepare()
    with holder.lease():
        with pytest.raises(WarehouseHeld), rival.lease():
            pass
        (before,) = analyst.table(settings, "leases")
        execute(settings, EXPIRE)
        with rival.lease():
            assert analyst.table(settings, "leases")[0]["generation"] == before["generation"] + 1


def test_a_clock_that_was_set_back_does_not_make_a_commit_wait_longer(
    settings: Settings, proxy: FaultProxy, tmp_path: Path
) -> None:
    brief = replace(settings, cycle_interval=timedelta(seconds=1), bigquery_retry=timedelta(seconds=1))
    warehouse = BigQueryWarehouse(brief, Stop(), shifted(timedelta(days=-1)))
    warehouse.prepare()
    warehouse.patient_until = utc_now() + timedelta(seconds=1)
    with warehouse.lease():
        proxy.inject(cut_before(), asks("query", "commit_"), None)
        started = time.monotonic()
        with pytest.raises(WarehouseUnreachable):
            warehouse.commit(Batches().of(outcome(Spool(tmp_path).sealed(call(1)))))
        assert time.monotonic() - started < 60
        proxy.clear()


@pytest.mark.parametrize(("told", "gap"), [(-5, -5), (0, 0), (3, 0), (10, 0), (12, 2)])
def test_a_slow_answer_contradicts_nobody(told: int, gap: int) -> None:
    assert gap_of(NOON + told * MINUTE, NOON, NOON + 10 * MINUTE) == gap * MINUTE
