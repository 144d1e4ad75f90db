"""Notices name days and hours as people do."""

from dataclasses import replace
from datetime import UTC, date, datetime

from messages import Window
from reading.completeness import Doubt, Reason
from reading.notices import window_in_doubt

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = Window(day=date(2026, 1, 1), first_hour=0, last_hour=0, since=MOMENT, until=MOMENT)


def test_a_single_hour_is_named_once() -> None:
    doubt = Doubt(next(iter(Reason)), "it was cut")
    pieces = [WINDOW, replace(WINDOW, first_hour=4, last_hour=4), replace(WINDOW, first_hour=7, last_hour=9)]
    assert "of 2026-01-01 (hours 0, 4, 7-9): it was cut." in window_in_doubt(
        "d.example", [(piece, doubt) for piece in pieces]
    )
