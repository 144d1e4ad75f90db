"""One client: a failing window leaves the others, and the operator reads what is not as it should be."""

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign_processor import process_campaign
from config import Settings
from messages import CampaignOutcome, Window
from simulated_dialer import Rates, SimulatedDialer
from tests.dialers.sources import (
    API,
    EXPORT,
    REPORT,
    STATS,
    count_exports,
    day_window,
    quick,
    small_world,
    source,
)
from tests.reading.jobs import job_of, only_window, read, rows, visible, with_days_again


def test_a_row_that_accepts_any_certificate_is_told_each_time(tmp_path: Path) -> None:
    told = {}
    for scheme, verify in (("https", False), ("https", True), ("http", False)):
        who = source(f"{scheme}://127.0.0.1:9/", verify_tls=verify)
        outcome = process_campaign(job_of(None, (who, [day_window()])), quick(tmp_path, retry_attempts=1))
        told[scheme, verify] = [notice for notice in outcome.clients[0].notices if "certificate" in notice]
    assert "127.0.0.1:9 is not checked" in told.pop(("https", False))[0]
    assert list(told.values()) == [[], []]


def test_every_window_is_read_sealed_and_counted(dialer: SimulatedDialer, settings: Settings) -> None:
    windows = [day_window(0, 11), day_window(12, 23)]
    outcome = read(dialer, source(dialer), settings, *windows, backfill_id="b1")
    (fared,) = outcome.clients
    assert (outcome.failure, fared.failure, fared.label, fared.notices) == (None, None, "completed", ())
    assert (fared.windows_planned, fared.windows_read, fared.requests, fared.retries) == (2, 2, 3, 0)
    assert fared.bytes_received > 10_000
    assert [window.window for window in outcome.sealed] == windows
    assert {window.backfill_id for window in outcome.sealed} == {"b1"}
    frame = rows(*outcome.sealed)
    assert len(frame) == frame["call_key"].nunique() == visible(dialer)
    for window in outcome.sealed:
        assert [count.hour for count in window.hours] == list(window.window.hours)
        assert sum(count.legs for count in window.hours) == window.rows
    assert list((settings.data_dir / "downloads").iterdir()) == []


def test_a_program_error_is_told_by_place_and_without_values(
    dialer: SimulatedDialer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (fared,) = read(dialer, source(dialer, report="unheard_of"), settings).clients
    assert fared.failure is not None
    assert fared.failure.text.startswith("KeyError at source_runs.py:")
    assert "unheard_of" not in fared.failure.text + caplog.text


# One window's trouble


def test_an_empty_500_of_one_window_leaves_the_next_ones(settings: Settings) -> None:
    world = small_world(calls_per_hour=[0] * 8 + [30, 30] + [1] * 14, rates=Rates.none())
    with SimulatedDialer(world, accounts=[REPORT]) as dialer:
        dialer.misbehave(rows_before_memory_is_out=2, pages=(EXPORT,))
        outcome = read(dialer, source(dialer), settings, day_window(0, 9), day_window(10, 14), day_window(15, 23))
    (fared,) = outcome.clients
    assert fared.label == "dialer error"
    assert "twice" in str(fared.failure)
    assert {hour for window in outcome.sealed for hour in window.window.hours} == {*range(8), *range(10, 24)}
    assert (fared.windows_planned, fared.windows_read) == (3, 2)


def test_any_other_trouble_of_a_window_ends_its_source(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.misbehave(display_errors=True, requests=1, pages=(EXPORT,))
    dialer.misbehave(requests=1, pages=(EXPORT,))
    outcome = read(dialer, source(dialer), settings, day_window(0, 9), day_window(10, 14), day_window(15, 23))
    (fared,) = outcome.clients
    assert (fared.label, fared.windows_read, count_exports(dialer)) == ("not an export", 1, 2)
    assert [window.window.hours for window in outcome.sealed] == [range(10)]


# What was read in another time zone

AGAIN = "its time zone is America/New_York now and was another before:"


def test_what_was_read_in_another_zone_is_read_after_the_rest(dialer: SimulatedDialer, settings: Settings) -> None:
    outcome = process_campaign(with_days_again(dialer), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15, 0, 10]
    (fared,) = outcome.clients
    assert (fared.failure, fared.windows_planned, fared.windows_read) == (None, 3, 3)
    assert fared.notices == (f"{AGAIN} what was read of 1 day has been read again, and call_time is right",)


def test_it_is_left_as_it_was_where_the_dialers_clock_contradicts_the_row(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """A row that was imported with a mistake in its zone must not spoil the times of years."""
    outcome = process_campaign(with_days_again(dialer, timezone="Europe/Berlin"), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15]
    (fared,) = outcome.clients
    assert (fared.label, fared.windows_planned, len(fared.notices)) == ("wrong time zone", 1, 1)
    assert AGAIN not in fared.notices[0]


@pytest.mark.parametrize(
    ("trouble", "read_again"),
    [
        ({"status": 500}, []),
        ({"display_errors": True, "requests": 1}, [10]),
        ({"status": 503}, []),
    ],
)
def test_what_cannot_be_read_again_is_no_failure_of_a_client_that_was_read(
    dialer: SimulatedDialer, settings: Settings, trouble: dict[str, Any], read_again: list[int]
) -> None:
    """A dialer may have forgotten its old days for ever; those after one that it cannot show are tried all the same."""
    dialer.misbehave(pages=(EXPORT,), **trouble)
    dialer.misbehave(requests=1, pages=(EXPORT,))  # the first window comes as it is
    outcome = process_campaign(with_days_again(dialer), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15, *read_again]
    (fared,) = outcome.clients
    assert (fared.failure, fared.label) == (None, "completed")
    assert fared.windows_planned == fared.windows_read
    assert fared.notices[0] == f"{AGAIN} of 1 day that were read, 1 are still to be read again; the next cycles go on"
    assert fared.notices[1].startswith("a day could not be read again, and is tried once more: 127.0.0.1")


def test_a_row_may_want_none_of_a_kind(dialer: SimulatedDialer, settings: Settings) -> None:
    """In-groups of other clients on the same dialer, for instance."""
    ours = dialer.world.centre.campaigns[0]
    who = source(dialer, parameters=(("campaign[]", ours), ("group[]", "---NONE---")))
    frame = rows(only_window(read(dialer, who, settings)))
    assert set(frame["dialer_campaign"]) == {ours}
    assert set(frame["direction"]) == {"outbound"}


def test_a_dialer_that_tells_no_build_and_ignores_hours_is_asked_for_whole_days(settings: Settings) -> None:
    """Its first answer shows more hours than it was asked for."""
    with SimulatedDialer(small_world(rates=Rates.none()), "210303-1000", [REPORT]) as dialer:
        dialer.misbehave(status=404, pages=(API,))
        windows = [day_window(hour, hour, known_legs=1) for hour in range(20, 8, -2)]
        outcome = read(dialer, source(dialer), settings, *windows)
        assert (outcome.clients[0].failure, len(outcome.sealed)) == (None, 2)
        assert count_exports(dialer) == 2
        assert outcome.clients[0].windows_read == outcome.clients[0].windows_planned


def test_too_many_rows_for_the_dialers_memory_are_met_with_smaller_requests_from_the_first_login_on(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(rows_before_memory_is_out=100, pages=(EXPORT,))
    outcome = read(dialer, source(dialer), settings, day_window())
    assert outcome.clients[0].failure is None
    assert len(rows(*outcome.sealed)) == visible(dialer)


# What the version tells


@pytest.mark.parametrize("parameters", [(), (("campaign[]", "---ALL---"), ("group[]", "SALES_IN"))])
def test_a_build_that_cannot_export_everything_is_not_asked_to(
    settings: Settings, parameters: tuple[tuple[str, str], ...]
) -> None:
    with SimulatedDialer(small_world(), "190115-1000", [REPORT]) as dialer:
        (fared,) = read(dialer, source(dialer, parameters=parameters), settings).clients
        assert fared.label == "campaigns not named"
        assert "build 190115" in str(fared.failure)
        assert count_exports(dialer) == 0


def test_builds_that_can_or_need_not_are_asked(settings: Settings) -> None:
    with SimulatedDialer(small_world(rates=Rates.none()), "190116-1000", [REPORT]) as dialer:
        assert only_window(read(dialer, source(dialer), settings)).rows == visible(dialer)
    with SimulatedDialer(small_world(), "190115-1000", [REPORT]) as dialer:
        named = source(dialer, parameters=(("campaign[]", dialer.world.centre.campaigns[0]),))
        assert only_window(read(dialer, named, settings)).rows > 0
        agent = source(dialer, report="user_stats", parameters=(("user", "2001"),))
        assert only_window(read(dialer, agent, settings)).rows > 0


# Days of an agent


def agent_days(dialer: SimulatedDialer, settings: Settings, days: int = 4) -> tuple[CampaignOutcome, list[Window]]:
    """Read that many days of one agent, the newest first."""
    windows = [days_before(day_window(), number) for number in range(days)]
    agent = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    return read(dialer, agent, settings, *windows), windows


def days_before(window: Window, days: int) -> Window:
    day = timedelta(days=days)
    return replace(window, day=window.day - day, since=window.since - day, until=window.until - day)


@pytest.mark.parametrize(
    ("trouble", "label"),
    [
        ({"status": 500, "requests": 2}, "dialer error"),
        ({"hang": True, "requests": 1}, "timed out"),
        ({"cut_after": 90, "requests": 1}, "answer cut off"),
    ],
)
def test_a_day_of_an_agent_that_cannot_be_had_is_kept_in_doubt_and_the_others_are_read(
    dialer: SimulatedDialer, settings: Settings, trouble: dict[str, Any], label: str
) -> None:
    settings = replace(settings, retry_attempts=3 if "status" in trouble else 1)
    dialer.misbehave(pages=(STATS,), **trouble)
    dialer.misbehave(requests=1, pages=(STATS,))  # today comes as it is
    outcome, windows = agent_days(dialer, settings)
    (fared,) = outcome.clients
    assert (fared.label, fared.windows_planned, fared.windows_read) == (label, 4, 3)
    assert str(fared.failure).startswith("agent 2001, 2026-03-01 could not be read: ")
    doubts = {sealed.window.day: sealed.suspect for sealed in outcome.sealed}
    assert [day for day, doubt in doubts.items() if doubt] == [windows[1].day]
    assert set(doubts) == {window.day for window in windows}
    (doubted,) = (sealed for sealed in outcome.sealed if sealed.suspect)
    assert (doubted.call_files, doubted.ends_plan, len(doubted.hours)) == ((), False, 24)


def test_days_of_an_agent_are_not_in_doubt_where_the_dialer_shows_none(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """The trouble is the dialer's then: the next cycle asks for them as it would have done anyway."""
    dialer.misbehave(pages=(STATS,), status=500)
    outcome, _ = agent_days(dialer, settings, days=7)
    assert (outcome.sealed, outcome.clients[0].label) == ((), "dialer error")
    told = "agent 2001, 2026-02-24, 2026-02-25, 2026-02-26, 2026-02-27, 2026-02-28 and 2 other days could not be read: "
    assert str(outcome.clients[0].failure).startswith(told)


def test_a_dialer_that_is_slow_for_two_days_of_an_agent_is_not_asked_for_the_others(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(pages=(STATS,), hang=True)
    dialer.misbehave(requests=1, pages=(STATS,))
    outcome, windows = agent_days(dialer, replace(settings, retry_attempts=1), days=6)
    assert dialer.seen.requests_by_page[STATS] == 3
    assert {sealed.window.day: sealed.suspect is None for sealed in outcome.sealed} == {
        windows[0].day: True,
        windows[1].day: False,
        windows[2].day: False,
    }
