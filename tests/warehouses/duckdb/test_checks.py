"""Checks of a DuckDB file: others have it open, or its holder was killed."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from messages import Finding

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def holding(what: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Start another process that holds the file or its lease. Kill it at the end."""
    command = [sys.executable, "-m", "tests.warehouses.duckdb.other_processes", what, str(settings.data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def failed(warehouse: Warehouse) -> list[Finding]:
    return [each for each in warehouse.checks() if not each.ok]


def test_a_file_that_another_process_writes_to_is_not_waited_for_long(settings: Settings, warehouse: Warehouse) -> None:
    with holding("writer", settings) as other:
        started = time.monotonic()
        (busy,) = failed(warehouse)
        assert time.monotonic() - started < 10
    assert (busy.name, busy.unusable) == ("file", True)
    assert f"by the process {other.pid}" in busy.detail
    assert "Close that session, or set DUCKDB_READ_COPY" in busy.advice


def test_a_file_that_is_read_cannot_be_written_to_and_the_rest_is_told(
    settings: Settings, warehouse: Warehouse
) -> None:
    with holding("reader", settings) as other:
        (busy,) = failed(warehouse)
    assert (busy.name, busy.unusable) == ("change data", True)
    assert f"by the process {other.pid}" in busy.detail


def test_the_note_of_a_holder_that_was_killed_is_not_believed(settings: Settings, warehouse: Warehouse) -> None:
    with holding("lease", settings) as other:
        lease = next(each for each in warehouse.checks() if each.name == "lease")
        assert lease.detail.startswith(f"held by process {other.pid} on ")
    assert settings.duckdb_path.with_name("calls.duckdb.holder.json").exists()
    assert [each.detail for each in warehouse.checks() if each.name == "lease"] == [
        "no daemon or command holds the warehouse"
    ]


def test_a_data_folder_beside_the_file_is_not_made(settings: Settings, warehouse: Warehouse, tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(settings, data_dir=tmp_path / "other", duckdb_path=settings.duckdb_path)
    assert failed(open_warehouse(elsewhere)) == []
    assert not elsewhere.data_dir.exists()


@pytest.mark.parametrize("name", ["DUCKDB_PATH", "DATA_DIR"])
def test_a_folder_that_the_file_cannot_be_made_in_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    settings = Settings(warehouse="duckdb", data_dir=tmp_path / "data")
    changed = {"DUCKDB_PATH": {"duckdb_path": tmp_path / "file" / "calls.duckdb"},
               "DATA_DIR": {"data_dir": tmp_path / "file", "duckdb_path": tmp_path / "calls.duckdb"}}[name]  # fmt: skip
    expected = {"DUCKDB_PATH": "file", "DATA_DIR": "data folder"}[name]
    assert [each.name for each in failed(open_warehouse(dataclasses.replace(settings, **changed)))] == [expected]  # type: ignore[arg-type]
