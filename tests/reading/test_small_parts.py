"""An hour that is too large is asked for by fewer and fewer campaigns and in-groups, named in the row or offered."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config import Settings
from messages import Source
from simulated_dialer import CallCentre, Rates, SimulatedDialer, World
from tests.dialers.sources import EXPORT, REPORT, count_exports, count_forms, day_window, quick, source
from tests.reading.jobs import read, rows, visible

MOST = {"rows_before_memory_is_out": 24}
"""Records that the dialer can show at once; an hour has some sixty, half of a half more than as many."""


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    world = World(calls_per_hour=60, inbound_share=0.5, open_hours=(10, 12), rates=Rates.none())
    with SimulatedDialer(world, accounts=[REPORT]) as dialer:
        yield dialer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path, retry_attempts=2, retry_total=2)


def all_named(dialer: SimulatedDialer) -> Source:
    centre = dialer.world.centre
    pairs = [("campaign[]", name) for name in centre.campaigns] + [("group[]", name) for name in centre.ingroups]
    return source(dialer, parameters=tuple(pairs))


@pytest.mark.parametrize("first_read", [True, False])
@pytest.mark.parametrize("are_named", [True, False])
def test_every_call_of_a_large_hour_comes_whether_names_are_given_or_not(
    dialer: SimulatedDialer, settings: Settings, *, first_read: bool, are_named: bool
) -> None:
    dialer.misbehave(pages=(EXPORT,), **MOST)
    who = all_named(dialer) if are_named else source(dialer)
    outcome = read(dialer, who, settings, day_window(first_read=first_read))
    assert outcome.clients[0].failure is None
    found = rows(*outcome.sealed)
    assert len(found) == found["call_key"].nunique() == visible(dialer)
    assert {window.suspect for window in outcome.sealed} == {None}
    assert count_forms(dialer) == 1


def test_what_cannot_be_divided_is_reported(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.misbehave(pages=(EXPORT,), rows_before_memory_is_out=3)
    (fared,) = read(dialer, source(dialer), settings).clients
    assert fared.label == "dialer error"


def test_a_name_that_cannot_be_asked_for_keeps_its_half_together(settings: Settings) -> None:
    centre = CallCentre.of_seed(1)
    named = replace(centre, ingroups=(*centre.ingroups[:-1], "VIP ES"))
    world = World(calls_per_hour=60, inbound_share=0.5, open_hours=(10, 12), rates=Rates.none(), centre=named)
    with SimulatedDialer(world, accounts=[REPORT]) as dialer:
        dialer.misbehave(pages=(EXPORT,), **MOST)
        outcome = read(dialer, source(dialer), settings)
        assert outcome.clients[0].label == "dialer error"
        assert all(window.window.first_hour not in (10, 11) for window in outcome.sealed)


def test_a_dialer_that_answers_nothing_is_not_asked_for_less_and_less(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    read(dialer, source(dialer), settings)
    asked = count_exports(dialer)
    dialer.misbehave(pages=(EXPORT,), status=500)
    read(dialer, source(dialer), settings)
    assert count_exports(dialer) - asked <= 24
