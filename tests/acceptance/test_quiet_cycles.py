"""A quiet cycle is cheap for the warehouse: few openings of a DuckDB file, few queries in BigQuery."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from config import Settings
from credentials.rows import source_key
from database import Warehouse, open_warehouse
from engine.retention import NOTE
from engine.run_results import RunResult
from main import run_cycle
from simulated_dialer import SimulatedDialer
from tables import CREDENTIALS
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.bigquery.emulators import Emulator
from tests.bigquery.proxy import FaultProxy
from utils import utc_now


def add_client(warehouse: Warehouse, dialer: SimulatedDialer) -> None:
    row: dict[str, str | None] = dict.fromkeys(CREDENTIALS.names)
    row |= {"campaign": "Sales", "client_id": "1", "client_name": "one", "timezone": ZONE}
    row |= {"url": dialer.url, "username": USER, "password": PASSWORD}
    warehouse.put_credential_rows([{**row, "source_key": source_key(row)}], source_key)


def run_twice(settings: Settings, dialer: SimulatedDialer, before_second: Callable[[], None]) -> RunResult:
    """Run a first cycle and a quiet one, and return the result of the quiet one."""
    settings.data_dir.mkdir()
    warehouse = open_warehouse(settings)
    with warehouse.lease():
        warehouse.prepare()
        add_client(warehouse, dialer)
        assert run_cycle(warehouse, settings, utc_now(), threading.Event()).all_well
        assert (settings.data_dir / NOTE).exists()  # old rows are deleted once a day, which is no quiet cycle
        before_second()
        quiet = run_cycle(warehouse, settings, utc_now(), threading.Event())
    warehouse.close()
    return quiet


def test_a_quiet_cycle_opens_the_file_to_read_to_commit_and_to_end(
    tmp_path: Path, dialers: Dialers, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(warehouse="duckdb", data_dir=tmp_path / "data", first_run_days=1)
    with caplog.at_level(logging.DEBUG, "warehouses.duckdb.files"):
        result = run_twice(settings, dialers(), caplog.clear)
    assert result.all_well
    opened = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Opened ")]
    assert opened == [f"Opened calls.duckdb to {purpose}" for purpose in ("read", "write", "write")]


def test_a_quiet_cycle_sends_bigquery_the_queries_of_hours_commit_and_end(
    tmp_path: Path, dialers: Dialers, emulator: Emulator, proxy: FaultProxy
) -> None:
    settings = Settings(
        warehouse="bigquery", bigquery_emulator_host=proxy.url, project_id=emulator.project, first_run_days=1,
        dataset_id=emulator.new_dataset(), data_dir=tmp_path / "data",
    )  # fmt: skip
    assert run_twice(settings, dialers(), proxy.clear).all_well
    kinds = [seen.kind for seen in proxy.seen]
    of_lease = [seen for seen in proxy.seen if (seen.statement or "").startswith("UPDATE")]  # renewed, given back
    assert (kinds.count("query") - len(of_lease), kinds.count("start_upload")) == (3, 1)
    assert kinds.count("rows") == 4  # credentials, watermarks, refused accounts and forgotten numbers cost nothing


def test_readers_get_in_while_reads_share_an_opening_and_writers_after_it(tmp_path: Path) -> None:
    settings = Settings(warehouse="duckdb", data_dir=tmp_path / "data")
    warehouse = open_warehouse(settings)
    with warehouse.lease():
        warehouse.prepare()
        with warehouse.reader.read_together():
            assert warehouse.reader.watermarks() == {}
            assert session_of_an_analyst(settings, read_only=True) == 0
            assert session_of_an_analyst(settings, read_only=False) != 0
            warehouse.end_backfill("one")
            assert warehouse.reader.account_refusals() == []
        assert session_of_an_analyst(settings, read_only=False) == 0


def session_of_an_analyst(settings: Settings, *, read_only: bool) -> int:
    """Return the exit code of another process opening the file."""
    code = f"import duckdb; duckdb.connect({str(settings.duckdb_path)!r}, read_only={read_only}).execute('SELECT 1')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
