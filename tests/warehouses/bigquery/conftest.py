"""A BigQuery warehouse behind the proxy that breaks requests, with limits that a test can wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from tests.bigquery.emulators import Emulator
from tests.bigquery.proxy import FaultProxy, When
from tests.bigquery.request_kinds import Kind
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import Batches, Spool
from utils import utc_now

PATIENCE = timedelta(seconds=60)
PATIENT: dict[str, Any] = {
    "bigquery_request_timeout": PATIENCE,
    "bigquery_job_timeout": PATIENCE,
    "bigquery_retry": PATIENCE,
}
"""Limits for tests without a slow request. A busy machine keeps to them as well."""


def brief(emulator: Emulator, data_dir: Path, through: FaultProxy | None = None, **changed: Any) -> Settings:
    """Build settings with limits of a few seconds. Their dataset has its tables already."""
    known: dict[str, Any] = {
        "warehouse": "bigquery",
        "bigquery_emulator_host": through.url if through else emulator.url,
        "project_id": emulator.project,
        "dataset_id": changed.get("dataset_id") or emulator.prepared_dataset(),
        "data_dir": data_dir,
        "bigquery_request_timeout": timedelta(seconds=3),
        "bigquery_job_timeout": timedelta(seconds=10),
        "bigquery_retry": timedelta(seconds=4),
        "shutdown_grace": timedelta(seconds=1),
        "cycle_interval": PATIENCE,
    }
    return Settings(**known | changed)


def asks(kind: Kind, job: str = "", path: str = "", statement: str = "") -> When:
    """Match requests by kind, prefix of the job id, end of the path, and a part of the statement."""
    return lambda seen: (
        seen.kind == kind
        and (seen.job_id or "").startswith(job)
        and seen.path.endswith(path)
        and statement in (seen.statement or "")
    )


@contextmanager
def holding(settings: Settings) -> Iterator[Warehouse]:
    """Hold the lease of a warehouse with its tables in place."""
    opened = open_warehouse(settings)
    try:
        with opened.lease():
            opened.prepare()
            opened.patient_until = utc_now() + PATIENCE
            yield opened
    finally:
        opened.close()


def desk_of(settings: Settings, warehouse: Warehouse, emulator: Emulator) -> Desk:
    """Return a desk whose own looks at the tables go past the proxy."""
    looking = replace(settings, bigquery_emulator_host=emulator.url)
    return Desk(looking, warehouse, Spool(settings.data_dir / "spool"), Batches(name=settings.dataset_id))


@pytest.fixture
def settings(emulator: Emulator, proxy: FaultProxy, tmp_path: Path) -> Settings:
    return brief(emulator, tmp_path / "data", proxy)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    with holding(settings) as opened:
        yield opened


@pytest.fixture
def desk(settings: Settings, warehouse: Warehouse, emulator: Emulator) -> Desk:
    return desk_of(settings, warehouse, emulator)
