"""Fixtures for several folders. An emulator is installed and started only for a test in need of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulated_dialer import SimulatedDialer
    from tests.bigquery.emulators import Emulator
    from tests.bigquery.proxy import FaultProxy


LONGEST = ("test_storm.py", "test_style.py")
"""Modules that begin first, so that no worker is left with them at the end."""


SLOW_WORDS = ("mark.slow", "DUCKDB_FIRST")
"""A module without them has no slow test."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a run of the slow tests the modules without any: to prepare them takes each worker seconds."""
    if config.getoption("markexpr") != "slow" or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    return None if any(word in text for word in SLOW_WORDS) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture
def dialer() -> "Iterator[SimulatedDialer]":
    """Return a dialer with a day of few calls, none of them out of the ordinary."""
    from simulated_dialer import Rates, SimulatedDialer
    from tests.dialers.sources import REPORT, small_world

    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[REPORT]) as running:
        yield running


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Emulator]":
    """Return one BigQuery emulator for the whole run. Each user takes a dataset of its own."""
    from tests.bigquery.emulators import Emulator

    running = Emulator(tmp_path_factory.mktemp("bigquery"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def emulator_to_kill(tmp_path: Path) -> "Iterator[Emulator]":
    """Return an emulator for one test alone. The test may kill it."""
    from tests.bigquery.emulators import Emulator

    running = Emulator(tmp_path / "bigquery")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def proxy(emulator: "Emulator") -> "Iterator[FaultProxy]":
    """Return a proxy before the emulator. It injects the faults of the test."""
    from tests.bigquery.proxy import FaultProxy

    with FaultProxy(emulator.url) as listening:
        yield listening
