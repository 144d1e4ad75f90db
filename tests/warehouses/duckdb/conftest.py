"""The promises of a DuckDB file alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import Batches, Spool
from utils import utc_now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse="duckdb", data_dir=tmp_path / "data", cycle_interval=timedelta(seconds=5))


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    """Open a warehouse without its lease. The tests here take the lease themselves."""
    opened = open_warehouse(settings)
    opened.prepare()
    opened.patient_until = utc_now() + timedelta(seconds=30)
    return opened


@pytest.fixture
def desk(settings: Settings, warehouse: Warehouse) -> Desk:
    return Desk(settings, warehouse, Spool(settings.data_dir / "spool"), Batches())
