"""Which windows a cycle asks for: what was not read, what may have changed since, and nothing else."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from config import Settings
from planning.batches import build_batch
from planning.history import History
from planning.local_days import HOURS, hour_start
from planning.plans import group_by_campaign, plan_backfill, plan_cycle
from tests.planning.sources import (
    FACTS,
    KEY,
    MONDAY,
    NEW_YORK,
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
NO_SETTLING = replace(SETTINGS, settle_days=0)


# The first run


def test_a_new_source_is_read_from_the_first_day_on_newest_first() -> None:
    assert planned(NOON) == [(MONDAY, 0, 12), *((day_before(MONDAY, back), 0, 23) for back in range(1, 8))]


def test_a_new_source_may_be_read_from_today_on() -> None:
    assert planned(NOON, settings=replace(SETTINGS, first_run_days=0)) == [(MONDAY, 0, 12)]


def test_what_was_never_read_is_said_to_be_a_first_read() -> None:
    assert {(window.first_read, window.known_legs) for window in windows(NOON)} == {(True, 0)}


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        (NEW_YORK, "2026-03-03 03:20", (MONDAY, 0, 22)),  # still Monday in New York
        ("Asia/Kolkata", "2026-03-01 20:00", (MONDAY, 0, 1)),  # already Monday in India
        ("Pacific/Kiritimati", "2026-03-01 10:20", (MONDAY, 0, 0)),
        ("UTC", "2026-03-02 00:01", (MONDAY, 0, 0)),
    ],
)
def test_days_and_hours_are_the_dialers(zone: str, now: str, first: tuple[date, int, int]) -> None:
    found = planned(utc(now), timezone=zone)
    assert found[0] == first
    assert [window[0] for window in found] == [day_before(MONDAY, back) for back in range(8)]


def test_days_that_call_days_does_not_keep_are_never_read() -> None:
    """Not by a first load, not after a long pause, not to be settled: the next deletion would take them away again."""
    short = replace(SETTINGS, call_days=2)
    kept = [(MONDAY, 0, 12), (day_before(MONDAY), 0, 23), (day_before(MONDAY, 2), 0, 23)]
    assert planned(NOON, settings=short) == kept
    paused = utc("2026-02-20 12:00")
    hours = all_read(utc("2026-02-15 00:00"), paused)
    assert planned(NOON, known(paused, hours), short) == kept
    assert advance_over(NOON, known(paused, hours), short) == NOON
    unsettled = all_read(utc("2026-02-20 00:00"), utc("2026-03-02 12:05"), utc("2026-03-01 23:00"))
    assert {day for day, _, _ in planned(NOON, known(NOON, unsettled), short)} <= {day for day, _, _ in kept}


def advance_over(now: datetime, history: History, settings: Settings) -> datetime:
    """How far the watermark gets when the whole plan has been read."""
    read = outcome(*(sealed(window, now) for window in windows(now, history, settings)))
    batch = build_batch([read], history, [source()], settings, "run", planned_at=now, committed_at=now)
    return batch.watermarks[0].read_until


# The next runs


def test_after_a_watermark_only_the_rest_and_the_lookback_are_read() -> None:
    read_until = utc("2026-03-02 12:05")
    history = known(read_until, all_read(utc("2026-02-20 00:00"), read_until))
    assert planned(NOON, history) == [(MONDAY, 6, 12)]


def test_an_hour_is_read_again_until_it_was_read_a_lookback_after_its_end() -> None:
    read_until = utc("2026-03-02 12:05")
    hours = all_read(utc("2026-02-20 00:00"), utc("2026-03-02 06:00"), utc("2026-03-02 12:00"))
    hours += all_read(utc("2026-03-02 06:00"), read_until, utc("2026-03-02 12:05"))
    assert planned(NOON, known(read_until, hours)) == [(MONDAY, 6, 12)]
    hours = [
        replace(read, read_at=utc("2026-03-02 11:59")) if (read.day, read.hour) == (MONDAY, 5) else read
        for read in hours
    ]
    assert planned(utc("2026-03-02 11:59"), known(utc("2026-03-02 11:59"), hours))[0] == (MONDAY, 5, 11)


def test_an_hour_that_was_read_exactly_a_lookback_after_its_end_is_done() -> None:
    hours = all_read(utc("2026-02-20 00:00"), NOON)
    hours.append(hour_read(MONDAY, 5, utc("2026-03-02 12:00")))
    assert planned(NOON, known(utc("2026-03-02 11:00"), hours)) == [(MONDAY, 6, 12)]
    hours.append(hour_read(MONDAY, 5, utc("2026-03-02 11:59")))
    assert planned(NOON, known(utc("2026-03-02 11:00"), hours)) == [(MONDAY, 5, 12)]


@pytest.mark.parametrize("lookback", [0, 1, 3, 24])
def test_the_lookback_is_the_operators(lookback: int) -> None:
    read_until = utc("2026-03-02 12:05")
    settings = replace(NO_SETTLING, lookback=timedelta(hours=lookback))
    found = planned(NOON, known(read_until, all_read(utc("2026-02-20 00:00"), read_until)), settings)
    assert found[0] == (MONDAY, max(12 - lookback, 0), 12)
    assert len(found) == (2 if lookback == 24 else 1)


def test_a_lookback_reaches_over_midnight() -> None:
    read_until = utc("2026-03-02 01:30")
    history = known(read_until, all_read(utc("2026-02-20 00:00"), read_until))
    found = planned(utc("2026-03-02 01:45"), history, NO_SETTLING)
    assert found == [(MONDAY, 0, 1), (day_before(MONDAY), 19, 23)]


def test_days_are_settled_once_a_day() -> None:
    """Each of the last days is read as a whole, once, after every midnight."""
    now = utc("2026-03-02 00:20")
    read_until = utc("2026-03-01 23:50")
    old = all_read(utc("2026-02-20 00:00"), read_until)
    days = [day_before(MONDAY, back) for back in (1, 2, 3)]
    assert planned(now, known(read_until, old)) == [(MONDAY, 0, 0), *((day, 0, 23) for day in days)]
    again = [read for read in old if read.day not in days] + all_read(utc("2026-02-27 00:00"), now)
    assert planned(utc("2026-03-02 00:35"), known(now, again)) == [(MONDAY, 0, 0), (days[0], 18, 23)]


def test_a_day_that_is_settled_in_part_is_read_as_a_whole() -> None:
    midnight = utc("2026-03-02 00:00")
    hours = all_read(utc("2026-02-20 00:00"), NOON)
    hours.append(hour_read(day_before(MONDAY, 2), 5, midnight - timedelta(minutes=1)))
    assert (day_before(MONDAY, 2), 0, 23) in planned(NOON, known(NOON, hours))
    hours[-1] = hour_read(day_before(MONDAY, 2), 5, midnight)
    assert (day_before(MONDAY, 2), 0, 23) not in planned(NOON, known(NOON, hours))


def test_days_beyond_the_settling_are_left_alone() -> None:
    hours = all_read(utc("2026-02-20 00:00"), utc("2026-02-27 00:00"), utc("2026-03-01 00:00"))
    hours += all_read(utc("2026-02-27 00:00"), NOON)
    assert min(day for day, _, _ in planned(NOON, known(NOON, hours))) == MONDAY


@pytest.mark.parametrize("gap", [1, 5, 40])
def test_days_before_a_gap_get_the_last_read_that_it_took_from_them(gap: int) -> None:
    """Every day was read as usual until a cycle was the last for a while; what its dialer changed since is read."""
    stopped = NOON - timedelta(days=gap)
    last, settling = stopped.date(), SETTINGS.settle_days
    hours = []
    for back in range(9):
        midnight = stopped.replace(hour=0, minute=0) - timedelta(days=back)
        read_at = stopped if back <= settling else midnight + timedelta(days=settling, minutes=5)
        hours += all_read(midnight, min(midnight + timedelta(days=1), stopped), read_at)
    history = known(stopped, hours)
    days = {day for day, first, until in planned(NOON, history) if (first, until) == (0, 23)}
    assert {day_before(last, back) for back in range(1, settling) if day_before(last, back) < MONDAY} <= days
    assert min(days) >= day_before(last, settling)


def test_hours_with_calls_in_progress_are_read_again_in_each_cycle_while_these_may_end() -> None:
    """However short the lookback is: a call may take hours."""
    hours = all_read(utc("2026-02-20 00:00"), NOON)
    hours += [hour_read(MONDAY, hour, NOON, in_progress=1) for hour in (6, 9)]
    short = replace(SETTINGS, lookback=timedelta(hours=1))
    assert planned(NOON, known(NOON, hours), short) == [(MONDAY, 11, 12), (MONDAY, 9, 9), (MONDAY, 6, 6)]


def test_a_dialer_that_was_down_for_ten_hours_is_read_from_where_it_stopped() -> None:
    read_until = utc("2026-03-02 02:05")
    history = known(read_until, all_read(utc("2026-02-20 00:00"), read_until))
    found = planned(NOON, history)
    assert found == [(MONDAY, 0, 12), (day_before(MONDAY), 20, 23)]
    assert [window.first_read for window in windows(NOON, history)] == [True, False]


def test_hours_that_were_read_beyond_a_stalled_one_are_not_read_from_it_on() -> None:
    """An hour that is suspect holds the watermark; those behind it are read by their own age."""
    read_until = utc("2026-03-01 04:00")
    hours = all_read(utc("2026-02-20 00:00"), read_until, NOON) + all_read(utc("2026-03-01 05:00"), NOON)
    assert planned(NOON, known(read_until, hours)) == [(MONDAY, 6, 12), (day_before(MONDAY), 4, 4)]


def test_a_watermark_in_the_future_asks_for_nothing_beyond_now() -> None:
    tomorrow = utc("2026-03-03 12:00")
    assert planned(NOON, known(tomorrow), NO_SETTLING) == []
    hours = all_read(utc("2026-02-20 00:00"), NOON)
    assert planned(NOON, known(tomorrow, hours), NO_SETTLING) == [(MONDAY, 9, 12)]


def test_what_earlier_reads_found_is_passed_on() -> None:
    hours = [hour_read(MONDAY, hour, NOON, legs=hour) for hour in (9, 10, 11)]
    [window] = windows(NOON, known(utc("2026-03-02 11:30"), hours), NO_SETTLING)
    assert (window.first_hour, window.last_hour) == (9, 12)
    assert (window.known_legs, window.first_read) == (9 + 10 + 11, True)
    [window] = windows(NOON, known(utc("2026-03-02 11:30"), [*hours, hour_read(MONDAY, 12, NOON, legs=1)]), NO_SETTLING)
    assert (window.known_legs, window.first_read) == (9 + 10 + 11 + 1, False)


def test_hours_that_a_corrected_time_zone_skipped_are_read_although_the_watermark_is_past_them() -> None:
    hours = all_read(utc("2026-02-20 00:00"), utc("2026-03-02 03:00")) + all_read(utc("2026-03-02 07:00"), NOON)
    found = planned(NOON, known(NOON, hours), replace(NO_SETTLING, lookback=timedelta()))
    assert (MONDAY, 3, 6) in found


# Windows


def test_windows_are_runs_of_hours_within_a_day_newest_first() -> None:
    hours = all_read(utc("2026-02-20 00:00"), NOON, utc("2026-03-02 23:00"))
    open_hours = [replace(hour_read(MONDAY, hour, NOON), doubt="cut") for hour in (1, 2, 5, 7, 8)]
    found = planned(NOON, known(NOON, hours + open_hours), replace(NO_SETTLING, lookback=timedelta()))
    assert found == [(MONDAY, 7, 8), (MONDAY, 5, 5), (MONDAY, 1, 2)]


def test_user_stats_is_asked_for_whole_days() -> None:
    read_until = utc("2026-03-02 01:30")
    history = known(read_until, all_read(utc("2026-02-20 00:00"), read_until))
    found = planned(utc("2026-03-02 01:45"), history, NO_SETTLING, report="user_stats", parameters=(("user", "2001"),))
    assert found == [(MONDAY, 0, 1), (day_before(MONDAY), 0, 23)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 3, 2), 24)])
def test_windows_cover_days_of_23_and_25_hours(day: date, hours: int) -> None:
    now = hour_start(day, 24, NEW_YORK)
    found = windows(
        now, known(hour_start(day, 0, NEW_YORK)), replace(NO_SETTLING, lookback=timedelta()), timezone=NEW_YORK
    )
    assert {window.day for window in found} == {day}
    assert sum((window.until - window.since for window in found), timedelta()) == timedelta(hours=hours)


def test_the_hour_that_a_clock_skips_is_not_asked_for() -> None:
    sunday, now = date(2026, 3, 8), utc("2026-03-08 12:30")
    midnight = hour_start(sunday, 0, NEW_YORK)
    settings = replace(NO_SETTLING, lookback=timedelta())
    assert planned(now, known(midnight), settings, timezone=NEW_YORK) == [(sunday, 3, 8), (sunday, 0, 1)]
    whole = {"report": "user_stats", "parameters": (("user", "2001"),), "timezone": NEW_YORK}
    assert planned(now, known(midnight), settings, **whole) == [(sunday, 0, 8)]


def test_the_bounds_of_a_window_are_its_hours_in_utc() -> None:
    [window] = windows(utc("2026-03-02 17:20"), known(utc("2026-03-02 14:00")), NO_SETTLING, timezone=NEW_YORK)
    assert (window.first_hour, window.last_hour) == (9, 12)
    assert (window.since, window.until) == (utc("2026-03-02 14:00"), utc("2026-03-02 18:00"))
    assert list(window.hours) == [9, 10, 11, 12]


# Jobs


def test_there_is_one_job_per_campaign_and_one_client_per_row_in_the_tables_order() -> None:
    rows = [source(), source(campaign="Help", source_key="1" * 32), source(source_key="2" * 32)]
    found = plan_cycle(group_by_campaign(rows), known(None), SETTINGS, NOON, FACTS)
    assert [(job.campaign, job.job_id, job.run_id, job.backfill_id) for job in found] == [
        ("Sales", "0000", "run", None), ("Help", "0001", "run", None),
    ]  # fmt: skip
    assert [client.source.key[0] for client in found[0].clients] == ["0", "2"]
    assert found[0].no_new_window_after == NOON + SETTINGS.cycle_interval
    assert found[0].size == 2 * (13 + 7 * 24)


def test_no_campaigns_no_jobs() -> None:
    assert plan_cycle({}, known(None), SETTINGS, NOON, FACTS) == []


def test_the_same_history_gives_the_same_plan() -> None:
    history = known(utc("2026-03-02 02:05"), all_read(utc("2026-02-20 00:00"), utc("2026-03-02 02:05")))
    assert jobs(NOON, history) == jobs(NOON, history)


# Backfill


def test_a_backfill_reads_every_day_as_a_whole_oldest_first() -> None:
    rows = [source(), source(campaign="Help", source_key="1" * 32)]
    found = plan_backfill(
        group_by_campaign(rows), known(utc("2026-03-02 12:00")), NOON, FACTS,
        first=date(2026, 2, 27), last=MONDAY, backfill_id="b", done={(KEY, date(2026, 2, 28))},
    )  # fmt: skip
    shown = [
        (job.campaign, window.day.day, window.first_hour, window.last_hour)
        for job in found
        for client in job.clients
        for window in client.windows
    ]
    assert shown == [
        ("Sales", 27, 0, 23), ("Help", 27, 0, 23), ("Help", 28, 0, 23), ("Sales", 1, 0, 23), ("Help", 1, 0, 23),
        ("Sales", 2, 0, 12), ("Help", 2, 0, 12),
    ]  # fmt: skip
    assert {job.backfill_id for job in found} == {"b"}
    assert len({job.job_id for job in found}) == len(found) == 7
    assert [job.job_id for job in found] == sorted(job.job_id for job in found)


def test_a_backfill_that_is_done_has_no_jobs() -> None:
    assert plan_backfill(
        group_by_campaign([source()]), known(None), NOON, FACTS,
        first=MONDAY, last=MONDAY, backfill_id="b", done={(KEY, MONDAY)},
    ) == []  # fmt: skip


def test_a_backfill_knows_what_was_read_before() -> None:
    hours = [hour_read(date(2026, 2, 27), hour, NOON, legs=2) for hour in HOURS]
    [job] = plan_backfill(
        group_by_campaign([source()]), known(None, hours), NOON, FACTS,
        first=date(2026, 2, 27), last=date(2026, 2, 27), backfill_id="b", done=(),
    )  # fmt: skip
    assert job.clients[0].windows[0].known_legs == 48
