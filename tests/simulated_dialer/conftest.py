"""The dialers that the tests of the simulated dialer ask."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from simulated_dialer import SimulatedDialer, World
from tests.simulated_dialer.client import REPORT, Opening


@pytest.fixture
def opened() -> Iterator[Opening]:
    """Opens dialers and closes them after the test; ``opened(world, build=…)``."""
    with ExitStack() as stack:

        def opening(world: World | None = None, **options: Any) -> SimulatedDialer:
            options.setdefault("accounts", [REPORT])
            return stack.enter_context(SimulatedDialer(world or World(), **options))

        yield opening
