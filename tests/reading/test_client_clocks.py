"""The clock and the time zone of a client's dialer."""

from datetime import timedelta

import pytest

from campaign_processor import process_campaign
from config import Settings
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import (
    API,
    REPORT,
    count_exports,
    small_world,
    source,
)
from tests.reading.jobs import only_window, read, visible, with_days_again


def test_a_backfill_reads_nothing_in_a_zone_that_the_dialers_clock_contradicts(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """It would put a wrong time to every call of its days, right ones among them."""
    outcome = read(dialer, source(dialer, timezone="Europe/Berlin"), settings, backfill_id="b1")
    (fared,) = outcome.clients
    assert (fared.label, outcome.sealed, count_exports(dialer)) == ("wrong time zone", (), 1)
    assert "Nothing was read: " in str(fared.failure)
    assert "Set Timezone of its row" in str(fared.failure)


def test_a_wrong_time_zone_is_told_and_the_calls_are_read(dialer: SimulatedDialer, settings: Settings) -> None:
    (fared,) = read(dialer, source(dialer, timezone="Europe/Berlin"), settings).clients
    (notice,) = fared.notices
    assert "5 hours behind UTC, which is not Europe/Berlin" in notice
    assert (fared.failure, fared.label, fared.windows_read) == (None, "wrong time zone", 1)


@pytest.mark.parametrize(("seconds", "told"), [(3600, "+60 minutes"), (-420, "-7 minutes"), (240, None)])
def test_a_wrong_clock_is_told(dialer: SimulatedDialer, settings: Settings, seconds: float, told: str | None) -> None:
    dialer.misbehave(clock_offset=seconds, pages=(API,))
    (fared,) = read(dialer, source(dialer), settings).clients
    assert len(fared.notices) == (told is not None)
    assert all(f"wrong by {told}" in notice for notice in fared.notices)
    assert fared.failure is None


@pytest.mark.parametrize("minutes", [-180, -2, 0, 180])
def test_a_dialer_that_tells_no_time_is_read_at_the_warehouses(settings: Settings, minutes: int) -> None:
    """Only where this machine is ahead of it: a reading may be too early, and is then repeated."""
    gap = timedelta(minutes=minutes)
    with SimulatedDialer(small_world(), accounts=[REPORT], tells_version=False) as dialer:
        window = only_window(read(dialer, source(dialer), settings, warehouse_gap=gap))
        later = window.read_at - dialer.world.now
        assert timedelta() <= later - (gap if minutes == -180 else timedelta()) < timedelta(minutes=1)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])
def test_zones_of_half_hours_are_not_taken_for_wrong(settings: Settings, zone: str) -> None:
    with SimulatedDialer(small_world(timezone=zone), accounts=[REPORT]) as dialer:
        assert read(dialer, source(dialer, timezone=zone), settings).clients[0].notices == ()


# The zone of calls and that of the web server


def test_a_web_server_in_another_zone_than_its_calls_changes_nothing(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    """Also where no call tells the zone: others of that dialer have."""
    dialer.misbehave(php_timezone="UTC", pages=(API,))
    agent = source(dialer, report="user_stats", parameters=(("user", "2001"),), timezone="America/New_York")
    for who in (source(dialer), agent):
        (fared,) = read(dialer, who, settings).clients
        assert (fared.failure, fared.label, fared.notices) == (None, "completed", ())
    (fared,) = read(dialer, source(dialer), settings, backfill_id="b1").clients
    assert (fared.failure, fared.label, fared.notices) == (None, "completed", ())
    outcome = process_campaign(with_days_again(dialer), settings)
    assert [window.window.first_hour for window in outcome.sealed] == [15, 0, 10]


def test_a_backfill_of_a_dialer_that_was_never_read_looks_at_its_calls_first(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(php_timezone="UTC", pages=(API,))
    outcome = read(dialer, source(dialer), settings, backfill_id="b1")
    assert (outcome.clients[0].failure, only_window(outcome).rows) == (None, visible(dialer))
    assert count_exports(dialer) <= 3


def test_calls_in_another_zone_than_the_row_are_told_although_the_web_server_agrees_with_it(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(php_timezone="Europe/Berlin", pages=(API,))
    berlin = source(dialer, timezone="Europe/Berlin")
    (fared,) = read(dialer, berlin, settings).clients
    assert (fared.failure, fared.label) == (None, "wrong time zone")
    assert "are 5 hours behind UTC, which is not Europe/Berlin: call_time is wrong. Set Timezone" in fared.notices[0]
    assert "America/New_York" in fared.notices[0]
    (fared,) = read(dialer, berlin, settings, backfill_id="b1").clients
    assert "Nothing was read: the calls of" in str(fared.failure)


def test_a_web_server_in_another_zone_is_a_doubt_where_no_call_tells(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.misbehave(php_timezone="UTC", pages=(API,))
    agent = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    (fared,) = read(dialer, agent, settings).clients
    assert (fared.failure, fared.label, len(fared.notices)) == (None, "time zone in doubt", 1)
    assert "only if the calls are not in the zone that the row says" in fared.notices[0]


def test_a_dialer_that_tells_no_version_is_judged_by_its_calls(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.misbehave(status=404, pages=(API,))
    (fared,) = read(dialer, source(dialer, timezone="Europe/Berlin"), settings).clients
    assert fared.label == "wrong time zone"
