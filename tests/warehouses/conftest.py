"""A warehouse of each kind for the conformance suite. All of them keep each promise."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from messages import CampaignOutcome, ClientResult
from tests.warehouses import analyst
from tests.warehouses.spool_files import Batches, Spool
from utils import utc_now

ONLY_DUCKDB = pytest.mark.parametrize("settings", ["duckdb"], indirect=True)
DUCKDB_FIRST = pytest.mark.parametrize(
    "settings", ["duckdb", pytest.param("bigquery", marks=pytest.mark.slow)], indirect=True
)
"""On BigQuery the test is slow: another test takes the same way through the statements there."""


@pytest.fixture(params=["duckdb", "bigquery"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Build the settings of a warehouse without rows. On BigQuery its tables are there already."""
    if request.param == "duckdb":
        return Settings(warehouse="duckdb", data_dir=tmp_path / "data", cycle_interval=timedelta(seconds=5))
    emulator = request.getfixturevalue("emulator")
    return Settings(
        warehouse="bigquery",
        bigquery_emulator_host=emulator.url,
        project_id=emulator.project,
        dataset_id=emulator.prepared_dataset(),
        data_dir=tmp_path / "data",
        cycle_interval=timedelta(seconds=30),
    )


@pytest.fixture
def unprepared(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Return the settings of a warehouse without tables."""
    if settings.warehouse == "duckdb":
        return settings
    return replace(settings, dataset_id=request.getfixturevalue("emulator").new_dataset())


@contextmanager
def held(settings: Settings) -> Iterator[Warehouse]:
    """A warehouse with its tables in place, held against others."""
    opened = open_warehouse(settings)
    with opened.lease():
        opened.prepare()
        opened.patient_until = utc_now() + timedelta(seconds=30)
        yield opened
    opened.close()


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with held(settings) as opened:
        yield opened


@dataclass
class Desk:
    """The means of the parent process: settings, warehouse, spool and the next batch."""

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
        """Return all rows of a table, in a fixed order."""
        return analyst.table(self.settings, table)

    def only_call(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def desk(settings: Settings, warehouse: Warehouse) -> Desk:
    batches = Batches(name=settings.dataset_id)  # BigQuery keeps the names of all jobs of a project
    return Desk(settings, warehouse, Spool(settings.data_dir / "spool"), batches)
