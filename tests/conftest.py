"""What tests of several folders ask for; an emulator is installed and started only if a test wants it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.bigquery.proxy import FaultProxy
    from tests.bigquery.running import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Emulator]":
    """One BigQuery emulator for the whole run; whoever uses it takes a dataset of its own."""
    from tests.bigquery.running import Emulator

    running = Emulator(tmp_path_factory.mktemp("bigquery"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def emulator_to_kill(tmp_path: Path) -> "Iterator[Emulator]":
    """An emulator of the test's own, which may do to it what it likes."""
    from tests.bigquery.running import Emulator

    running = Emulator(tmp_path / "bigquery")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def proxy(emulator: "Emulator") -> "Iterator[FaultProxy]":
    """Stands before the emulator, and breaks what the test tells it to."""
    from tests.bigquery.proxy import FaultProxy

    with FaultProxy(emulator.url) as listening:
        yield listening
