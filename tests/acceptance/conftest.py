"""A program with its own folder, and dialers with a small world shortly before the present moment."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from simulated_dialer import Account, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program

LAG = timedelta(minutes=40)
"""Lag of a dialer's clock. A test can move it on without passing the program's."""


class Dialers(Protocol):
    def __call__(self, seed: int = 1, *, calls_per_hour: float = 4, days: int = 2) -> SimulatedDialer: ...


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def dialers() -> Iterator[Dialers]:
    """Return a function for starting dialers. Calls come at all hours, so tests may run at any hour."""
    with ExitStack() as stack:

        def make(seed: int = 1, *, calls_per_hour: float = 4, days: int = 2) -> SimulatedDialer:
            now = datetime.now(UTC) - LAG
            first = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=days - 1)
            world = World(seed, first, days + 1, ZONE, calls_per_hour=[calls_per_hour] * 24)
            world.now = now
            world.tells_real_time = True
            return stack.enter_context(SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]))

        yield make
