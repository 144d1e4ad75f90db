"""After the Timezone of a row was corrected: what was read with the old one is read again, however long it takes."""

from dataclasses import replace
from datetime import date, timedelta

from config import Settings
from messages import CampaignJob, Window
from schedules.days import HOURS
from schedules.histories import History, batch_of, committed, oldest_day_of_interest
from schedules.plans import group_by_campaign, plan_cycle
from tests.schedules.sources import (
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
BEGAN = utc("2026-01-05 00:00")
OLD_DAYS = (MONDAY - BEGAN.date()).days


def read_with_utc() -> History:
    """All since January."""
    return known(NOON, all_read(BEGAN, NOON), zones={"UTC"})


def job(history: History, zone: str = NEW_YORK, settings: Settings = SETTINGS) -> CampaignJob:
    [planned] = plan_cycle(group_by_campaign([source(timezone=zone)]), history, settings, NOON, "run")
    return planned


def days_of(planned: CampaignJob) -> list[date]:
    return [window.day for window in planned.clients[0].windows]


def commit(history: History, *windows: Window, zone: str = NEW_YORK) -> None:
    """As a cycle that has read these windows does."""
    read = outcome(*(sealed(window, NOON, zone) for window in windows))
    batch = batch_of([read], history, [source(timezone=zone)], SETTINGS, "run", planned_at=NOON, committed_at=NOON)
    committed(history, batch)


def test_every_day_is_read_again_the_newest_first_and_it_is_said() -> None:
    planned = job(read_with_utc())
    assert days_of(planned) == [day_before(MONDAY, back) for back in range(OLD_DAYS + 1)]
    assert {tuple(window.hours) for window in planned.clients[0].windows[1:]} == {tuple(HOURS)}
    [told] = planned.clients[0].notices
    assert told.startswith(f"its time zone was UTC and is {NEW_YORK} now: what was read of {OLD_DAYS + 1} days")


def test_once_all_are_read_again_nothing_is_left_to_say_or_do() -> None:
    history = read_with_utc()
    commit(history, *job(history).clients[0].windows)
    assert history.watermarks[KEY].timezones == {NEW_YORK}
    assert job(history).clients[0].notices == ()
    assert min(days_of(job(history))) > day_before(MONDAY, 5)


def test_where_a_cycle_did_not_get_to_all_of_it_the_next_one_goes_on() -> None:
    history = read_with_utc()
    commit(history, *job(history).clients[0].windows[:10])
    assert history.watermarks[KEY].timezones == {"UTC", NEW_YORK}
    left = set(days_of(job(history))) - set(days_of(job(known(NOON, all_read(BEGAN, NOON)))))
    assert max(left) == day_before(MONDAY, 10)
    assert min(left) == BEGAN.date()
    commit(history, *job(history).clients[0].windows)
    assert history.watermarks[KEY].timezones == {NEW_YORK}


def test_who_goes_back_half_way_gets_the_other_half_right_too() -> None:
    history = read_with_utc()
    commit(history, *job(history).clients[0].windows[:10])
    again = job(history, "UTC")
    assert set(days_of(again)) == {day_before(MONDAY, back) for back in range(10)}
    commit(history, *again.clients[0].windows, zone="UTC")
    assert history.watermarks[KEY].timezones == {"UTC"}
    third = job(history, CHICAGO)
    assert len(set(days_of(third))) == OLD_DAYS + 1


def test_what_an_older_version_read_counts_once_a_zone_is_known_and_changes() -> None:
    """Its hours tell no zone; they are not read again for that alone."""
    hours = [replace(read, timezone=None) for read in all_read(BEGAN, NOON)]
    history = known(NOON, hours)
    assert job(history).clients[0].notices == ()
    commit(history, job(history).clients[0].windows[0])
    assert history.watermarks[KEY].timezones == {NEW_YORK}
    assert job(history).clients[0].notices == ()
    assert len(set(days_of(job(history, CHICAGO)))) == OLD_DAYS + 1


def test_days_that_are_not_kept_and_hours_to_come_are_left_alone() -> None:
    """A zone ahead of the right one has read hours that have not begun yet; they are read when they have."""
    tomorrow = hour_read(MONDAY + timedelta(days=1), 3, NOON)
    history = known(NOON, [*all_read(BEGAN, NOON), tomorrow], zones={"UTC"})
    days = days_of(job(history, settings=replace(SETTINGS, call_days=9)))
    assert days == [day_before(MONDAY, back) for back in range(10)]
    commit(history, *job(history).clients[0].windows)
    assert history.watermarks[KEY].timezones == {NEW_YORK}


def test_all_hours_matter_to_the_plan_as_long_as_some_zone_was_another() -> None:
    marks = read_with_utc().watermarks
    assert oldest_day_of_interest([source(timezone=NEW_YORK)], marks, SETTINGS, NOON) == date.min
    assert oldest_day_of_interest([source(timezone="UTC")], marks, SETTINGS, NOON) == day_before(MONDAY, 4)
