"""The program stops in time in the middle of each phase, without leftovers. See also
``python -m tests.storms.exits --help``."""

import os
from dataclasses import replace
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from tests.bigquery.emulators import Emulator
from tests.storms.exits import PHASES, Scene, measure

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX; Windows has its own console events")

GRACE = 1.0
RATE = 300.0
"""Calls per hour for a large answer."""
NAMED = {phase.name: phase for phase in PHASES}


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        pytest.param("workers starting", SIGINT, marks=pytest.mark.slow),
        pytest.param("a download that trickles", SIGTERM, marks=pytest.mark.slow),
        pytest.param("a dialer that is silent", SIGINT, marks=pytest.mark.slow),
        pytest.param("a retry wait, 503", SIGTERM, marks=pytest.mark.slow),
        pytest.param("a retry wait, unreachable", SIGINT, marks=pytest.mark.slow),
        pytest.param("a parse", SIGTERM, marks=pytest.mark.slow),
        ("a commit", SIGINT),
        pytest.param("the sleep between cycles", SIGTERM, marks=pytest.mark.slow),
        pytest.param("the wait for a locked file", SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_it_ends_in_time_and_leaves_nothing(phase: str, number: Signals, tmp_path: Path) -> None:
    chosen = replace(NAMED[phase], calls_per_hour=min(NAMED[phase].calls_per_hour, RATE))
    with Scene(tmp_path, chosen, GRACE, None) as scene:
        measured = measure(scene, number)
    assert measured.wrong == (), scene.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "number"), [("a commit whose job runs for ever", SIGINT), ("a commit without an answer", SIGTERM)]
)
def test_a_commit_in_bigquery_is_abandoned_in_time(
    phase: str, number: Signals, tmp_path: Path, emulator: Emulator
) -> None:
    with Scene(tmp_path, NAMED[phase], GRACE, emulator) as scene:
        measured = measure(scene, number)
    assert measured.wrong == (), scene.text


@pytest.mark.slow
def test_asked_twice_it_ends_at_once_and_loses_nothing(tmp_path: Path) -> None:
    with Scene(tmp_path, NAMED["a dialer that is silent"], 60.0, None) as scene:
        measured = measure(scene, SIGINT, twice=True)
    assert measured.wrong == (), scene.text
