"""A truncated export looks perfect; so an answer that shows less than before is not believed without proof."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config import Settings
from errors import ReportUnknown
from messages import CampaignOutcome, HourCount, Window
from simulated_dialer import Leg, Rates, SimulatedDialer, World
from simulated_dialer.legs import Direction
from spools.files import WindowSpool
from spools.readings import Reading
from tests.dialers.sources import (
    API,
    DAY,
    EXPORT,
    REPORT,
    day_window,
    exports_asked,
    quick,
    small_world,
    source,
)
from tests.spools.jobs import only_window, read, rows, visible


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[REPORT]) as dialer:
        yield dialer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path)


def no_downloads_left(settings: Settings) -> bool:
    return list((settings.data_dir / "downloads").iterdir()) == []


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
    def reading(legs: dict[int, int]) -> Reading:
        spool = WindowSpool(settings.data_dir / "spool", "x", lead_fields=False)
        counted = Counter({(DAY, hour): count for hour, count in legs.items()})
        return Reading(spool, datetime.now(UTC), digest=str(legs), legs=counted)

    assert reading(earlier).tells_the_same_as(reading(later), day_window(8, 9)) is same


def test_a_short_answer_is_forgotten_when_the_second_one_is_full(dialer: SimulatedDialer, settings: Settings) -> None:
    total = visible(dialer)
    dialer.misbehave(truncate=0.5, requests=1, pages=(EXPORT,))
    window = only_window(read(dialer, source(dialer), settings, day_window(known_legs=total)))
    assert (window.rows, window.shortfall, window.suspect) == (total, 0, None)
    assert len(rows(window)) == total
    assert exports_asked(dialer) == 4  # the short one, what lies behind it, and both again
    assert no_downloads_left(settings)
    kept = {file.path for file in window.call_files}
    assert {str(path) for path in (settings.data_dir / "spool").rglob("*.parquet")} == kept


def known_of(dialer: SimulatedDialer, **more: int) -> tuple[HourCount, ...]:
    """What an earlier read showed of the day: all that the dialer has, and more legs in some hours."""
    legs = [leg for leg in dialer.world.legs_at() if leg.hidden is None]
    found = []
    for hour in range(24):
        of_hour = [leg for leg in legs if leg.call_time_local.hour == hour]
        inbound = sum(leg.direction == "inbound" for leg in of_hour) + more.get(f"inbound_{hour}", 0)
        outbound = sum(leg.direction == "outbound" for leg in of_hour) + more.get(f"outbound_{hour}", 0)
        found.append(HourCount(day=DAY, hour=hour, legs=inbound + outbound, in_progress=0, inbound=inbound))
    return tuple(found)


def known_window(dialer: SimulatedDialer, **more: int) -> Window:
    known = known_of(dialer, **more)
    return day_window(known=known, known_legs=sum(count.legs for count in known))


@pytest.mark.parametrize("half", ["outbound", "inbound"])
def test_calls_that_are_missing_in_the_middle_are_no_cut_and_are_counted(
    dialer: SimulatedDialer, settings: Settings, half: str
) -> None:
    window = only_window(read(dialer, source(dialer), settings, known_window(dialer, **{f"{half}_12": 5})))
    assert (window.rows, window.shortfall, window.suspect) == (visible(dialer), 5, None)
    assert exports_asked(dialer) == 1


def test_calls_that_are_missing_at_the_end_are_believed_once_nothing_lies_behind(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    window = only_window(read(dialer, source(dialer), settings, known_window(dialer, inbound_23=5)))
    assert (window.rows, window.shortfall, window.suspect) == (visible(dialer), 5, None)
    assert exports_asked(dialer) == 2


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
        assert exports_asked(dialer) == 3


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
    assert exports_asked(dialer) < 40


def test_an_answer_with_as_many_calls_as_before_is_not_asked_for_twice(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    window = only_window(read(dialer, source(dialer), settings, day_window(known_legs=visible(dialer))))
    assert (window.shortfall, window.suspect, exports_asked(dialer)) == (0, None, 1)


# A window that nothing will read again


def test_a_first_read_is_proven_by_its_tail(dialer: SimulatedDialer, settings: Settings) -> None:
    window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
    assert (window.rows, window.suspect) == (visible(dialer), None)
    whole, tail = (request for request in dialer.seen.log if request.page == EXPORT)
    assert (whole.one("query_hour"), tail.one("query_hour"), tail.one("end_hour")) == (None, "20", "23")


@pytest.mark.parametrize("truncate", [0.9, 0.5, 0.1, 1, 0])
def test_a_first_read_that_was_cut_is_repaired(
    dialer: SimulatedDialer, settings: Settings, truncate: int | float
) -> None:
    dialer.misbehave(truncate=truncate, requests=1, pages=(EXPORT,))
    window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
    assert (window.rows, window.suspect, window.shortfall) == (visible(dialer), None, 0)
    assert exports_asked(dialer) <= 4  # what lies behind it is asked for as often as the answer itself
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


def doubted(outcome: CampaignOutcome) -> set[int]:
    return {hour for window in outcome.sealed if window.suspect for hour in window.window.hours}


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
    repaired = read(dialer, source(dialer), settings, *again)
    assert doubted(repaired) == set()


@pytest.mark.parametrize("reread", [False, True])
def test_a_time_limit_that_cuts_at_another_row_each_time_is_met_with_smaller_requests(
    dialer: SimulatedDialer, settings: Settings, *, reread: bool
) -> None:
    dialer.misbehave(cpu_rows=visible(dialer) // 3, pages=(EXPORT,))
    asked = known_window(dialer) if reread else day_window(first_read=True)
    outcome = read(dialer, source(dialer), settings, asked)
    assert doubted(outcome) == set()
    assert len(rows(*outcome.sealed)) == visible(dialer)


def test_an_idle_first_read_costs_one_request(settings: Settings) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0, rates=Rates.none()), accounts=[REPORT]) as dialer:
        window = only_window(read(dialer, source(dialer), settings, day_window(first_read=True)))
        assert (window.rows, window.suspect, exports_asked(dialer)) == (0, None, 1)


# The level of detail that a build knows


def details_asked(dialer: SimulatedDialer) -> list[str | None]:
    return [request.one("export_fields") for request in dialer.seen.log if request.page == EXPORT]


def named(dialer: SimulatedDialer) -> tuple[tuple[str, str], ...]:
    """All campaigns and in-groups by name, as builds before 190116 need them."""
    centre = dialer.world.centre
    return (
        *(("campaign[]", campaign) for campaign in centre.campaigns),
        *(("group[]", group) for group in centre.ingroups),
    )


@pytest.mark.parametrize(
    ("build", "tells", "asked"),
    [
        ("250720-1841", True, ["EXTENDED_2", "EXTENDED_2"]),
        ("150201-1000", True, ["EXTENDED"]),
        ("110124-0000", True, ["STANDARD"]),
        ("250720-1841", False, ["EXTENDED_2", "EXTENDED_2"]),
        ("150201-1000", False, ["EXTENDED_2", "EXTENDED", "EXTENDED"]),
        ("110124-0000", False, ["EXTENDED_2", "EXTENDED", "EXTENDED"]),
    ],
)
def test_a_build_is_asked_for_the_most_that_it_knows(
    settings: Settings, build: str, tells: bool, asked: Sequence[str]
) -> None:
    with SimulatedDialer(small_world(rates=Rates.none()), build, [REPORT]) as dialer:
        if not tells:
            dialer.misbehave(status=404, pages=(API,))
        who = source(dialer, parameters=named(dialer))
        outcome = read(dialer, who, settings, day_window(), day_window())
        assert details_asked(dialer) == asked
        assert {window.rows for window in outcome.sealed} == {visible(dialer)}
        has_uniqueid = bool(rows(outcome.sealed[0])["uniqueid"].notna().all())
        assert has_uniqueid is (build != "110124-0000")


def test_an_export_with_another_header_row_is_no_report(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.answer_with(EXPORT, b"a\tb\r\n1\t2\r\n")
    outcome = read(dialer, source(dialer), settings)
    assert outcome.clients[0].label == ReportUnknown.label
    assert "another header row" in (outcome.clients[0].failure or "")
    assert no_downloads_left(settings)


# Chunks


def test_the_size_of_chunks_and_files_changes_no_row(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:

        def read_with(name: str, **changes: Any) -> tuple[CampaignOutcome, pd.DataFrame]:
            outcome = read(dialer, source(dialer), quick(tmp_path / name, **changes))
            return outcome, rows(only_window(outcome))

        usual, whole = read_with("usual")
        single, by_ones = read_with("1", batch_size=1, db_batch_size=100)
        hundred, by_hundreds = read_with("100", batch_size=100, db_batch_size=1)
    assert len(whole) > 200
    for frame in (by_ones, by_hundreds):
        pd.testing.assert_frame_equal(frame, whole)
    files = [len(only_window(outcome).call_files) for outcome in (usual, single, hundred)]
    assert files[0] == 1
    assert min(files[1:]) >= 3
    counts = [
        (window.records, window.rows, window.duplicates, window.quarantined, window.hours)
        for window in map(only_window, (usual, single, hundred))
    ]
    assert counts[0] == counts[1] == counts[2]
    assert counts[0][0] == sum(counts[0][1:4])


def test_what_cannot_be_typed_is_kept_in_quarantine_with_where_it_came_from(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    header = "call_date phone_number_dialed status user full_name campaign_id list_id length_in_sec user_group alt_dial"
    header += " lead_id list_description status_name"
    good = b"2026-03-02 10:00:00\t555\tNA\t1001\tAnn\tSALES\t101\t5\tAGENTS\tMAIN\t7\t\tNo Answer"
    dialer.answer_with(
        EXPORT, b"\r\n".join([header.replace(" ", "\t").encode(), good, good.replace(b"10:00:00", b"25:00:00"), b""])
    )
    window = only_window(read(dialer, source(dialer), settings))
    assert (window.records, window.rows, window.quarantined) == (2, 1, 1)
    (file,) = window.quarantine_files
    (record,) = pd.read_parquet(file.path).to_dict("records")
    assert record["record"].startswith("2026-03-02 25:00:00\t555")
    assert (record["source_key"], record["client_id"], record["window_day"]) == ("0" * 32, "C1", DAY)
    assert record["header"].split("\t") == header.split(" ")
    assert "call_date" in record["reason"]


# User stats


def test_user_stats_seal_every_hour_of_the_day(dialer: SimulatedDialer, settings: Settings) -> None:
    who = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    window = only_window(read(dialer, who, settings, day_window(10, 12, first_read=True)))
    shown = [leg for leg in dialer.world.legs_at() if leg.direction == "inbound" and leg.agent_user == "2001"]
    assert window.rows == len(shown) > 0
    assert [count.hour for count in window.hours] == list(range(24))
    assert sum(count.legs for count in window.hours) == len(shown)
    assert dialer.seen.requests_by_page["user_stats.php"] == 1
