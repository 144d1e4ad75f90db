"""A real DuckDB file with its tables in place, and a spool beside it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from config import Settings
from database import Warehouse, open_warehouse
from messages import CampaignOutcome, ClientResult
from tests.warehouses.duckdb.spool_files import Batches, Spool
from utils import utc_now


@dataclass
class Desk:
    """What the parent process has before it: settings, warehouse, spool and the next batch."""

    settings: Settings
    warehouse: Warehouse
    spool: Spool
    batches: Batches

    def commit(self, *outcomes: CampaignOutcome, **fields: Any) -> list[ClientResult]:
        return self.warehouse.commit(self.batches.of(*outcomes, **fields))

    def counts(self, *outcomes: CampaignOutcome) -> list[tuple[int, int, int, int]]:
        """(inserted, updated, unchanged, overlapping) of each source."""
        results = self.commit(*outcomes)
        return [(each.inserted, each.updated, each.unchanged, each.overlapping) for each in results]

    def rows(self, table: str = "calls") -> list[dict[str, Any]]:
        with duckdb.connect(str(self.settings.duckdb_path), read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            found = db.sql(f'SELECT * FROM vicidial."{table}" ORDER BY ALL').to_arrow_table()
            return list(found.to_pylist())

    def only_call(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(warehouse="duckdb", data_dir=tmp_path / "data", cycle_interval=timedelta(seconds=5))


@pytest.fixture
def desk(settings: Settings) -> Desk:
    warehouse = open_warehouse(settings)
    warehouse.prepare()
    warehouse.patient_until = utc_now() + timedelta(seconds=30)
    return Desk(settings, warehouse, Spool(settings.data_dir / "spool"), Batches())
