"""After a gap of any length nothing has to be done by hand: the first cycles read everything missed.

Calls of the days before the gap are in progress when it begins, get their disposition days late, or have their length
corrected when they count as final. Each cycle is a real one, in worker processes, at the moment that the test says.
"""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from config import Settings
from credentials.rows import source_key
from database import Warehouse, open_warehouse
from engine.run_results import RunResult
from main import run_cycle
from simulated_dialer import Account, LegStory, Rates, SimulatedDialer, World
from tables import CREDENTIALS
from tests.acceptance.programs import PASSWORD, USER, ZONE

pytestmark = pytest.mark.slow
FIRST_DAY = date(2026, 3, 2)
STOPPED = datetime(2026, 3, 6, 17, 20, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
GAPS = [timedelta(days=1), timedelta(days=5), timedelta(days=40)]
LATE = (20 * 60, 5 * 3600, 26 * 3600, 38 * 3600)
"""Seconds after a call. The last read of its day comes two nights later at the earliest."""
Rows = set[tuple[object, ...]]


def untidy(story: LegStory, number: int) -> LegStory:
    """Return the same call, untidy: most calls with an agent become final late, each in another way."""
    late = LATE[number // 4 % len(LATE)]
    if story.answered is None or number % 4 == 0:
        return story
    if number % 4 == 1:
        return replace(story, disposed=story.ended + late)
    if number % 4 == 2:
        return replace(story, corrected=story.disposed + late, first_length=1)
    return replace(story, ended=story.ended + late, disposed=story.disposed + late)


def late_world() -> World:
    world = World(5, FIRST_DAY, 50, ZONE, calls_per_hour=[0.5] * 24, rates=replace(Rates.none(), answered_outbound=0.8))
    days = (FIRST_DAY + timedelta(days=number) for number in range(50))
    world.rewrite([untidy(story, number) for day in days for number, story in enumerate(world.stories_on(day))])
    return world


@dataclass
class Site:
    """A dialer, a DuckDB file, and two clients of the dialer."""

    settings: Settings
    warehouse: Warehouse
    dialer: SimulatedDialer

    def clients(self, **enabled: str) -> None:
        """Import the clients. ``enabled`` is yes or no, by client."""
        rows = []
        for client in ("one", "two"):
            row: dict[str, str | None] = dict.fromkeys(CREDENTIALS.names)
            row |= {"campaign": "Sales", "client_id": client, "client_name": client, "timezone": ZONE}
            row |= {"url": self.dialer.url, "username": USER, "password": PASSWORD, "enabled": enabled.get(client)}
            rows.append({**row, "source_key": source_key(row)})
        self.warehouse.put_credential_rows(rows, source_key)

    def cycle(self, now: datetime) -> RunResult:
        self.dialer.world.now = now
        return run_cycle(self.warehouse, self.settings, now, threading.Event())

    def gap_in(self, days: timedelta) -> Iterator[RunResult]:
        """Run some cycles of the missed days."""
        for part in (1, 2):
            yield self.cycle(STOPPED + days * part / 3)

    def stored(self, client: str) -> Rows:
        query = "SELECT uniqueid, status, length_seconds, agent FROM vicidial.calls WHERE client_id = ?"
        with duckdb.connect(self.settings.duckdb_path, read_only=True) as db:
            rows = db.execute(query, [client]).fetchall()
        assert len(rows) == len(set(rows))
        return set(rows)

    def shown(self) -> Rows:
        """Return the shown legs of every day ever due."""
        legs = self.dialer.world.legs_at(since=STOPPED.date() - timedelta(days=self.settings.first_run_days))
        agents = {"VDAD": None, "VDCL": None, "": None}
        return {
            (leg.uniqueid, leg.status, leg.length_seconds, agents.get(leg.agent_user, leg.agent_user)) for leg in legs
        }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = Settings(
        warehouse="duckdb", data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb", first_run_days=3,
        retry_attempts=1, retry_total=timedelta(seconds=1),
    )  # fmt: skip
    settings.data_dir.mkdir()
    warehouse = open_warehouse(settings)
    with SimulatedDialer(late_world(), accounts=[Account(USER, PASSWORD)]) as dialer, warehouse.lease():
        warehouse.prepare()
        site = Site(settings, warehouse, dialer)
        site.clients()
        for number in range(2):
            assert site.cycle(STOPPED + (number - 1) * QUARTER).all_well
        assert site.stored("one") == site.shown()
        assert any(status == "INCALL" for _, status, _, _ in site.stored("one"))
        yield site


def nothing_is_left_to_do(site: Site, gap: timedelta) -> None:
    """Not even in the second cycle, which asks no more than usual. The other client has all of its calls, too."""
    result = site.cycle(STOPPED + gap)
    assert result.all_well, result
    assert site.stored("one") == site.shown()
    before = site.dialer.seen.requests
    assert site.cycle(STOPPED + gap + QUARTER).all_well
    assert site.stored("one") == site.shown()
    assert site.dialer.seen.requests - before < 60
    assert {row[0] for row in site.stored("two")} == {row[0] for row in site.shown()}


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_an_outage_of_the_daemon(site: Site, gap: timedelta) -> None:
    nothing_is_left_to_do(site, gap)


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_dialer_that_could_not_be_reached(site: Site, gap: timedelta) -> None:
    site.dialer.misbehave(status=503)
    assert not any(result.all_well for result in site.gap_in(gap))
    site.dialer.behave()
    nothing_is_left_to_do(site, gap)


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_client_that_was_off(site: Site, gap: timedelta) -> None:
    site.clients(one="no")
    assert all(result.all_well for result in site.gap_in(gap))
    assert len(site.stored("one")) < len(site.stored("two"))
    site.clients()
    nothing_is_left_to_do(site, gap)


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_backup_that_was_put_back(site: Site, gap: timedelta) -> None:
    backup = site.settings.duckdb_path.with_suffix(".backup")
    shutil.copyfile(site.settings.duckdb_path, backup)
    assert all(result.all_well for result in site.gap_in(gap))
    shutil.copyfile(backup, site.settings.duckdb_path)
    nothing_is_left_to_do(site, gap)
