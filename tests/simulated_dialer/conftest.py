"""Dialers for the tests of the simulated dialer."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from simulated_dialer import SimulatedDialer, World
from tests.simulated_dialer.client import REPORT, Opening


@pytest.fixture
def open_dialer() -> Iterator[Opening]:
    """Return a function for opening dialers: ``open_dialer(world, build=…)``. They are closed after the test."""
    with ExitStack() as stack:

        def opening(world: World | None = None, **options: Any) -> SimulatedDialer:
            options.setdefault("accounts", [REPORT])
            return stack.enter_context(SimulatedDialer(world or World(), **options))

        yield opening
