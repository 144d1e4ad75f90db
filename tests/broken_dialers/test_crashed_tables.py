"""A broken dialer is never believed, in cycles and in backfills. After its repair nothing is done by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulated_dialer import Account, Rates, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.broken_dialers.in_process_sites import Read, Site
from tests.storms.truth import Row, compare, identity, legs_of

EXPORT = "call_report_export.php"
BUSY = [1, 1, 1, 1, 1, 1, 2, 6, 12, 12, 12, 3, 3, 12, 12, 12, 12, 6, 3, 3, 2, 2, 1, 1]
"""Calls per hour. Some hours alone are too large for a dialer, others are not."""


def yesterday() -> date:
    return datetime.now(ZoneInfo(ZONE)).date() - timedelta(days=1)


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    """Open a dialer with calls of yesterday only."""
    world = World(7, yesterday(), 1, ZONE, calls_per_hour=BUSY, inbound_share=0.4, rates=Rates.none())
    world.now = datetime.now(UTC)
    with SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]) as dialer:
        yield dialer


class Reader:
    """A site and its dialer. ``read`` is one cycle, or the same backfill again."""

    def __init__(self, folder: Path, dialer: SimulatedDialer, *, as_backfill: bool, **settings: Any) -> None:
        self.dialer, self._as_backfill = dialer, as_backfill
        self._site = Site(folder, {"1": dialer}, {"lookback": timedelta(hours=72), "retry_attempts": 2} | settings)

    def read(self) -> Read:
        now = datetime.now(UTC)
        return self._site.backfill(now, yesterday()) if self._as_backfill else self._site.cycle(now)

    def cycle(self) -> Read:
        return self._site.cycle(datetime.now(UTC))

    def rows(self, query: str) -> list[Row]:
        return self._site.rows(query)

    def calls(self) -> list[Row]:
        return self.rows("SELECT * FROM vicidial.calls ORDER BY client_id, call_key")

    @property
    def lost(self) -> int:
        """Count the calls of the dialer without a row. None may be there twice, or other than they are."""
        legs = legs_of(self.dialer, self.dialer.world.now)
        calls = self.rows("SELECT * FROM vicidial.calls WHERE uniqueid IS NOT NULL")
        found = compare(calls, {"1": legs})
        assert (found.doubled, found.unexpected, found.stale) == (0, 0, 0), found.examples
        return found.lost

    @property
    def shows_every_call_once(self) -> bool:
        return self.lost == 0 and len(self.calls()) == len({identity(leg) for leg in self.dialer.world.legs_at()})


CRASHED = {"crashed_table": "inbound", "crashed_hours": range(9, 15), "pages": (EXPORT,)}
"""A crashed in-group half, in some hours only."""
MEMORY, TINY_MEMORY, PROXY = (
    {"rows_before_memory_is_out": 40}, {"rows_before_memory_is_out": 7}, {"rows_before_silence": 40},
)  # fmt: skip
"""Of about 150 calls a day, 12 in the largest hour."""


@pytest.mark.parametrize("as_backfill", [False, True])
def test_a_crashed_table_is_told_until_it_is_repaired_and_then_nothing_is_missing(
    tmp_path: Path, dialer: SimulatedDialer, *, as_backfill: bool
) -> None:
    site = Reader(tmp_path, dialer, as_backfill=as_backfill)
    dialer.misbehave(**CRASHED)
    for _ in range(2):
        done = site.read()
        assert done.code == 1, done.texts
        assert f"does not show all calls of {yesterday()}" in done.texts
        assert "mysqlcheck" in done.texts
    dialer.behave()
    repaired = site.cycle()
    assert repaired.code == 0, repaired.texts
    assert site.shows_every_call_once
    assert site.rows("FROM vicidial.completeness") == []


@pytest.mark.parametrize("as_backfill", [False, True])
def test_a_table_that_crashes_later_takes_nothing_from_what_was_read(
    tmp_path: Path, dialer: SimulatedDialer, *, as_backfill: bool
) -> None:
    site = Reader(tmp_path, dialer, as_backfill=as_backfill)
    assert site.read().code == 0
    before = site.calls()
    dialer.misbehave(**CRASHED)
    assert site.read().code == 1
    assert site.lost == 0
    dialer.behave()
    assert site.cycle().code == 0
    assert site.calls() == before
    assert site.rows("FROM vicidial.completeness") == []


@pytest.mark.parametrize("as_backfill", [False, True])
def test_a_fault_that_comes_and_goes_hides_nothing(
    tmp_path: Path, dialer: SimulatedDialer, *, as_backfill: bool
) -> None:
    site = Reader(tmp_path, dialer, as_backfill=as_backfill)
    dialer.misbehave(**CRASHED, turns=(True, False, True, True, False))
    for _ in range(2):
        assert site.read().code == 1 or site.shows_every_call_once
    dialer.behave()
    assert site.cycle().code == 0
    assert site.shows_every_call_once


@pytest.mark.parametrize(
    ("fault", "as_backfill", "runs"),
    [
        (MEMORY, True, 1),
        pytest.param(TINY_MEMORY, False, 1, marks=pytest.mark.slow),
        pytest.param(PROXY, False, 1, marks=pytest.mark.slow),
        pytest.param(PROXY, True, 2, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_day_that_is_too_large_at_once_is_read_in_pieces(
    tmp_path: Path, dialer: SimulatedDialer, fault: dict[str, int], runs: int, *, as_backfill: bool
) -> None:
    """The next run continues: a new password without an answer could be a failed login."""
    limits = {"http_timeout": 1.0, "request_timeout": 2.0, "retry_total": 2.0}
    site = Reader(tmp_path, dialer, as_backfill=as_backfill, **limits)
    dialer.misbehave(**fault, pages=(EXPORT,))
    codes = [site.read().code for _ in range(runs)]
    assert codes == [1, 0][-runs:]
    assert site.shows_every_call_once
    asked = dialer.seen.requests
    assert site.read().code == 0
    assert dialer.seen.requests - asked < asked  # what works is remembered
