"""A truncated export looks perfect. An answer with fewer calls than before is not believed without proof."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from config import Settings
from messages import HourCount
from reading.spooled_answers import SpooledAnswer
from simulated_dialer import Leg, Rates, SimulatedDialer, World
from simulated_dialer.legs import Direction
from spool.files import WindowSpool
from tests.dialers.sources import (
    DAY,
    EXPORT,
    REPORT,
    count_exports,
    day_window,
    small_world,
    source,
)
from tests.reading.jobs import doubted, known_window, no_downloads_left, only_window, read, rows, visible

# An answer that shows fewer calls than an earlier one


@pytest.mark.parametrize(
    ("earlier", "later", "same"),
    [
        ({8: 5, 9: 3}, {8: 5, 9: 4}, True),
        ({8: 5, 9: 3}, {8: 5, 9: 2}, False),
        ({8: 5, 9: 3}, {8: 4, 9: 4}, False),
    ],
)
def test_new_calls_of_the_last_hour_make_no_other_answer(
    settings: Settings, earlier: dict[int, int], later: dict[int, int], *, same: bool
) -> None:
    def reading(legs: dict[int, int]) -> SpooledAnswer:
        spool = WindowSpool(settings.data_dir / "spool", "x", lead_fields=False)
        counted = Counter({(DAY, hour): count for hour, count in legs.items()})
        return SpooledAnswer(spool, datetime.now(UTC), (), digest=str(legs), legs=counted)

    assert reading(earlier).agrees_with(reading(later), day_window(8, 9)) is same


def test_a_short_answer_is_forgotten_when_the_second_one_is_full(dialer: SimulatedDialer, settings: Settings) -> None:
    total = visible(dialer)
    dialer.misbehave(truncate=0.5, requests=1, pages=(EXPORT,))
    window = only_window(read(dialer, source(dialer), settings, day_window(known_legs=total)))
    assert (window.rows, window.shortfall, window.suspect) == (total, 0, None)
    assert len(rows(window)) == total
    assert count_exports(dialer) == 4  # the short one, what lies behind it, and both again
    assert no_downloads_left(settings)
    kept = {file.path for file in window.call_files}
    assert {str(path) for path in (settings.data_dir / "spool").rglob("*.parquet")} == kept


@pytest.mark.parametrize("half", ["outbound", "inbound"])
def test_calls_that_are_missing_in_the_middle_are_no_cut_and_are_counted(
    dialer: SimulatedDialer, settings: Settings, half: str
) -> None:
    window = only_window(read(dialer, source(dialer), settings, known_window(dialer, **{f"{half}_12": 5})))
    assert (window.rows, window.shortfall, window.suspect) == (visible(dialer), 5, None)
    assert count_exports(dialer) == 1


def test_calls_that_are_missing_at_the_end_are_believed_once_nothing_lies_behind(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    window = only_window(read(dialer, source(dialer), settings, known_window(dialer, inbound_23=5)))
    assert (window.rows, window.shortfall, window.suspect) == (visible(dialer), 5, None)
    assert count_exports(dialer) == 2


def test_new_calls_do_not_hide_a_cut(settings: Settings) -> None:
    """As many calls as before in all, and none of the second half."""
    legs = [leg("outbound", 9, number) for number in range(6)] + [leg("inbound", 10, number) for number in range(3)]
    known = (
        HourCount(day=DAY, hour=9, legs=3, in_progress=0, inbound=0),
        HourCount(day=DAY, hour=10, legs=3, in_progress=0, inbound=3),
    )
    with SimulatedDialer(World.of(legs), accounts=[REPORT]) as dialer:
        dialer.misbehave(truncate=6, requests=1, pages=(EXPORT,))
        window = only_window(read(dialer, source(dialer), settings, day_window(9, 10, known=known, known_legs=6)))
    assert (window.rows, window.suspect) == (9, None)


def test_no_calls_where_there_were_some_are_believed_once_nothing_else_shows_one(settings: Settings) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0, rates=Rates.none()), accounts=[REPORT]) as dialer:
        window = only_window(read(dialer, source(dialer), settings, day_window(known_legs=3)))
        assert (window.rows, window.shortfall, window.suspect) == (0, 3, None)
        assert count_exports(dialer) == 3


@pytest.mark.parametrize("known_legs", [0, 1000])
@pytest.mark.parametrize("truncate", [0, 0.3, 0.9])
def test_an_answer_that_is_cut_whenever_it_is_asked_for_is_kept_and_stays_in_doubt(
    dialer: SimulatedDialer, settings: Settings, truncate: float, known_legs: int
) -> None:
    dialer.misbehave(truncate=truncate, pages=(EXPORT,))
    asked = day_window(first_read=not known_legs, known_legs=known_legs)
    outcome = read(dialer, source(dialer), settings, asked)
    doubted = {hour for window in outcome.sealed if window.suspect for hour in window.window.hours}
    lacking = {leg.call_time_local.hour for leg in dialer.world.legs_at() if leg.hidden is None} - {
        hour for window in outcome.sealed if not window.suspect for hour in window.window.hours
    }
    assert doubted >= lacking
    assert any("does not show all calls of 2026-03-02" in notice for notice in outcome.clients[0].notices)
    assert count_exports(dialer) < 40


def test_an_answer_with_as_many_calls_as_before_is_not_asked_for_twice(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    window = only_window(read(dialer, source(dialer), settings, day_window(known_legs=visible(dialer))))
    assert (window.shortfall, window.suspect, count_exports(dialer)) == (0, None, 1)


# A window that nothing will read again


def test_a_first_read_is_proven_by_its_tail(dialer: SimulatedDialer, settings: Settings) -> None:
    window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
    assert (window.rows, window.suspect) == (visible(dialer), None)
    whole, tail = (request for request in dialer.seen.log if request.one("run_export"))
    assert (whole.one("query_hour"), tail.one("query_hour"), tail.one("end_hour")) == (None, "20", "23")


@pytest.mark.parametrize("truncate", [0.9, 0.5, 0.1, 1, 0])
def test_a_first_read_that_was_cut_is_repaired(
    dialer: SimulatedDialer, settings: Settings, truncate: int | float
) -> None:
    dialer.misbehave(truncate=truncate, requests=1, pages=(EXPORT,))
    window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
    assert (window.rows, window.suspect, window.shortfall) == (visible(dialer), None, 0)
    assert window.mended
    assert count_exports(dialer) <= 4  # what lies behind it is asked for as often as the answer itself
    assert no_downloads_left(settings)


def leg(direction: Direction, hour: int, number: int) -> Leg:
    moment = datetime.combine(DAY, datetime.min.time()).replace(hour=hour, minute=number)
    return Leg(direction=direction, call_time_local=moment, campaign_id=direction.upper(), lead_id=number + 1)


def test_a_cut_between_the_directions_is_noticed_although_nobody_called_later(settings: Settings) -> None:
    legs = [leg("inbound", 9, number) for number in range(3)] + [leg("outbound", 15, number) for number in range(4)]
    with SimulatedDialer(World.of(legs), accounts=[REPORT]) as dialer:
        dialer.misbehave(truncate=4, requests=1, pages=(EXPORT,))
        window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
    assert (window.rows, window.suspect) == (7, None)


@pytest.mark.parametrize("reread", [False, True])
@pytest.mark.parametrize("hours", [range(24), range(10, 12)])
@pytest.mark.parametrize("kind", ["all", "inbound", "outbound"])
def test_a_crashed_table_is_noticed_and_its_hours_stay_in_doubt(
    dialer: SimulatedDialer, settings: Settings, kind: str, hours: range, *, reread: bool
) -> None:
    """Every answer of the best format ends at the same place; the lowest one shows all calls."""
    dialer.misbehave(crashed_table=kind, crashed_hours=hours, pages=(EXPORT,))
    asked = known_window(dialer) if reread else day_window(first_read=True)
    outcome = read(dialer, source(dialer), settings, asked)
    concerned = {
        leg.call_time_local.hour
        for leg in dialer.world.legs_at()
        if leg.hidden is None and kind in ("all", leg.direction) and leg.call_time_local.hour in hours
    }
    assert doubted(outcome) >= concerned
    if hours != range(24):
        assert doubted(outcome) <= set(hours) | {9, 12}
    frame = rows(*outcome.sealed)
    named = ["call_time_local", "phone", "ingroup", "dialer_campaign", "lead_id"]
    assert len(frame.drop_duplicates(named)) == visible(dialer)
    dialer.behave()
    again = [day_window(hour, hour, doubted=True, first_read=True) for hour in sorted(doubted(outcome))]
    assert not any(piece.mended for piece in outcome.sealed if piece.window.last_hour in doubted(outcome))
    repaired = read(dialer, source(dialer), settings, *again)
    assert doubted(repaired) == set()
    assert not any(piece.mended for piece in repaired.sealed)


@pytest.mark.parametrize("fault", ["rows_before_memory_is_out", "rows_before_silence", "cpu_rows"])
@pytest.mark.parametrize("build", ["250720-1841", "220301-1000"])
@pytest.mark.parametrize("limit", [150, *(pytest.param(limit, marks=pytest.mark.slow) for limit in (60, 22))])
def test_what_is_too_large_by_hours_is_read_by_campaigns_and_in_groups(
    settings: Settings, build: str, limit: int, fault: str
) -> None:
    """Builds before 230622 know no hours, and in one hour there may be too many calls as well."""
    world = small_world(calls_per_hour=[0] * 12 + [80] + [0] * 11, inbound_share=0.5, rates=Rates.none())
    with SimulatedDialer(world, build, [REPORT]) as dialer:
        first = read(dialer, source(dialer), settings, day_window(first_read=True))  # the password works
        assert first.clients[0].failure is None
        dialer.misbehave(**{fault: limit}, pages=(EXPORT,))
        outcome = read(dialer, source(dialer), settings, day_window(first_read=True))
    assert (outcome.clients[0].failure, doubted(outcome)) == (None, set())
    assert len(rows(*outcome.sealed)) == 80


@pytest.mark.parametrize("build", ["250720-1841", "220301-1000"])
def test_parts_that_are_cut_as_well_prove_nothing(settings: Settings, build: str) -> None:
    """Each answer shows a share of what it should, whatever it is asked for."""
    world = small_world(calls_per_hour=[0] * 12 + [80] + [0] * 11, inbound_share=0.5, rates=Rates.none())
    for truncate in (0.25, 0.5, 0.75):
        with SimulatedDialer(world, build, [REPORT]) as dialer:
            dialer.misbehave(truncate=truncate, pages=(EXPORT,))
            outcome = read(dialer, source(dialer), settings, day_window(first_read=True))
            assert 12 in doubted(outcome)
            assert rows(*outcome.sealed)["call_time_local"].nunique() > 0


@pytest.mark.parametrize("limit", ["cpu_rows", "truncate"])
@pytest.mark.parametrize("inbound_share", [0.0, 1.0])
@pytest.mark.parametrize(
    ("build", "calls"), [("250720-1841", [0] * 12 + [40] + [0] * 11), ("220301-1000", [0] * 8 + [8] * 10 + [0] * 6)]
)
def test_a_limit_that_cuts_every_format_alike_is_noticed_by_asking_for_less(
    settings: Settings, build: str, calls: list[int], inbound_share: float, limit: str
) -> None:
    """With calls of one half and one hour, or a build that knows no hours, the proof would be cut at the same place."""
    world = small_world(calls_per_hour=calls, inbound_share=inbound_share, rates=Rates.none())
    with SimulatedDialer(world, build, [REPORT]) as dialer:
        dialer.misbehave(**{limit: 15}, pages=(EXPORT,))
        outcome = read(dialer, source(dialer), settings, day_window(first_read=True))
        concerned = {leg.call_time_local.hour for leg in dialer.world.legs_at()}
    assert len(rows(*outcome.sealed)) == sum(calls) or doubted(outcome) >= concerned


def test_an_idle_first_read_costs_one_request(settings: Settings) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0, rates=Rates.none()), accounts=[REPORT]) as dialer:
        window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
        assert (window.rows, window.suspect, count_exports(dialer)) == (0, None, 1)
