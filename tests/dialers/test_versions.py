"""What a dialer tells without a login, and how its clock is compared with the row's time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from dialers.versions import DialerVersion, clock_troubles, version_in
from tests.dialers.sources import source

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD = "VERSION: 2.14-202|BUILD: 250720-1841|DATE: 2026-03-02 07:00:01|EPOCH: 1772452800|DST: 0|TZ: -5.00|TZNOW: -5.00|"


def told(hours: float, minutes_fast: float = 0) -> DialerVersion:
    return DialerVersion(build=250720, now=NOON + timedelta(minutes=minutes_fast), utc_offset=timedelta(hours=hours))


def test_build_and_clock_are_read_in_whole_minutes() -> None:
    assert version_in(TOLD) == told(-5)
    assert version_in("<html>It works!</html>") is None


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
    (trouble,) = clock_troubles(told(hours), source("http://d/vicidial/", timezone="Europe/Berlin"), NOON)
    assert f"{hours:+g} hours from UTC, which is not Europe/Berlin" in trouble.happened
    assert zones in trouble.advice


def test_a_clock_that_runs_wrong_is_told_apart_from_its_zone() -> None:
    here = source("http://d/vicidial/", timezone="America/New_York")
    assert list(clock_troubles(told(-5, 4.9), here, NOON)) == []
    (trouble,) = clock_troubles(told(-5, -40), here, NOON)
    assert "wrong by -40 minutes" in str(trouble)
    assert len(list(clock_troubles(told(0, 60), here, NOON))) == 2
