"""What a dialer tells without a login, and how its clock is compared with the row's time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from dialers.versions import DialerVersion, clock_warnings, parse_version, zone_warning
from errors import Label
from messages import ShownOffset
from tests.dialers.sources import source

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD = "VERSION: 2.14-202|BUILD: 250720-1841|DATE: 2026-03-02 07:00:01|EPOCH: 1772452800|DST: 0|TZ: -5.00|TZNOW: -5.00|"


def make_version(hours: float, minutes_fast: float = 0) -> DialerVersion:
    return DialerVersion(build=250720, now=NOON + timedelta(minutes=minutes_fast), utc_offset=timedelta(hours=hours))


def test_build_and_clock_are_read_in_whole_minutes() -> None:
    assert parse_version(TOLD) == make_version(-5)
    assert parse_version("<html>It works!</html>") is None


@pytest.mark.parametrize(
    ("hours", "zones"),
    [
        (-5, "America/New_York or America/Bogota)"),
        (8, "Asia/Manila)"),
        (5.5, "Asia/Kolkata)"),
        (3.5, "the zone of the dialer's clock, and"),
    ],
)
def test_a_zone_that_does_not_fit_is_told_with_those_that_would(hours: float, zones: str) -> None:
    (trouble,) = clock_warnings(make_version(hours), source("http://d/vicidial/", timezone="Europe/Berlin"), NOON)
    away = f"{hours:g} hours ahead of" if hours > 0 else f"{-hours:g} hours behind"
    assert f"{away} UTC, which is not Europe/Berlin" in trouble.happened
    assert zones in trouble.advice


def test_a_clock_that_runs_wrong_is_told_apart_from_its_zone() -> None:
    here = source("http://d/vicidial/", timezone="America/New_York")
    assert list(clock_warnings(make_version(-5, 4.9), here, NOON)) == []
    (trouble,) = clock_warnings(make_version(-5, -40), here, NOON)
    assert "wrong by -40 minutes" in str(trouble)
    assert len(list(clock_warnings(make_version(0, 60), here, NOON))) == 2


def by_calls(hours: float, calls: int = 9, moment: datetime = NOON) -> ShownOffset:
    return ShownOffset(moment=moment, offset=timedelta(hours=hours), calls=calls)


@pytest.mark.parametrize("php", [0, -5, 8, None])
@pytest.mark.parametrize("calls", [1, 9])
def test_calls_in_the_zone_of_the_row_are_right_whatever_the_web_server_says(php: float | None, calls: int) -> None:
    here = source("http://d/vicidial/", timezone="America/New_York")
    version = None if php is None else make_version(php)
    assert zone_warning(version, here, NOON, by_calls(-5, calls)) is None
    summer = by_calls(-4, calls, datetime(2025, 8, 1, 12, tzinfo=UTC))
    assert zone_warning(version, here, NOON, summer) is None


@pytest.mark.parametrize("php", [0, -5, 8, None])
def test_calls_in_another_zone_are_told_with_their_own_whatever_the_web_server_says(php: float | None) -> None:
    here = source("http://d/vicidial/", timezone="America/New_York")
    trouble = zone_warning(None if php is None else make_version(php), here, NOON, by_calls(1))
    assert trouble is not None
    assert trouble.label is Label.WRONG_TIME_ZONE
    assert (
        trouble.happened == "the calls of d are 1 hour ahead of UTC, which is not America/New_York: call_time is wrong."
    )
    assert trouble.advice.startswith("Set Timezone of its row")
    assert "Europe/Berlin" in trouble.advice


def test_the_web_servers_clock_alone_is_a_doubt_and_no_order() -> None:
    here = source("http://d/vicidial/", timezone="America/New_York")
    for shown in (None, by_calls(8, calls=1)):  # one may be odd
        trouble = zone_warning(make_version(0), here, NOON, shown)
        assert trouble is not None
        assert trouble.label is Label.TIME_ZONE_IN_DOUBT
        assert "only if the calls are not in the zone that the row says" in trouble.advice
    assert zone_warning(None, here, NOON, None) is None
