"""The spool: what a killed worker had sealed is found again, and nothing that was not."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from config import Settings
from messages import SealedWindow, Window
from simulated_dialer import Rates, SimulatedDialer
from spools.files import (
    WindowSpool,
    recovered,
    remove_files,
    remove_leftovers,
    remove_run,
    spool_directory,
)
from tables import QUARANTINE_COLUMNS, arrow_schema, spooled_columns
from tests.dialers.sources import (
    BEST,
    EXPORT,
    REPORT,
    day_window,
    exports_asked,
    quick,
    small_world,
    source,
    wait_until,
)
from tests.spools.jobs import job_of, only_window, read, rows, visible
from utils import utc_now

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path, http_timeout=20, request_timeout=20)


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[REPORT]) as dialer:
        yield dialer


def sealed(window: Window) -> SealedWindow:
    return SealedWindow(
        source_key=BEST.source_key, campaign="Sales", client_id="C1", client_name="Client 1",
        report=BEST.report, timezone="UTC", window=window, read_at=utc_now(),
    )  # fmt: skip


def one_row(schema: pa.Schema) -> pd.DataFrame:
    table = pa.table({field.name: pa.nulls(1, field.type) for field in schema})
    return pd.DataFrame(table.to_pandas(types_mapper=pd.ArrowDtype))


def test_what_a_killed_worker_had_sealed_is_found_again(
    dialer: SimulatedDialer, settings: Settings, tmp_path: Path
) -> None:
    windows = [day_window(8, 11), day_window(12, 20), day_window(21, 23)]
    job = job_of(dialer, (source(dialer), windows))
    (tmp_path / "job").write_bytes(pickle.dumps((job, settings)))
    dialer.misbehave(hang=True, pages=(EXPORT,))
    dialer.misbehave(pages=(EXPORT,), requests=2)
    command = [sys.executable, "-m", "tests.spools.worker", str(tmp_path / "job")]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        wait_until(lambda: exports_asked(dialer) == 3)
        worker.kill()
    found = recovered(settings.data_dir, job)
    assert [window.window for window in found] == windows[:2]
    assert len(rows(*found)) == sum(window.rows for window in found) == visible(dialer)
    assert recovered(settings.data_dir, replace(job, job_id="0001")) == ()
    assert recovered(settings.data_dir, replace(job, run_id="another")) == ()
    assert remove_leftovers(settings.data_dir) >= 4


def test_a_window_counts_only_once_it_is_sealed(tmp_path: Path) -> None:
    job = job_of(None)
    spool = WindowSpool(spool_directory(tmp_path, "run"), "0000-0000-1", lead_fields=False)
    spool.write_quarantine([one_row(arrow_schema(QUARANTINE_COLUMNS))])
    assert recovered(tmp_path, job) == ()
    spool.seal(sealed(day_window()))
    assert [window.window for window in recovered(tmp_path, job)] == [day_window()]
    assert not list(tmp_path.rglob("*.tmp"))


def test_files_hold_the_columns_of_the_tables_and_none_is_written_for_nothing(tmp_path: Path) -> None:
    schema = arrow_schema(spooled_columns(lead_fields=True))
    nothing = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
    spool = WindowSpool(tmp_path, "0000-0000-1", lead_fields=True)
    spool.write_calls([nothing, nothing])
    spool.write_calls([])
    assert list(tmp_path.iterdir()) == []
    row = one_row(schema)
    spool.write_calls([row, nothing, row])
    spool.write_calls([row])
    assert [(Path(file.path).name, file.rows) for file in spool.call_files] == [
        ("0000-0000-1-calls-0.parquet", 2),
        ("0000-0000-1-calls-1.parquet", 1),
    ]
    assert pa.parquet.read_schema(spool.call_files[0].path).remove_metadata() == schema.remove_metadata()


def test_a_discarded_answer_leaves_no_file(tmp_path: Path) -> None:
    spool = WindowSpool(tmp_path, "0000-0000-1", lead_fields=False)
    spool.write_quarantine([one_row(arrow_schema(QUARANTINE_COLUMNS))])
    spool.discard()
    spool.discard()
    assert list(tmp_path.iterdir()) == []


def test_after_a_commit_the_files_of_its_windows_go_and_at_the_end_the_run(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    outcome = read(dialer, source(dialer), settings)
    window = only_window(outcome)
    assert all(Path(file.path).exists() for file in window.call_files)
    remove_files(outcome.sealed)
    remove_files(outcome.sealed)
    assert not any(Path(file.path).exists() for file in window.call_files)
    for run in ("run", "other"):  # what a killed worker leaves
        (settings.data_dir / "downloads" / f"{run}-0000-0000-1.download").write_bytes(b"x")
    remove_run(settings.data_dir, "run")
    remove_run(settings.data_dir, "run")
    assert list((settings.data_dir / "spool").iterdir()) == []
    assert [path.name for path in (settings.data_dir / "downloads").iterdir()] == ["other-0000-0000-1.download"]


def test_leftovers_are_counted_and_removed_and_the_rest_is_kept(settings: Settings) -> None:
    assert remove_leftovers(settings.data_dir) == 0
    for name in ("spool/run/0000.parquet", "spool/run/0000.sealed", "downloads/x.download"):
        path = settings.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    assert remove_leftovers(settings.data_dir) == 3
    assert [path.name for path in settings.data_dir.iterdir()] == ["accounts"]


def test_what_a_kill_left_half_written_goes_and_what_is_being_written_stays(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "readers" / "copy.duckdb"
    copy.parent.mkdir()
    halves = [
        settings.data_dir / ".a1.tmp",
        settings.data_dir / "accounts" / ".b2.tmp",
        copy.with_name(".copy.duckdb.tmp"),
    ]
    others = [settings.data_dir / "x.tmp", settings.data_dir / ".c3.tmp", copy.with_name(".other.tmp")]
    for path in (*halves, *others):
        path.touch()
        if path.name != ".c3.tmp":
            os.utime(path, (1, 1))
    assert remove_leftovers(settings.data_dir, copy) == 3
    assert [path.exists() for path in (*halves, *others)] == [False] * 3 + [True] * 3
