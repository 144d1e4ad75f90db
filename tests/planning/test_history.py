"""How far everything has been read without a gap: a watermark never passes one, and never goes back."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import Label
from messages import (
    NEVER,
    Batch,
    CampaignOutcome,
    ClientOutcome,
    Failure,
    SealedWindow,
    SourceIdentity,
    WatermarkRead,
    Window,
)
from planning.batches import build_batch
from planning.history import History, Hours, advance_read_until, oldest_day_of_interest
from planning.local_days import hour_start, hours_between
from tests.planning.sources import (
    KEY,
    MONDAY,
    NEW_YORK,
    SETTINGS,
    all_read,
    day_before,
    hour_read,
    hours_of,
    known,
    outcome,
    planned,
    sealed,
    source,
    utc,
)

NOON = utc("2026-03-02 12:20")
NINE = utc("2026-03-02 09:00")


def in_utc(read_until: datetime) -> WatermarkRead:
    return WatermarkRead(read_until, frozenset({"UTC"}))


def reads(*hours: tuple[int, str]) -> Hours:
    """Hours of Monday with the time when each was read."""
    return {(MONDAY, hour): hour_read(MONDAY, hour, utc(f"2026-03-02 {at}")) for hour, at in hours}


@pytest.mark.parametrize(
    ("hours", "until"),
    [
        ((), "09:00"),
        (((9, "12:20"),), "10:00"),
        (((9, "12:20"), (10, "12:20"), (11, "12:20"), (12, "12:20")), "12:20"),
        (((9, "12:20"), (11, "12:20"), (12, "12:20")), "10:00"),  # a gap
        (((10, "12:20"), (11, "12:20")), "09:00"),
        (((9, "09:40"),), "09:40"),  # read while it was under way
        (((9, "09:40"), (10, "12:20")), "09:40"),
        (((9, "10:00"), (10, "10:00")), "10:00"),  # read when it began: nothing of it
        (((9, "08:00"),), "09:00"),  # read before it began
        (((8, "12:20"), (9, "12:20")), "10:00"),
        (((9, "12:20"), (10, "10:30"), (11, "12:20")), "10:30"),
    ],
)
def test_a_watermark_advances_to_the_first_gap(hours: tuple[tuple[int, str], ...], until: str) -> None:
    assert advance_read_until(NINE, reads(*hours), "UTC", NOON) == utc(f"2026-03-02 {until}")


def test_a_watermark_within_an_hour_goes_on_from_there() -> None:
    at = utc("2026-03-02 09:40")
    assert advance_read_until(at, reads((9, "09:50")), "UTC", NOON) == utc("2026-03-02 09:50")
    assert advance_read_until(at, reads((9, "09:30")), "UTC", NOON) == at
    assert advance_read_until(at, reads((9, "12:20")), "UTC", NOON) == utc("2026-03-02 10:00")


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_watermark_passes_the_days_that_change_the_clock(day: date) -> None:
    start, end = hour_start(day, 0, NEW_YORK), hour_start(day, 24, NEW_YORK)
    hours = {(read.day, read.hour): read for read in all_read(start, end, end, NEW_YORK)}
    assert advance_read_until(start, hours, NEW_YORK, end) == end
    del hours[day, 1]
    assert advance_read_until(start, hours, NEW_YORK, end) == hour_start(day, 1, NEW_YORK)


def test_a_watermark_never_passes_now() -> None:
    hours = {(read.day, read.hour): read for read in all_read(NINE, NOON, NOON)}
    assert advance_read_until(NINE, hours, "UTC", utc("2026-03-02 11:00")) == utc("2026-03-02 11:00")


ZONES = st.sampled_from(["UTC", NEW_YORK, "Australia/Lord_Howe", "Asia/Kolkata"])
STARTS = st.sampled_from(
    [utc("2026-03-02 09:00"), utc("2026-03-07 20:10"), utc("2026-04-04 10:00"), utc("2026-11-01 02:00")]
)


@given(
    zone=ZONES, start=STARTS,
    pattern=st.lists(st.none() | st.integers(-90, 300), min_size=1, max_size=12), until=st.integers(0, 13 * 60),
)  # fmt: skip
def test_a_watermark_never_goes_back_nor_beyond_a_gap(
    zone: str, start: datetime, pattern: list[int | None], until: int
) -> None:
    now = start + timedelta(minutes=until)
    spans = list(hours_between(start, start + timedelta(hours=12), zone))
    hours: Hours = {}
    for (day, hour, began, _), late in zip(spans, pattern, strict=False):
        if late is not None:
            hours[day, hour] = hour_read(day, hour, began + timedelta(minutes=late))
    reached = advance_read_until(start, hours, zone, now)
    assert reached >= start
    for day, hour, began, end in spans:
        read = hours.get((day, hour))
        covered = min(read.read_at, end) if read else began
        if covered < end:  # nothing after this moment is known
            assert reached <= max(covered, began, start)
            break
    further = hours | {(day, hour): hour_read(day, hour, now) for day, hour, _, _ in spans[:3]}
    assert advance_read_until(reached, further, zone, now) >= reached


# Batches


def batch(
    *outcomes: CampaignOutcome, history: History, at: datetime = NOON, run_id: str = "run", **changes: Any
) -> Batch:
    return build_batch(outcomes, history, [source(**changes)], SETTINGS, run_id, planned_at=at, committed_at=at)


def read_until(found: Batch) -> list[datetime]:
    return [watermark.read_until for watermark in found.watermarks]


def test_a_read_window_moves_the_watermark_to_the_moment_when_the_dialer_was_asked() -> None:
    found = batch(outcome(sealed(hours_of(MONDAY, 9, 12), NOON)), history=known(NINE))
    [watermark] = found.watermarks
    assert (watermark.read_until, watermark.source.key, watermark.host) == (NOON, KEY, "dialer.example")
    assert (watermark.source.campaign, watermark.source.client_id, watermark.report) == (
        "Sales",
        "C1",
        "call_report_export",
    )


def test_a_first_load_moves_the_watermark_only_when_its_oldest_days_are_read() -> None:
    first_day = day_before(MONDAY, 7)
    history = known(None)
    newest = batch(outcome(sealed(hours_of(MONDAY, 0, 12), NOON)), history=history)
    assert read_until(newest) == [hour_start(first_day, 0, "UTC")]
    history.apply(newest)
    rest = [sealed(hours_of(day_before(MONDAY, back), 0, 23), NOON) for back in range(1, 8)]
    assert read_until(batch(outcome(*rest), history=history)) == [NOON]


def test_a_gap_between_windows_holds_the_watermark() -> None:
    windows = sealed(hours_of(MONDAY, 9, 9), NOON), sealed(hours_of(MONDAY, 11, 12), NOON)
    assert read_until(batch(outcome(*windows), history=known(NINE))) == [utc("2026-03-02 10:00")]


def test_a_suspect_window_does_not_move_the_watermark_and_is_read_again() -> None:
    history = known(NINE)
    suspect = sealed(hours_of(MONDAY, 9, 10), NOON, suspect="fewer calls than before")
    found = batch(outcome(suspect, sealed(hours_of(MONDAY, 11, 12), NOON)), history=history)
    assert read_until(found) == [NINE]
    assert found.outcomes[0].sealed[0] is suspect
    history.apply(found)
    doubts = {place: (read.doubt, read.read_at) for place, read in history.hours[KEY].items()}
    in_doubt, believed = ("fewer calls than before", NEVER), (None, NOON)
    assert doubts == {(MONDAY, hour): in_doubt if hour < 11 else believed for hour in range(9, 13)}
    assert (MONDAY, 9, 12) in planned(utc("2026-03-02 12:35"), history)


def test_suspect_windows_alone_move_nothing() -> None:
    found = batch(outcome(sealed(hours_of(MONDAY, 9, 12), NOON, suspect="fewer")), history=known(NINE))
    assert read_until(found) == [NINE]
    assert [watermark.doubted_since for watermark in found.watermarks] == [MONDAY]


def test_a_day_of_an_agent_in_doubt_holds_up_no_other_and_is_asked_for_until_it_is_clear() -> None:
    tuesday, at = MONDAY + timedelta(days=1), utc("2026-03-04 12:20")
    days = [sealed(hours_of(MONDAY + timedelta(days=number), 0, 23), at) for number in range(3)]
    days[1] = replace(days[1], suspect="not read")
    history = known(utc("2026-03-02 00:00"))
    found = batch(outcome(*days), history=history, report="user_stats")
    assert [(mark.read_until, mark.doubted_since) for mark in found.watermarks] == [(at, tuesday)]
    history.apply(found)
    month_later = utc("2026-04-04 12:35")
    history.watermarks[KEY] = replace(history.watermarks[KEY], read_until=month_later)
    assert (tuesday, 0, 23) in planned(month_later, history, report="user_stats")
    clear = sealed(hours_of(tuesday, 0, 23), month_later)
    history.apply(batch(outcome(clear), history=history, report="user_stats"))
    assert (tuesday, 0, 23) not in planned(month_later, history, report="user_stats")


def test_a_day_of_an_agent_that_was_not_asked_for_yet_holds_the_watermark() -> None:
    at = utc("2026-03-04 12:20")
    days = [sealed(hours_of(MONDAY + timedelta(days=number), 0, 23), at) for number in (0, 2)]
    history = known(utc("2026-03-02 00:00"))
    found = batch(outcome(*days), history=history, report="user_stats")
    assert read_until(found) == [utc("2026-03-03 00:00")]


def test_an_hour_in_doubt_is_read_again_however_old_it_gets_until_it_is_clear() -> None:
    history = known(NINE)
    week_later = utc("2026-03-09 12:00")
    history.apply(batch(outcome(sealed(hours_of(MONDAY, 9, 12), week_later)), history=history))
    short = sealed(hours_of(MONDAY, 10, 10), week_later, suspect="fewer")
    history.apply(batch(outcome(short), history=history))
    month_later = utc("2026-04-02 12:35")
    history.watermarks[KEY] = replace(history.watermarks[KEY], read_until=month_later)
    assert (MONDAY, 10, 10) in planned(month_later, history)
    assert oldest_day_of_interest([source()], history.watermarks, SETTINGS, month_later) <= MONDAY
    clear = sealed(hours_of(MONDAY, 10, 10), month_later)
    history.apply(batch(outcome(clear), history=history))
    assert history.watermarks[KEY].doubted_since is None
    assert history.hours[KEY][MONDAY, 10].doubt is None


def test_the_windows_of_a_backfill_do_not_move_a_watermark() -> None:
    history = known(NINE)
    found = batch(outcome(sealed(hours_of(MONDAY, 9, 12), NOON, backfill_id="b")), history=history)
    assert found.watermarks == ()
    history.apply(found)
    assert history.watermarks == known(NINE).watermarks
    assert (MONDAY, 9) in history.hours[KEY]


def test_a_batch_without_windows_moves_nothing() -> None:
    found = batch(outcome(), history=known(NINE))
    assert (found.watermarks, len(found.outcomes)) == ((), 1)


AWAY = Failure(Label.DIALER_UNREACHABLE, "It is away.")


def failing_outcome(key: str = KEY, campaign: str = "Sales") -> CampaignOutcome:
    client = ClientOutcome(source=SourceIdentity(key, campaign, "1", ""), failure=AWAY)
    return replace(outcome(), campaign=campaign, clients=(client,))


@pytest.mark.parametrize("of_campaign", [False, True])
def test_a_first_load_that_failed_altogether_begins_where_it_would_have_begun(*, of_campaign: bool) -> None:
    lost = replace(outcome(), campaign=source().campaign, clients=(), failure=AWAY)
    history = History()
    found = batch(lost if of_campaign else failing_outcome(), history=history)
    (mark,) = found.watermarks
    assert mark.read_until == History().read_until(source(), SETTINGS, NOON)
    history.apply(found)
    later = batch(failing_outcome(), history=history)
    assert later.watermarks == ()
    assert history.read_until(source(), SETTINGS, NOON + timedelta(days=40)) == mark.read_until


def test_a_source_that_was_read_before_or_not_tried_begins_nowhere_else() -> None:
    assert batch(failing_outcome(), history=known(NINE)).watermarks == ()
    assert batch(failing_outcome("f" * 32), history=History()).watermarks == ()


def test_planning_a_batch_leaves_the_history_as_it_is_until_it_is_committed() -> None:
    history = known(NINE, [hour_read(MONDAY, 8, NINE)])
    found = batch(outcome(sealed(hours_of(MONDAY, 9, 12), NOON)), history=history)
    assert (history.watermarks, set(history.hours[KEY])) == (known(NINE).watermarks, {(MONDAY, 8)})
    history.apply(found)
    assert (history.watermarks, len(history.hours[KEY])) == ({KEY: in_utc(NOON)}, 5)


def test_outcomes_of_several_jobs_are_seen_together() -> None:
    one, other = (sealed(hours_of(MONDAY, first, last), NOON) for first, last in ((9, 10), (11, 12)))
    found = batch(outcome(one), outcome(other, job_id="0001"), history=known(NINE))
    assert read_until(found) == [NOON]
    assert [each.job_id for each in found.outcomes] == ["0000", "0001"]


def test_the_same_batch_has_the_same_name_and_another_one_another() -> None:
    window = sealed(hours_of(MONDAY, 9, 12), NOON)
    name = batch(outcome(window), history=known(NINE)).batch_id
    assert name == batch(outcome(window), history=known(NINE), at=NOON + timedelta(minutes=1)).batch_id
    others = [
        batch(outcome(window), history=known(NINE), run_id="other"),
        batch(outcome(window, job_id="0001"), history=known(NINE)),
        batch(outcome(sealed(hours_of(MONDAY, 8, 12), NOON)), history=known(NINE)),
        batch(outcome(sealed(hours_of(MONDAY, 9, 12), NOON + timedelta(seconds=1))), history=known(NINE)),
        batch(outcome(), history=known(NINE)),
    ]
    assert len({name, *(other.batch_id for other in others)}) == 6


def test_the_order_in_which_outcomes_come_does_not_change_a_batch() -> None:
    one, other = (
        outcome(sealed(hours_of(MONDAY, 9, 10), NOON)),
        outcome(sealed(hours_of(MONDAY, 11, 12), NOON), job_id="0001"),
    )
    first, second = batch(one, other, history=known(NINE)), batch(other, one, history=known(NINE))
    assert (first.batch_id, first.watermarks) == (second.batch_id, second.watermarks)


# Cycle after cycle


def after_cycles(moments: list[datetime], zone: str, down: tuple[datetime, datetime] | None = None) -> History:
    """A history of cycles at these moments: each reads what is planned, unless the dialer is down."""
    history = known(None)
    for moment in moments:
        if down and down[0] <= moment < down[1]:
            continue
        spans = planned(moment, history, timezone=zone)
        windows: list[SealedWindow] = [
            sealed(hours_of(day, first, last, zone), moment, zone) for day, first, last in spans
        ]
        rows = [source(timezone=zone)]
        history.apply(
            build_batch([outcome(*windows)], history, rows, SETTINGS, "run", planned_at=moment, committed_at=moment),
        )
        assert history.watermarks[KEY].read_until == moment
    return history


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("start", ["2026-03-07 22:00", "2026-10-31 22:00", "2026-04-04 06:00"])
def test_every_cycle_reads_up_to_its_own_start_over_nights_that_change_the_clock(zone: str, start: str) -> None:
    moments = [utc(start) + timedelta(minutes=45 * number) for number in range(34)]
    after_cycles(moments, zone)


def test_after_an_outage_one_cycle_catches_up() -> None:
    moments = [utc("2026-03-02 00:10") + timedelta(minutes=30 * number) for number in range(40)]
    history = after_cycles(moments, NEW_YORK, down=(moments[10], moments[30]))
    unread = [span for span in hours_between(moments[0], moments[-1], NEW_YORK) if span[:2] not in history.hours[KEY]]
    assert unread == []


# What of the past matters


def test_earlier_hours_matter_as_far_as_settling_and_the_oldest_watermark_reach() -> None:
    rows = [source(), source(source_key="1" * 32, timezone="Pacific/Kiritimati")]
    assert oldest_day_of_interest(rows, {}, SETTINGS, NOON) == day_before(MONDAY, 4)
    watermarks = {KEY: in_utc(utc("2026-02-10 07:00"))}
    assert oldest_day_of_interest(rows, watermarks, SETTINGS, NOON) == date(2026, 2, 6)
    assert oldest_day_of_interest([], {}, SETTINGS, NOON) == MONDAY


def test_a_long_lookback_reads_every_hour_of_it_again() -> None:
    settings = replace(SETTINGS, lookback=timedelta(days=10), settle_days=0)
    since = oldest_day_of_interest([source()], {KEY: in_utc(NOON)}, settings, NOON)
    hours = [read for read in all_read(utc("2026-01-01 00:00"), NOON) if read.day >= since]
    found = planned(NOON, known(NOON, hours), settings)
    assert found[-1] == (day_before(MONDAY, 10), 12, 23)
    assert len(found) == 11


def test_hours_of_other_sources_are_kept_apart() -> None:
    history = known(NINE)
    other = SealedWindow(
        source=SourceIdentity("1" * 32, "Sales", "C2", ""), report="call_report_export",
        timezone="UTC",
        window=Window(day=MONDAY, first_hour=9, last_hour=9, since=NINE, until=NOON), read_at=NOON,
    )  # fmt: skip
    found = build_batch(
        [outcome(other)], history, [source(), source(source_key="1" * 32)], SETTINGS, "run",
        planned_at=NOON, committed_at=NOON,
    )  # fmt: skip
    assert [watermark.source.key for watermark in found.watermarks] == ["1" * 32]


# A clock that was wrong


DAYS_AHEAD = [timedelta(minutes=6), timedelta(hours=3), timedelta(days=1), timedelta(days=10), timedelta(days=400)]


@pytest.mark.parametrize("ahead", DAYS_AHEAD)
def test_what_a_cycle_of_a_wrong_clock_read_counts_as_unread(ahead: timedelta) -> None:
    right = utc("2026-03-02 09:05")
    wrong = NOON + ahead
    hours = all_read(utc("2026-02-20 00:00"), right) + all_read(utc("2026-03-02 08:00"), wrong)
    history = known(wrong, hours)
    history.discard_future_reads([source()], NOON)
    assert history.watermarks[KEY].read_until == utc("2026-03-02 08:00")
    unread = {(hour.day, hour.hour) for hour in history.future_hours[KEY]}
    assert unread == {(day, hour) for day, hour, _, _ in hours_between(utc("2026-03-02 08:00"), wrong, "UTC")}
    assert planned(NOON, history, replace(SETTINGS, settle_days=0)) == [(MONDAY, 3, 12)]


def test_what_was_read_lately_is_left_by_a_clock_that_is_a_little_off() -> None:
    read_until = NOON + timedelta(minutes=4)
    history = known(read_until, all_read(utc("2026-02-20 00:00"), read_until))
    history.discard_future_reads([source()], NOON)
    assert (history.watermarks[KEY].read_until, history.future_hours) == (read_until, {})


def test_a_watermark_of_the_future_without_such_hours_starts_where_the_hours_have_a_gap() -> None:
    history = known(NOON + timedelta(days=3), all_read(utc("2026-02-20 00:00"), NINE))
    history.discard_future_reads([source()], NOON)
    assert history.watermarks[KEY].read_until == NINE
    history = known(NOON + timedelta(days=3))
    history.discard_future_reads([source()], NOON)
    assert KEY not in history.watermarks


def test_a_gap_that_was_there_before_is_not_taken_for_where_it_went_wrong() -> None:
    """Somebody has loaded some days of last year, and those in between were never asked for."""
    long_ago = all_read(utc("2025-06-01 00:00"), utc("2025-06-03 00:00"), NINE)
    history = known(NOON + timedelta(days=3), [*long_ago, *all_read(utc("2026-02-20 00:00"), NINE)])
    history.discard_future_reads([source()], NOON)
    assert history.watermarks[KEY].read_until == NINE
    put_down = replace(hour_read(MONDAY, 6, NINE), read_at=NEVER)
    history = known(NOON + timedelta(days=3), [*long_ago, *all_read(utc("2026-02-20 00:00"), NINE), put_down])
    history.discard_future_reads([source()], NOON)
    assert history.watermarks[KEY].read_until == utc("2026-03-02 06:00")


def test_the_next_batch_puts_hours_of_the_future_right_once() -> None:
    wrong = NOON + timedelta(days=10)
    right = all_read(utc("2026-02-20 00:00"), utc("2026-03-02 08:00"))
    history = known(wrong, right + all_read(utc("2026-03-02 08:00"), wrong))
    history.discard_future_reads([source()], NOON)
    result = outcome(sealed(hours_of(MONDAY, 8, 12), NOON))
    batch = build_batch([result], history, [source()], SETTINGS, "run", planned_at=NOON, committed_at=NOON)
    assert {hour.read_at for hour in batch.unread} == {NEVER}
    assert max(hour.day for hour in batch.unread) == wrong.date()
    assert [each.read_until for each in batch.watermarks] == [NOON]
    history.apply(batch)
    again = build_batch([result], history, [source()], SETTINGS, "run", planned_at=NOON, committed_at=NOON)
    assert again.unread == ()
