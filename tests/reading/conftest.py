"""A dialer with a small quiet world, and settings with short limits."""

from pathlib import Path

import pytest

from config import Settings
from tests.dialers.sources import quick


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path, retry_attempts=2, retry_total=2)
