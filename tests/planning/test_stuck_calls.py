"""Calls that never end cost a dialer few requests, and hide nothing that happens to them."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from messages import HourRead
from planning.batches import build_batch
from planning.history import History
from planning.stuck_calls import hours_in_progress, stuck_hours
from tests.planning.sources import (
    KEY,
    MONDAY,
    SETTINGS,
    all_read,
    day_before,
    hour_read,
    jobs,
    known,
    outcome,
    planned,
    sealed,
    source,
    utc,
    windows,
)

NOON = utc("2026-03-02 12:20")
CYCLE = timedelta(minutes=15)


def due(*hours: HourRead, now: datetime = NOON, wanted: frozenset[tuple[date, int]] = frozenset()) -> list[int]:
    """Hours of Monday, or those of the days before as negative numbers."""
    found = hours_in_progress({(read.day, read.hour): read for read in hours}, wanted, "UTC", SETTINGS, now)
    return sorted(hour - 24 * (MONDAY - day).days for day, hour in found)


def stuck(hour: int, minutes_ago: float = 61, calls: int = 1) -> HourRead:
    day, hour = divmod(hour, 24)
    return hour_read(day_before(MONDAY, -day), hour, NOON - timedelta(minutes=minutes_ago), in_progress=calls)


@pytest.mark.parametrize(
    ("hour", "minutes_ago", "is_due"),
    [
        (11, 1, True), (7, 1, True),  # it may end at any moment
        (4, 1, False), (4, 59, False), (4, 60, True), (-10, 61, True),
        (-13, 61, True), (-36, 61, True), (-37, 61, False), (-37, 24 * 60, True), (-60, 24 * 60, True),
        (-73, 24 * 60, False), (-100, 9999, False),  # beyond SETTLE_DAYS
    ],
)  # fmt: skip
def test_an_hour_is_read_the_less_often_the_longer_its_calls_are_in_progress(
    hour: int, minutes_ago: float, *, is_due: bool
) -> None:
    assert due(stuck(hour, minutes_ago)) == [hour] * is_due


def test_of_many_hours_consecutive_ones_of_a_day_are_read_and_the_rest_in_later_cycles() -> None:
    assert due(stuck(1), stuck(2), stuck(4), stuck(-1)) == [4]
    assert due(stuck(1), stuck(2, 90), stuck(4), stuck(-1)) == [1, 2]
    assert due(stuck(0), stuck(-1, 90), stuck(-2)) == [-2, -1]
    assert due(stuck(1), stuck(2), stuck(11), wanted=frozenset({(MONDAY, 1)})) == [2, 11]


def test_only_calls_that_are_stuck_are_told_as_such() -> None:
    hours = {(read.day, read.hour): read for read in (stuck(11), stuck(2), stuck(-30), stuck(-90), stuck(3, calls=0))}
    assert [read.hour for read in stuck_hours(hours, "UTC", SETTINGS, NOON)] == [18, 2]
    [job] = jobs(NOON, known(NOON, hours.values()))
    assert [(count.day.day, count.hour, count.in_progress) for count in job.clients[0].stuck] == [
        (28, 18, 1),
        (2, 2, 1),
    ]


@pytest.mark.parametrize("share", [1, 3])
def test_a_dialer_whose_calls_never_end_is_asked_for_one_window_more_in_a_cycle(share: int) -> None:
    """Over days, with a call in each hour, or in each third one, that stands in progress for ever."""
    history, now = known(NOON, all_read(utc("2026-02-20 00:00"), NOON)), NOON
    most, reads = 0, Counter[tuple[date, int]]()
    while now < NOON + timedelta(days=4):
        now += CYCLE
        found = windows(now, history)
        settling = [window for window in found if (window.first_hour, window.last_hour) == (0, 23)]
        most = max(most, len(found) - len(settling))
        read = [sealed(window, now) for window in found]
        for each in read:
            reads.update((count.day, count.hour) for count in each.hours)
        open_hours = [
            replace(each, hours=tuple(replace(count, in_progress=int(count.hour % share == 0)) for count in each.hours))
            for each in read
        ]
        batch = build_batch(
            [outcome(*open_hours)], history, [source()], SETTINGS, "run", planned_at=now, committed_at=now
        )
        history.apply(batch)
        assert now - history.watermarks[KEY].read_until < CYCLE
    assert most <= 3  # the lookback on both sides of midnight, and one more
    tuesday = [reads[day_before(MONDAY, -1), hour] for hour in range(0, 24, share)]
    assert min(tuesday) >= 7 * 4 + 6  # in each cycle for six hours and more, then every few hours


def test_what_ends_at_last_is_seen_and_asked_for_no_more() -> None:
    history = History.from_rows({}, [*all_read(utc("2026-02-20 00:00"), NOON), stuck(2, 61)])
    history.watermarks |= known(NOON).watermarks
    assert (MONDAY, 2, 2) in planned(NOON, history)
    ended = [sealed(window, NOON) for window in windows(NOON, history)]
    history.apply(
        build_batch([outcome(*ended)], history, [source()], SETTINGS, "run", planned_at=NOON, committed_at=NOON),
    )
    assert (MONDAY, 2, 2) not in planned(NOON + 5 * CYCLE, history)
