"""A warehouse of each kind for the conformance suite: a promise is kept by all of them or it is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from messages import CampaignOutcome, ClientResult
from tests.warehouses import looking
from tests.warehouses.spool_files import Batches, Spool
from utils import utc_now


@pytest.fixture(params=["duckdb", "bigquery"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of a warehouse that has nothing in it yet."""
    if request.param == "duckdb":
        return Settings(warehouse="duckdb", data_dir=tmp_path / "data", cycle_interval=timedelta(seconds=5))
    emulator = request.getfixturevalue("emulator")
    return Settings(
        warehouse="bigquery",
        bigquery_emulator_host=emulator.url,
        project_id=emulator.project,
        dataset_id=emulator.new_dataset(),
        data_dir=tmp_path / "data",
        cycle_interval=timedelta(seconds=30),
    )


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
        """All rows of a table, in a fixed order."""
        return looking.table(self.settings, table)

    def only_call(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def desk(settings: Settings, warehouse: Warehouse) -> Desk:
    batches = Batches(name=settings.dataset_id)  # BigQuery keeps the names of all jobs of a project
    return Desk(settings, warehouse, Spool(settings.data_dir / "spool"), batches)
