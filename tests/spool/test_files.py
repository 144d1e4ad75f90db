"""The spool: what a killed worker had sealed is found again, and nothing that was not."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from config import Settings
from messages import SealedWindow, SourceIdentity, SpoolFile, Window
from simulated_dialer import SimulatedDialer
from spool.files import (
    WindowSpool,
    recover_windows,
    remove_files,
    remove_leftovers,
    remove_run,
    spool_directory,
)
from tables import QUARANTINE_COLUMNS, arrow_schema, spool_columns
from tests.dialers.sources import (
    BEST,
    EXPORT,
    count_exports,
    day_window,
    quick,
    source,
    wait_until,
)
from tests.reading.jobs import job_of, only_window, read, rows, visible
from utils import utc_now

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path, http_timeout=20, request_timeout=20)


def sealed(window: Window) -> SealedWindow:
    return SealedWindow(
        source=SourceIdentity(BEST.key, "Sales", "C1", "Client 1"), report=BEST.report, timezone="UTC",
        window=window, read_at=utc_now(),
    )  # fmt: skip


def one_row(schema: pa.Schema) -> pa.Table:
    return pa.table({field.name: pa.nulls(1, field.type) for field in schema})


def test_what_a_killed_worker_had_sealed_is_found_again(
    dialer: SimulatedDialer, settings: Settings, tmp_path: Path
) -> None:
    windows = [day_window(8, 11), day_window(12, 20), day_window(21, 23)]
    job = job_of(dialer, (source(dialer), windows))
    (tmp_path / "job").write_bytes(pickle.dumps((job, settings)))
    dialer.misbehave(hang=True, pages=(EXPORT,))
    dialer.misbehave(pages=(EXPORT,), requests=2)
    command = [sys.executable, "-m", "tests.reading.worker", str(tmp_path / "job")]
    with subprocess.Popen(command, cwd=ROOT) as worker:
        wait_until(lambda: count_exports(dialer) == 3)
        worker.kill()
    found = recover_windows(settings.data_dir, job)
    assert [window.window for window in found] == windows[:2]
    assert len(rows(*found)) == sum(window.rows for window in found) == visible(dialer)
    assert recover_windows(settings.data_dir, replace(job, job_id="0001")) == ()
    assert recover_windows(settings.data_dir, replace(job, run_id="another")) == ()
    assert remove_leftovers(settings.data_dir) >= 4


def test_a_window_counts_only_once_it_is_sealed(tmp_path: Path) -> None:
    job = job_of(None)
    spool = WindowSpool(spool_directory(tmp_path, "run"), "0000-0000-1", lead_fields=False)
    spool.write_quarantine([dict.fromkeys(column.name for column in QUARANTINE_COLUMNS)])
    assert recover_windows(tmp_path, job) == ()
    spool.seal(sealed(day_window()))
    assert [window.window for window in recover_windows(tmp_path, job)] == [day_window()]
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("change", [lambda seal: seal[:-9], lambda seal: b"", lambda seal: pickle.dumps("anything")])
def test_a_damaged_seal_is_no_seal(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    spool = WindowSpool(spool_directory(tmp_path, "run"), "0000-0000-1", lead_fields=False)
    spool.seal(sealed(day_window()))
    (path,) = tmp_path.rglob("*.sealed")
    path.write_bytes(change(path.read_bytes()))
    assert recover_windows(tmp_path, job_of(None)) == ()


def test_a_seal_that_names_files_of_another_folder_is_no_seal(tmp_path: Path) -> None:
    spool = WindowSpool(spool_directory(tmp_path, "run"), "0000-0000-1", lead_fields=False)
    stranger = SpoolFile(path=str(tmp_path / "elsewhere.parquet"), rows=1)
    spool.seal(replace(sealed(day_window()), call_files=(stranger,)))
    assert recover_windows(tmp_path, job_of(None)) == ()


@pytest.mark.skipif(sys.platform == "win32", reason="rights of a folder are others there")
@pytest.mark.parametrize("folder", [".", "spool", "spool/run"])
def test_nothing_is_taken_from_a_folder_that_others_can_change(tmp_path: Path, folder: str) -> None:
    spool = WindowSpool(spool_directory(tmp_path, "run"), "0000-0000-1", lead_fields=False)
    spool.seal(sealed(day_window()))
    assert len(recover_windows(tmp_path, job_of(None))) == 1
    (tmp_path / folder).chmod(0o777)
    assert recover_windows(tmp_path, job_of(None)) == ()


def test_files_hold_the_columns_of_the_tables_and_none_is_written_for_nothing(tmp_path: Path) -> None:
    schema = arrow_schema(spool_columns(lead_fields=True))
    nothing = schema.empty_table()
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
    spool.write_quarantine([dict.fromkeys(column.name for column in QUARANTINE_COLUMNS)])
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
