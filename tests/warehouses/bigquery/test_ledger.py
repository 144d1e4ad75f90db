"""After any doubt the ledger decides. A commit with effect is not repeated, and one without can have none later."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from config import Settings
from errors import WarehouseUnreachable
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import Answer, Exchange, Fault, cut_before, running_for_ever
from tests.bigquery.proxy import FaultProxy, When
from tests.warehouses.bigquery.conftest import PATIENCE, asks, brief, desk_of, holding
from tests.warehouses.bigquery.fault_matrix import AFTER, BEFORE, COUNTS, commit_first, counts, second_batch, state
from tests.warehouses.conftest import Desk
from utils import utc_now

SLOW = {
    "bigquery_request_timeout": timedelta(seconds=15),
    "bigquery_job_timeout": timedelta(seconds=10),
    "bigquery_retry": timedelta(0),  # of which a commit has at least as much
}


@pytest.fixture
def settings(emulator: Emulator, proxy: FaultProxy, tmp_path: Path) -> Settings:
    """Settings with such long limits that slowness breaks nothing. Only the test's own fault counts."""
    return brief(emulator, tmp_path / "data", proxy, **SLOW)


def of_job(prefix: str) -> When:
    """Match every request of jobs with this prefix of their ids."""
    return lambda seen: (seen.job_id or "").startswith(prefix)


def cut_when_done(emulator: Emulator) -> Fault:
    """Lose the answer after the end of the job. On a slow machine BigQuery answers earlier."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        emulator.client().get_job(str(exchange.seen.job_id)).result()
        exchange.hang_up()

    return fault


def only_says_that_it_runs() -> Fault:
    """Keep the job from BigQuery, and answer every poll that it runs."""

    def fault(exchange: Exchange) -> None:
        job = (exchange.job() or {}) | {"status": {"state": "RUNNING"}}
        content = {"job": job} if exchange.seen.kind == "cancel" else job
        exchange.reply(Answer(200, (("Content-Type", "application/json"),), json.dumps(content).encode()))

    return fault


def scripts(proxy: FaultProxy) -> int:
    return sum(asks("query", "commit_")(seen) for seen in proxy.seen)


def test_an_answer_that_is_lost_after_the_commit(desk: Desk, proxy: FaultProxy, emulator: Emulator) -> None:
    commit_first(desk)
    proxy.clear()
    proxy.inject(cut_when_done(emulator), asks("query", "commit_"))
    assert counts(desk.warehouse.commit(second_batch(desk))) == COUNTS
    assert (scripts(proxy), state(desk)) == (1, AFTER)


@pytest.mark.parametrize("jobs", ["first", pytest.param("all", marks=pytest.mark.slow)])
def test_a_script_that_never_ends_was_done_all_the_same(desk: Desk, proxy: FaultProxy, jobs: str) -> None:
    commit_first(desk)
    proxy.clear()
    batch = second_batch(desk)
    proxy.inject(running_for_ever(), of_job(f"commit_{batch.batch_id}_1" if jobs == "first" else "commit_"), None)
    assert counts(desk.warehouse.commit(batch)) == COUNTS
    assert (scripts(proxy), state(desk)) == (1, AFTER)


def test_a_script_that_never_ends_and_was_not_done_is_sent_again(desk: Desk, proxy: FaultProxy) -> None:
    commit_first(desk)
    proxy.clear()
    batch = second_batch(desk)
    proxy.inject(only_says_that_it_runs(), of_job(f"commit_{batch.batch_id}_1"), None)
    assert counts(desk.warehouse.commit(batch)) == COUNTS
    assert (scripts(proxy), state(desk)) == (2, AFTER)


def test_scripts_that_never_end_and_are_not_done_are_given_up(desk: Desk, proxy: FaultProxy) -> None:
    commit_first(desk)
    batch = second_batch(desk)
    proxy.inject(only_says_that_it_runs(), of_job("commit_"), None)
    desk.warehouse.patient_until = utc_now() + timedelta(seconds=3)
    with pytest.raises(WarehouseUnreachable, match="no end in time"):
        desk.warehouse.commit(batch)
    assert state(desk) == BEFORE
    proxy.clear()
    desk.warehouse.patient_until = utc_now() + PATIENCE
    assert counts(desk.warehouse.commit(batch)) == COUNTS
    assert state(desk) == AFTER


def test_a_commit_is_recognised_although_there_is_no_time_left(
    desk: Desk, proxy: FaultProxy, emulator: Emulator
) -> None:
    commit_first(desk)
    proxy.inject(cut_when_done(emulator), asks("query", "commit_"))
    desk.warehouse.patient_until = utc_now()
    assert counts(desk.warehouse.commit(second_batch(desk))) == COUNTS
    assert state(desk) == AFTER


def test_the_same_batch_twice_is_once(desk: Desk) -> None:
    commit_first(desk)
    batch = second_batch(desk)
    assert [counts(desk.warehouse.commit(batch)) for _ in range(2)] == [COUNTS, COUNTS]
    assert state(desk) == AFTER


@dataclass
class Zombie:
    """The script of a first attempt, held back until the test lets it arrive."""

    statement: str = ""
    parameters: list[dict[str, Any]] | None = None

    def caught(self) -> Fault:
        def fault(exchange: Exchange) -> None:
            asked = (exchange.job() or {})["configuration"]["query"]
            self.statement, self.parameters = asked["query"], asked["queryParameters"]
            exchange.hang_up()

        return fault

    def arrive(self, client: bigquery.Client) -> list[str]:
        """Let the script arrive, and return its outcomes."""
        config = bigquery.QueryJobConfig()
        config._properties["query"] = {"queryParameters": self.parameters, "useLegacySql": False}
        return [row["outcome"] for row in client.query(self.statement, job_config=config).result()]


def test_a_script_that_comes_late_does_nothing(desk: Desk, proxy: FaultProxy, emulator: Emulator) -> None:
    """It arrives after the fence and before the second attempt. With the ledger alone both could take effect."""
    commit_first(desk)
    zombie, told = Zombie(), list[str]()

    def late(exchange: Exchange) -> None:
        told.extend(zombie.arrive(emulator.client()))
        found.append(state(desk))
        exchange.reply(exchange.forward())

    found: list[Any] = []
    proxy.inject(zombie.caught(), asks("query", "commit_"))
    proxy.inject(late, asks("query", "ledger_"))
    assert counts(desk.warehouse.commit(second_batch(desk))) == COUNTS
    assert (set(told), found, state(desk)) == ({"lease lost"}, [BEFORE], AFTER)


def test_a_script_that_comes_after_the_end_does_nothing(desk: Desk, proxy: FaultProxy, emulator: Emulator) -> None:
    """The run gave up, and knows from the ledger that nothing was done. This must stay true."""
    commit_first(desk)
    zombie = Zombie()
    proxy.inject(zombie.caught(), asks("query", "commit_"))
    proxy.inject(cut_before(), asks("delete_table"))
    desk.warehouse.patient_until = utc_now()
    with pytest.raises(WarehouseUnreachable):
        desk.warehouse.commit(second_batch(desk))
    assert set(zombie.arrive(emulator.client())) == {"lease lost"}
    assert state(desk) == BEFORE


def test_without_a_fence_the_late_script_would_have_been_done(
    desk: Desk, proxy: FaultProxy, emulator: Emulator
) -> None:
    """This shows that the two tests above prove something."""
    commit_first(desk)
    proxy.clear()
    zombie = Zombie()
    proxy.inject(zombie.caught(), asks("query", "commit_"))
    proxy.inject(cut_before(), lambda seen: not asks("query", "commit_")(seen) and scripts(proxy) > 0, None)
    desk.warehouse.patient_until = utc_now()
    with pytest.raises(WarehouseUnreachable):
        desk.warehouse.commit(second_batch(desk))
    assert set(zombie.arrive(emulator.client())) == {"applied"}
    assert state(desk) == AFTER


@contextmanager
def killing(emulator: Emulator, folder: Path) -> Iterator[tuple[Desk, FaultProxy]]:
    with FaultProxy(emulator.url) as proxy:
        settings = brief(emulator, folder, proxy, **SLOW)
        with holding(settings) as warehouse:
            warehouse.patient_until = utc_now() + PATIENCE
            yield desk_of(settings, warehouse, emulator), proxy


def killed(emulator: Emulator, before_asking: bool) -> Fault:
    """Kill the emulator with -9 before or after the request, and start a new one in its place."""

    def fault(exchange: Exchange) -> None:
        if not before_asking:
            exchange.forward()
        emulator.kill()
        emulator.restart()
        exchange.hang_up()

    return fault


@pytest.mark.parametrize(
    ("kind", "before_asking"),
    [
        pytest.param("query", False, id="after the script", marks=pytest.mark.slow),
        pytest.param("start_upload", False, marks=pytest.mark.slow, id="between load and script"),
        pytest.param("query", True, marks=pytest.mark.slow, id="before the script"),
    ],
)
def test_a_kill_at_a_request(emulator_to_kill: Emulator, tmp_path: Path, kind: Any, before_asking: bool) -> None:
    with killing(emulator_to_kill, tmp_path / "data") as (desk, proxy):
        commit_first(desk)
        proxy.inject(killed(emulator_to_kill, before_asking), asks(kind))
        assert counts(desk.warehouse.commit(second_batch(desk))) == COUNTS
        assert state(desk) == AFTER


@pytest.mark.slow
@pytest.mark.parametrize("after_seconds", [0.05, 0.2])
def test_a_kill_in_the_script(emulator_to_kill: Emulator, tmp_path: Path, after_seconds: float) -> None:
    """Chance decides if it had taken effect by then. Both must end well."""

    def fault(exchange: Exchange) -> None:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(kill_soon)
            try:
                exchange.forward()
            finally:
                restarted.wait()
                exchange.hang_up()

    def kill_soon() -> None:
        time.sleep(after_seconds)
        emulator_to_kill.kill()
        emulator_to_kill.restart()
        restarted.set()

    restarted = threading.Event()
    with killing(emulator_to_kill, tmp_path / "data") as (desk, proxy):
        commit_first(desk)
        proxy.inject(fault, asks("query", "commit_"))
        assert counts(desk.warehouse.commit(second_batch(desk))) == COUNTS
        assert state(desk) == AFTER
