"""After the Timezone of a row was corrected: what was read with the old one is read again, however long it takes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from config import Settings
from messages import ClientJob, HourRead, Window
from planning.batches import build_batch
from planning.history import History
from planning.local_days import HOURS
from planning.plans import DAYS_READ_AGAIN, group_by_campaign, plan_cycle
from planning.run_facts import RunFacts
from planning.time_zones import has_one_zone
from tests.planning.sources import (
    KEY,
    MONDAY,
    NEW_YORK,
    SETTINGS,
    all_read,
    day_before,
    hour_read,
    known,
    outcome,
    sealed,
    source,
    utc,
)

NOON = utc("2026-03-02 17:20")
"""In New York."""
CHICAGO = "America/Chicago"
BEGAN = utc("2026-02-10 00:00")
DAYS = (MONDAY - BEGAN.date()).days + 1


def read_with_utc() -> History:
    return known(NOON, all_read(BEGAN, NOON), zones={"UTC"})


def job(history: History, zone: str = NEW_YORK, settings: Settings = SETTINGS, run_id: str = "run") -> ClientJob:
    [planned] = plan_cycle(group_by_campaign([source(timezone=zone)]), history, settings, NOON, RunFacts(run_id=run_id))
    return planned.clients[0]


def days_of(windows: Iterable[Window]) -> list[date]:
    return [window.day for window in windows]


def everything(planned: ClientJob) -> set[tuple[date, int]]:
    return {(window.day, hour) for window in (*planned.windows, *planned.rereads) for hour in window.hours}


def zones_of(history: History) -> set[str]:
    return set(history.watermarks[KEY].timezones)


def commit(history: History, *windows: Window, zone: str = NEW_YORK, backfill_id: str | None = None) -> None:
    """As a run that has read these windows does."""
    read = outcome(*(sealed(window, NOON, zone, timezone=zone, backfill_id=backfill_id) for window in windows))
    batch = build_batch([read], history, [source(timezone=zone)], SETTINGS, "run", planned_at=NOON, committed_at=NOON)
    history.apply(batch)


def commit_all(history: History, zone: str = NEW_YORK) -> None:
    planned = job(history, zone)
    commit(history, *planned.windows, *planned.rereads, zone=zone)


def test_every_day_is_read_again_after_what_is_due_the_newest_first() -> None:
    planned = job(read_with_utc())
    assert planned.rereads
    assert days_of(planned.rereads) == sorted(days_of(planned.rereads), reverse=True)
    assert not {(window.day, hour) for window in planned.rereads for hour in window.hours} & {
        (window.day, hour) for window in planned.windows for hour in window.hours
    }
    assert {day for day, _ in everything(planned)} == {day_before(MONDAY, back) for back in range(DAYS)}
    assert everything(planned) >= {(day_before(MONDAY, back), hour) for back in range(1, DAYS) for hour in HOURS}
    assert planned.days_in_other_zone == {day_before(MONDAY, back) for back in range(DAYS)}


def test_once_all_are_read_again_nothing_is_left_to_say_or_do() -> None:
    history = read_with_utc()
    commit_all(history)
    assert zones_of(history) == {NEW_YORK}
    assert (job(history).rereads, job(history).days_in_other_zone) == ((), frozenset())


def test_where_a_cycle_did_not_get_to_all_of_it_the_next_one_goes_on() -> None:
    history = read_with_utc()
    commit(history, *job(history).windows, *job(history).rereads[:10])
    assert zones_of(history) == {"UTC", NEW_YORK}
    assert set(days_of(job(history).rereads)) == set(days_of(job(read_with_utc()).rereads[10:]))
    commit_all(history)
    assert zones_of(history) == {NEW_YORK}


def test_a_long_history_takes_several_cycles_and_no_day_is_for_ever_behind_others() -> None:
    """Days that a dialer cannot show any more stay among those to be read."""
    long = known(NOON, all_read(utc("2025-10-01 00:00"), NOON), zones={"UTC"})
    newest = days_of(job(long).rereads)[: DAYS_READ_AGAIN // 2]
    seen: set[date] = set()
    for cycle in range(50):
        days = days_of(job(long, run_id=f"run{cycle}").rereads)
        assert len(days) == DAYS_READ_AGAIN
        assert days[: DAYS_READ_AGAIN // 2] == newest
        seen |= set(days)
    assert len(seen) > 130
    for _ in range(6):
        commit_all(long)
    assert zones_of(long) == {NEW_YORK}


def test_who_goes_back_half_way_gets_the_other_half_right_too() -> None:
    history = read_with_utc()
    commit(history, *job(history).windows, *job(history).rereads[:10])
    assert {day for day, _ in everything(job(history, "UTC"))} >= set(days_of(job(read_with_utc()).rereads[:10]))
    commit_all(history, "UTC")
    assert zones_of(history) == {"UTC"}
    assert len(job(history, CHICAGO).days_in_other_zone) == DAYS


def without_zone(hours: Iterable[HourRead]) -> list[HourRead]:
    return [replace(read, timezone=None) for read in hours]


def test_what_an_older_version_read_counts_once_a_zone_is_known_and_changes() -> None:
    """Its hours tell no zone; they are not read again for that alone."""
    history = known(NOON, without_zone(all_read(BEGAN, NOON)))
    assert job(history).days_in_other_zone == frozenset()
    commit(history, job(history).windows[0])
    assert zones_of(history) == {NEW_YORK}
    assert job(history).days_in_other_zone == frozenset()
    assert {day for day, _ in everything(job(history, CHICAGO))} == {day_before(MONDAY, back) for back in range(DAYS)}


def test_what_a_backfill_read_before_the_first_cycle_is_looked_at_too() -> None:
    history = known(None, all_read(BEGAN, utc("2026-02-12 00:00")))
    assert set(days_of(job(history).rereads)) == {date(2026, 2, 10), date(2026, 2, 11)}
    commit(history, *job(history).windows)
    assert zones_of(history) == {"UTC", NEW_YORK}
    commit_all(history)
    assert zones_of(history) == {NEW_YORK}


def test_a_backfill_in_another_zone_leaves_its_mark_on_the_watermark() -> None:
    history = known(NOON, all_read(BEGAN, NOON, zone=NEW_YORK), zones={NEW_YORK})
    [day] = [window for window in job(read_with_utc()).rereads if window.day == date(2026, 2, 15)]
    commit(history, day, zone="UTC", backfill_id="b")
    assert history.watermarks[KEY].read_until == NOON
    assert zones_of(history) == {"UTC", NEW_YORK}
    assert days_of(job(history).rereads) == [date(2026, 2, 15)]


@pytest.mark.parametrize("other", ["US/Eastern", "America/Detroit", "America/Toronto"])
def test_another_name_for_the_same_clock_moves_nothing(other: str) -> None:
    history = known(NOON, all_read(BEGAN, NOON, zone=NEW_YORK), zones={NEW_YORK})
    assert (job(history, other).rereads, job(history, other).days_in_other_zone) == ((), frozenset())
    commit(history, *job(history, other).windows, zone=other)
    assert zones_of(history) == {other}


def test_zones_that_differ_in_summer_move_the_summer_alone() -> None:
    """Phoenix has Denver's time in winter."""
    hours = all_read(utc("2025-10-20 00:00"), NOON, zone="America/Denver")
    planned = job(known(NOON, hours, zones={"America/Denver"}), "America/Phoenix")
    assert (min(days_of(planned.rereads)), max(days_of(planned.rereads))) == (hours[0].day, date(2025, 11, 2))


def test_a_zone_that_is_not_known_any_more_counts_as_another() -> None:
    hours = [replace(read, timezone="Old/Name") for read in all_read(BEGAN, NOON)]
    assert len(job(known(NOON, hours, zones={"Old/Name"})).rereads) > 0


def test_days_that_are_not_kept_and_hours_to_come_are_left_alone() -> None:
    """A zone ahead of the right one has read hours that have not begun yet; they are read when they have."""
    tomorrow = hour_read(MONDAY + timedelta(days=1), 3, NOON)
    history = known(NOON, [*all_read(BEGAN, NOON), tomorrow], zones={"UTC"})
    kept = everything(job(history, settings=replace(SETTINGS, call_days=9)))
    assert {day for day, _ in kept} == {day_before(MONDAY, back) for back in range(10)}
    commit_all(history)
    assert zones_of(history) == {NEW_YORK}


@pytest.mark.parametrize(
    ("zones", "one"), [({NEW_YORK}, True), ({"UTC"}, False), ({"UTC", NEW_YORK}, False), (set(), False)]
)
def test_only_a_watermark_that_tells_the_zone_of_the_row_alone_saves_the_look_at_all_hours(
    zones: set[str], *, one: bool
) -> None:
    row = source(timezone=NEW_YORK)
    assert has_one_zone(row, known(NOON, zones=zones).watermarks[KEY]) is one
    assert not has_one_zone(row, None)
