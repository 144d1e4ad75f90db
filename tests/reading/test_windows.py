"""A window is read in pieces that the dialer can answer, and sealed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from config import Settings
from simulated_dialer import Rates, SimulatedDialer
from tests.dialers.sources import (
    EXPORT,
    REPORT,
    day_window,
    small_world,
    source,
)
from tests.reading.jobs import doubted, known_window, only_window, read, rows, visible


@pytest.mark.parametrize("reread", [False, True])
def test_a_time_limit_that_cuts_at_another_row_each_time_is_met_with_smaller_requests(
    dialer: SimulatedDialer, settings: Settings, *, reread: bool
) -> None:
    dialer.misbehave(cpu_rows=visible(dialer) // 3, pages=(EXPORT,))
    asked = known_window(dialer) if reread else day_window(first_read=True)
    outcome = read(dialer, source(dialer), settings, asked)
    assert doubted(outcome) == set()
    assert len(rows(*outcome.sealed)) == visible(dialer)
    assert len(outcome.sealed) > 1
    assert [bool(piece.mended) for piece in outcome.sealed] == [False] * (len(outcome.sealed) - 1) + [True]
    assert len(outcome.clients[0].notices) == 1
    assert "first showed 2026-03-02 cut short, and whole when it was asked" in outcome.clients[0].notices[0]


@pytest.mark.parametrize("days", [2, 7])
def test_repaired_cuts_of_several_days_are_told_in_one_notice(settings: Settings, days: int) -> None:
    with SimulatedDialer(small_world(days=days, rates=Rates.none()), accounts=[REPORT]) as dialer:
        dialer.misbehave(truncate=0.5, turns=(True, False, False, False), pages=(EXPORT,))
        shifts = [timedelta(days=number) for number in range(days)]
        windows = [
            replace(window, day=window.day + shift, since=window.since + shift, until=window.until + shift)
            for window in [day_window(first_read=True)]
            for shift in shifts
        ]
        outcome = read(dialer, source(dialer), settings, *windows)
        assert sum(bool(piece.mended) for piece in outcome.sealed) == days
        (notice,) = outcome.clients[0].notices
        told = "2026-03-02, 2026-03-03" if days == 2 else "2026-03-05, 2026-03-06 and 2 other days"
        assert f"{told} cut short" in notice


def test_a_password_that_was_sent_in_vain_is_proven_by_one_hour_in_the_next_run(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(rows_before_silence=visible(dialer) // 2, pages=(EXPORT,))
    first = read(dialer, source(dialer), settings, day_window(first_read=True), run_id="one")
    assert first.clients[0].label == "timed out"
    assert first.sealed == ()
    second = read(dialer, source(dialer), settings, day_window(first_read=True), run_id="two")
    assert second.clients[0].failure is None
    assert len(rows(*second.sealed)) == visible(dialer)


# User stats


def test_user_stats_seal_every_hour_of_the_day(dialer: SimulatedDialer, settings: Settings) -> None:
    who = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    window = only_window(read(dialer, who, settings, day_window(10, 12, first_read=True)))
    shown = [leg for leg in dialer.world.legs_at() if leg.direction == "inbound" and leg.agent_user == "2001"]
    assert window.rows == len(shown) > 0
    assert [count.hour for count in window.hours] == list(range(24))
    assert sum(count.legs for count in window.hours) == len(shown)
    assert dialer.seen.requests_by_page["user_stats.php"] == 1
