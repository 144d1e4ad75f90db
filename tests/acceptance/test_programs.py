"""The zone of the acceptance tests: they run at any hour."""

from datetime import UTC, datetime, timedelta

from dialers.versions import USUAL_ZONES
from tests.acceptance.programs import WEST_OF_UTC, choose_zone


def test_it_is_day_somewhere_at_every_minute_of_the_year() -> None:
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    chosen = {choose_zone(new_year + timedelta(minutes=minute)) for minute in range(0, 366 * 24 * 60, 10)}
    assert chosen == set(WEST_OF_UTC)


def test_the_zones_are_among_those_that_a_warning_proposes() -> None:
    assert set(WEST_OF_UTC) <= set(USUAL_ZONES)
