"""A site of a version without the columns of the channel: cycles and backfills fill them, once."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulated_dialer import Account, SimulatedDialer, World
from tables import CHANNEL_COLUMNS
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.broken_dialers.in_process_sites import Site
from tests.channels import channel_of_leg, channel_of_row
from tests.storms.truth import identity, identity_of_row, legs_of
from tests.warehouses.analyst import execute


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    """Open a dialer with calls of yesterday. Some go on after midnight."""
    start = datetime.now(ZoneInfo(ZONE)).date() - timedelta(days=1)
    world = World(7, start, 1, ZONE, calls_per_hour=20, inbound_share=0.4)
    world.now = datetime.now(UTC)
    with SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]) as dialer:
        yield dialer


@pytest.mark.parametrize("as_backfill", [False, True])
def test_the_same_answer_fills_the_rows_of_an_older_version_once(
    tmp_path: Path, dialer: SimulatedDialer, *, as_backfill: bool
) -> None:
    site = Site(tmp_path, {"1": dialer}, {"lookback": timedelta(hours=72)})
    now, day = datetime.now(UTC), dialer.world.start

    def read(*, by_backfill: bool) -> tuple[int, int]:
        (result,) = (site.backfill(now, day) if by_backfill else site.cycle(now)).results
        return result.inserted, result.updated

    calls, _ = read(by_backfill=False)
    before = stored(site)
    assert before == shown(dialer)
    assert len(before) == calls
    make_older(site)
    assert read(by_backfill=as_backfill) == (0, calls if not as_backfill else len(on_day(dialer, day)))
    filled = {key: row for key, row in stored(site).items() if not as_backfill or key[2].date() == day}
    assert filled == {key: row for key, row in before.items() if key in filled}
    assert len(filled) > 100
    assert read(by_backfill=as_backfill) == (0, 0)


def make_older(site: Site) -> None:
    """Leave the rows as an older version wrote them, with the same hashes."""
    for name in CHANNEL_COLUMNS:
        execute(site.settings, f"ALTER TABLE vicidial.calls DROP COLUMN {name}")
    execute(site.settings, "DELETE FROM vicidial.migrations WHERE number > 1")
    site.prepare()


def stored(site: Site) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {identity_of_row(row): channel_of_row(row) for row in site.rows("SELECT * FROM vicidial.calls")}


def shown(dialer: SimulatedDialer) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {identity(leg): channel_of_leg(leg, dialer.world) for leg in legs_of(dialer, dialer.world.now)}


def on_day(dialer: SimulatedDialer, day: date) -> list[Any]:
    return [leg for leg in legs_of(dialer, dialer.world.now) if leg.call_time_local.date() == day]
