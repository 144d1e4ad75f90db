"""A warehouse of the real kind in a folder of its own."""

from pathlib import Path

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from tests.warehouses.building import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    opened = open_warehouse(settings)
    opened.prepare()
    return opened
