"""Local days and hours as spans of UTC: 23 and 25 hours, half-hour shifts, both sides of midnight."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from planning.local_days import hour_start, hours_between, local_day, local_hour
from tests.planning.sources import NEW_YORK, utc

SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [
        (NEW_YORK, date(2026, 3, 1), 22), ("UTC", date(2026, 3, 2), 3), ("Asia/Kolkata", date(2026, 3, 2), 9),
        ("Pacific/Kiritimati", date(2026, 3, 2), 17), ("Pacific/Pago_Pago", date(2026, 3, 1), 16),
    ],
)  # fmt: skip
def test_a_moment_has_another_day_elsewhere(zone: str, day: date, hour: int) -> None:
    moment = utc("2026-03-02 03:59")
    assert (local_day(moment, zone), local_hour(moment, zone)) == (day, hour)


@pytest.mark.parametrize(
    ("day", "hour", "start"),
    [
        (date(2026, 3, 2), 0, "2026-03-02 05:00"), (date(2026, 3, 2), 24, "2026-03-03 05:00"),
        (SPRING, 1, "2026-03-08 06:00"), (SPRING, 2, "2026-03-08 07:00"), (SPRING, 3, "2026-03-08 07:00"),
        (AUTUMN, 1, "2026-11-01 05:00"), (AUTUMN, 2, "2026-11-01 07:00"), (AUTUMN, 24, "2026-11-02 05:00"),
    ],
)  # fmt: skip
def test_an_hour_starts_when_the_clock_first_shows_it(day: date, hour: int, start: str) -> None:
    assert hour_start(day, hour, NEW_YORK) == utc(start)


@pytest.mark.parametrize(
    ("zone", "day", "hours", "length"),
    [
        (NEW_YORK, date(2026, 3, 2), 24, 24.0), (NEW_YORK, SPRING, 23, 23.0), (NEW_YORK, AUTUMN, 24, 25.0),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24, 24.5), ("Australia/Lord_Howe", date(2026, 10, 4), 24, 23.5),
        ("America/Havana", date(2026, 3, 8), 23, 23.0), ("Asia/Kathmandu", date(2026, 3, 2), 24, 24.0),
    ],
)  # fmt: skip
def test_the_hours_of_a_day_cover_it_without_gap_or_overlap(zone: str, day: date, hours: int, length: float) -> None:
    midnight, next_midnight = hour_start(day, 0, zone), hour_start(day, 24, zone)
    spans = list(hours_between(midnight, next_midnight, zone))
    assert [span[0] for span in spans] == [day] * hours
    assert len({span[1] for span in spans}) == hours
    assert next_midnight - midnight == timedelta(hours=length)
    assert spans[0][2] == midnight
    assert spans[-1][3] == next_midnight
    assert all(one[3] == other[2] for one, other in pairwise(spans))


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ("2026-03-02 10:00", "2026-03-02 12:00", [10, 11]), ("2026-03-02 10:30", "2026-03-02 11:30", [10, 11]),
        ("2026-03-02 10:00", "2026-03-02 10:00", []), ("2026-03-02 23:59", "2026-03-03 00:01", [23, 0]),
        ("2026-03-02 12:00", "2026-03-02 10:00", []),
    ],
)  # fmt: skip
def test_hours_that_overlap_a_span_are_given(since: str, until: str, hours: list[int]) -> None:
    assert [hour for _, hour, _, _ in hours_between(utc(since), utc(until), "UTC")] == hours


def test_spans_are_aware_and_in_utc() -> None:
    [(_, _, start, end)] = hours_between(utc("2026-03-02 10:00"), utc("2026-03-02 10:30"), NEW_YORK)
    assert [start.utcoffset(), end.utcoffset()] == [timedelta(), timedelta()]
    assert isinstance(start, datetime)
