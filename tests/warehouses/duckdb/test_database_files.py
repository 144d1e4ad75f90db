"""A file has one writer or several readers, and others wait. A kill or a full disk leaves the old contents."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from config import Settings
from database import open_warehouse
from errors import CommitAbandoned, DiskFull, WarehouseBusy, WarehouseHeld, WarehouseUnusable
from messages import RunEnd
from shutdown import COMMIT_SECONDS, FAREWELL_SECONDS, Stop
from tests.acceptance.test_full_disks import disk
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import call, outcome
from utils import utc_now
from warehouses.duckdb.copies import purge_old_blocks
from warehouses.duckdb.failures import is_of_storage
from warehouses.duckdb.files import DuckDBFile
from warehouses.duckdb.warehouse import LEAST_PATIENCE, PARTING_PATIENCE, DuckDBWarehouse

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def another_process(what: str, data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process and wait until it has begun. Kill it in the end if it still runs."""
    command = [sys.executable, "-m", "tests.warehouses.duckdb.other_processes", what, str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def warehouse_with_patience(
    settings: Settings, *, least: timedelta = LEAST_PATIENCE, parting: timedelta = PARTING_PATIENCE
) -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse(settings, Stop())
    warehouse.least_patience, warehouse.parting_patience = least, parting
    return warehouse


def test_a_commit_waits_for_a_reader_and_gives_up_in_time(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    window = desk.spool.sealed(call(1))
    with another_process("reader", desk.settings.data_dir) as reader:
        warehouse = warehouse_with_patience(desk.settings, least=timedelta(seconds=1))
        warehouse.patient_until = utc_now() - timedelta(hours=1)  # the cycle has overrun its interval
        started = time.monotonic()
        with pytest.raises(
            WarehouseBusy, match=rf"calls.duckdb stayed locked for \d+ seconds by the process {reader.pid}"
        ):
            warehouse.commit(desk.batches.of(outcome(window)))
        assert time.monotonic() - started >= 1
        assert [record.message for record in caplog.records if f"held by the process {reader.pid}" in record.message]
        assert len(caplog.records) == 1
        assert desk.warehouse.reader.hours(utc_now().date()) == []  # reading goes on beside a reader
        desk.warehouse.prepare()  # nothing is to be made, nothing is written
    desk.warehouse.patient_until = utc_now() + timedelta(seconds=30)
    assert desk.counts(outcome(window)) == [(1, 0, 0, 0)]


def test_a_commit_goes_on_when_the_reader_has_left(desk: Desk) -> None:
    with another_process("reader", desk.settings.data_dir) as reader:
        subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({reader.pid}, 9)"]).wait()
        desk.warehouse.patient_until = utc_now() + timedelta(seconds=30)
        assert desk.counts(outcome(desk.spool.sealed(call(1)))) == [(1, 0, 0, 0)]


def test_what_comes_after_the_commits_waits_a_moment_only(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for_ever = replace(desk.settings, quarantine_days=0, runs_days=0)
    with another_process("reader", desk.settings.data_dir):
        warehouse = warehouse_with_patience(desk.settings, parting=timedelta(0))
        warehouse.patient_until = utc_now() + timedelta(minutes=5)
        started = time.monotonic()
        with pytest.raises(WarehouseBusy):
            warehouse.end_run(RunEnd(run_id="run", seconds=1.0, commit_seconds=0.5))
        with pytest.raises(WarehouseBusy):
            warehouse.delete_old(utc_now())
        assert warehouse_with_patience(for_ever).delete_old(utc_now()) == {}  # nothing is to be done, nothing opened
        assert time.monotonic() - started < 5
        file = DuckDBFile(desk.settings.duckdb_path, desk.settings.data_dir / "temporary", Stop())
        purge_old_blocks(file, utc_now())
        assert "What was erased is in no table" in caplog.text


def test_reading_waits_for_a_writer(desk: Desk) -> None:
    with another_process("writer", desk.settings.data_dir):
        desk.warehouse.patient_until = utc_now() + timedelta(seconds=0.5)
        with pytest.raises(WarehouseBusy):
            desk.warehouse.reader.watermarks()


def test_a_clock_that_is_set_back_while_somebody_waits_makes_it_no_longer(desk: Desk) -> None:
    times = iter([utc_now()])
    file = DuckDBFile(
        desk.settings.duckdb_path, desk.settings.data_dir / "temporary", Stop(),
        clock=lambda: next(times, utc_now() - timedelta(days=1)),
    )  # fmt: skip
    with another_process("writer", desk.settings.data_dir):
        started = time.monotonic()
        with pytest.raises(WarehouseBusy), file.reading(utc_now() + timedelta(seconds=1)):
            pass
        assert time.monotonic() - started < 30


def test_a_clock_that_was_set_back_before_makes_it_no_longer_than_a_cycle(desk: Desk) -> None:
    settings = replace(desk.settings, cycle_interval=timedelta(seconds=1))
    warehouse = DuckDBWarehouse(settings, Stop(), clock=lambda: utc_now() - timedelta(days=1))
    warehouse.patient_until = utc_now() + timedelta(seconds=1)
    with another_process("writer", desk.settings.data_dir):
        started = time.monotonic()
        with pytest.raises(WarehouseBusy):
            warehouse.reader.watermarks()
        assert time.monotonic() - started < 30


def test_who_is_asked_to_stop_waits_no_longer(desk: Desk) -> None:
    stop = Stop()
    warehouse = open_warehouse(desk.settings, stop)
    threading.Timer(0.2, stop.set).start()
    with another_process("reader", desk.settings.data_dir):
        started = time.monotonic()
        with pytest.raises(WarehouseBusy):
            warehouse.commit(desk.batches.of(outcome(desk.spool.sealed(call(1)))))
    assert time.monotonic() - started < 4  # of the five seconds of CYCLE_INTERVAL


def test_a_second_daemon_is_refused_and_told_who_holds_it(desk: Desk) -> None:
    with another_process("lease", desk.settings.data_dir) as holder:
        with (
            pytest.raises(WarehouseHeld, match=f"process {holder.pid} on .* since .*other_processes.py"),
            desk.warehouse.lease(),
        ):
            pass
        holder.kill()
        holder.wait()
        with desk.warehouse.lease():
            pass
    assert not (desk.settings.data_dir / "calls.duckdb.holder.json").exists()


def test_further_names_of_a_file_are_told_since_no_lock_can_know_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(warehouse="duckdb", data_dir=tmp_path)
    for told in ("", "has 2 names (hard links)"):
        with open_warehouse(settings).lease():
            assert told in caplog.text
            assert bool(told) == bool(caplog.text)
        if not told:
            open_warehouse(settings).prepare()
            (tmp_path / "backup.duckdb").hardlink_to(settings.duckdb_path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_file_that_is_named_by_a_link_is_held_like_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("calls.duckdb", "folder"):
        target = tmp_path / "real" / name if name == "calls.duckdb" else tmp_path / "real"
        (tmp_path / name).symlink_to(target)
    paths = [tmp_path / "calls.duckdb", tmp_path / "folder" / "calls.duckdb", tmp_path / "real" / "calls.duckdb"]
    one, *others = (Settings(data_dir=tmp_path / "data", duckdb_path=path) for path in paths)
    with open_warehouse(one).lease():
        for other in others:
            with pytest.raises(WarehouseHeld), open_warehouse(other).lease():
                pass


def test_ten_kills_leave_every_acknowledged_batch_whole(desk: Desk) -> None:
    data_dir = desk.settings.data_dir
    first = 1
    for _ in range(10):
        with another_process(str(first), data_dir) as process:
            time.sleep(first % 7 / 20)  # at any moment
            process.kill()
        acknowledged = int((data_dir / "acknowledged").read_text(encoding="ascii"))
        committed = sorted(int(row["batch_id"].removeprefix("batch-")) for row in desk.rows("ledger"))
        assert committed[-1] >= acknowledged
        runs = {row["run_id"]: row["inserted"] for row in desk.rows("runs")}
        calls = [row["run_id"] for row in desk.rows()]
        assert {f"run-{number}": 10 for number in committed} == runs == {run: calls.count(run) for run in set(calls)}
        first = committed[-1] + 1


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit on the size of a file")
def test_a_full_disk_is_named_and_leaves_what_was_there(desk: Desk) -> None:
    command = [sys.executable, "-m", "tests.warehouses.duckdb.other_processes", "full", str(desk.settings.data_dir)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("DiskFull ")
    assert "calls.duckdb" in told
    assert (desk.rows(), desk.rows("ledger")) == ([], [])
    assert desk.counts(outcome(desk.spool.sealed(call(2)))) == [(1, 0, 0, 0)]


def test_a_temporary_folder_without_room_is_named(desk: Desk) -> None:
    temporary = desk.settings.data_dir / "temporary"
    with disk(temporary, 4 << 20):
        file = DuckDBFile(desk.settings.duckdb_path, temporary, Stop())
        with pytest.raises(DiskFull, match=f"{temporary} is full"), file.writing(utc_now()) as db:
            try:
                db.execute("SET memory_limit = '32MB'")
                db.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) m FROM range(1000000) ORDER BY m")
            except duckdb.OutOfMemoryException as exc:
                assert is_of_storage(exc, temporary)
                raise
    with pytest.raises(WarehouseUnusable), file.writing(utc_now()) as db:
        db.execute("SET memory_limit = '32MB'")
        db.execute("SET max_temp_directory_size = '4MB'")
        db.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) m FROM range(1000000) ORDER BY m")


@pytest.mark.parametrize("content", [b"", b"no database" * 2000], ids=["empty", "other"])
def test_a_file_that_is_no_database_is_left_alone(settings: Settings, content: bytes) -> None:
    settings.data_dir.mkdir()
    settings.duckdb_path.write_bytes(content)
    with pytest.raises(WarehouseUnusable, match=r"calls\.duckdb.*not a DuckDB file"):
        open_warehouse(settings).prepare()
    assert settings.duckdb_path.read_bytes() == content


def of_a_newer_version(content: bytes) -> bytes:
    """The header's first eight bytes are its checksum, bytes 12 to 20 the version of the format."""
    rest = content[8:12] + (int.from_bytes(content[12:20], "little") + 1).to_bytes(8, "little") + content[20:4096]
    checksum = 5381
    for place in range(0, len(rest), 8):
        checksum ^= int.from_bytes(rest[place : place + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    return checksum.to_bytes(8, "little") + rest + content[4096:]


def damage(content: bytes) -> bytes:
    return content[:12388] + bytes(40) + content[12428:]


@pytest.mark.parametrize(("change", "words"), [(of_a_newer_version, "version number"), (damage, "Corrupt")])
def test_a_file_that_cannot_be_read_is_left_alone(desk: Desk, change: Callable[[bytes], bytes], words: str) -> None:
    path = desk.settings.duckdb_path
    changed = change(path.read_bytes())
    path.write_bytes(changed)
    for use in (desk.warehouse.prepare, desk.warehouse.reader.credential_rows, lambda: desk.commit(outcome())):
        with pytest.raises(WarehouseUnusable, match=words):
            use()
    assert path.read_bytes() == changed
    assert not path.with_name(path.name + ".wal").exists()


def test_a_commit_that_outlasts_the_grace_is_taken_back(desk: Desk) -> None:
    stop = Stop(timedelta(seconds=0.5))
    file = DuckDBFile(desk.settings.duckdb_path, desk.settings.data_dir / "temporary", stop)
    stop.set()
    with pytest.raises(CommitAbandoned), file.writing(utc_now()) as db:
        db.execute("INSERT INTO vicidial.ledger VALUES ('batch', 'run', now())")
        db.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11")
    assert 0.5 + COMMIT_SECONDS - 0.1 < stop.seconds_since < 0.5 + FAREWELL_SECONDS
    assert desk.rows("ledger") == []


def test_a_folder_that_cannot_be_made_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    nowhere = replace(settings, duckdb_path=tmp_path / "taken" / "calls.duckdb")
    with pytest.raises(WarehouseUnusable, match="taken"):
        open_warehouse(nowhere).prepare()
    with pytest.raises(WarehouseUnusable, match="taken"), open_warehouse(nowhere).lease():
        pass


def test_the_read_copy_has_what_is_committed_and_is_put_in_place_whole(desk: Desk, tmp_path: Path) -> None:
    copy = tmp_path / "readers" / "copy.duckdb"
    warehouse = open_warehouse(replace(desk.settings, duckdb_read_copy=copy))
    for number in (1, 2):
        warehouse.commit(desk.batches.of(outcome(desk.spool.sealed(call(number)))))
        warehouse.end_run(RunEnd(run_id="run", seconds=1.0, commit_seconds=0.5))
        with duckdb.connect(str(copy), read_only=True) as db:
            assert db.execute("SELECT count(*) FROM vicidial.calls").fetchall() == [(number,)]
    assert [path.name for path in copy.parent.iterdir()] == ["copy.duckdb"]


def test_a_read_copy_that_cannot_be_made_fails_nothing(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "copy.duckdb").mkdir()
    open_warehouse(replace(desk.settings, duckdb_read_copy=tmp_path / "copy.duckdb")).end_run(
        RunEnd(run_id="run", seconds=1.0, commit_seconds=0.5)
    )
    assert "stays as it is" in caplog.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.duckdb", "data"]
