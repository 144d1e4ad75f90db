"""The file is open for a transaction only; others get in between, and a daemon holds it against a second one."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from config import Settings
from database import Warehouse, open_warehouse
from errors import WarehouseBusy, WarehouseHeld, WarehouseUnusable
from tests.warehouses.building import batch, leg, outcome, window
from tests.warehouses.looking import calls
from utils import utc_now

READER = """
import duckdb, sys
db = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parent.parent.parent


def reader_of(path: Path) -> subprocess.Popen[str]:
    """An analyst's session in another process, until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    return process


def test_a_commit_waits_for_a_reader_and_then_happens(warehouse: Warehouse, settings: Settings) -> None:
    with reader_of(settings.duckdb_path) as reader:
        threading.Timer(1, reader.kill).start()
        warehouse.commit(batch(outcome(window(settings, [leg()]))))
        assert reader.poll() is not None
    assert len(calls(settings)) == 1


def test_a_commit_gives_up_in_time_and_loses_nothing(
    warehouse: Warehouse, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = batch(outcome(window(settings, [leg()])))
    with reader_of(settings.duckdb_path) as reader:
        warehouse.patient_until = utc_now() + timedelta(seconds=1)
        with pytest.raises(WarehouseBusy, match=f"process {reader.pid}"):
            warehouse.commit(waiting)
        assert reader.stdin
        reader.stdin.close()
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert warehouse.commit(waiting)[0].inserted == 1


def test_reading_and_preparing_need_no_exclusive_access(warehouse: Warehouse, settings: Settings) -> None:
    with reader_of(settings.duckdb_path) as reader:
        warehouse.patient_until = utc_now()
        warehouse.prepare()
        assert warehouse.credential_rows() == []
        assert reader.stdin
        reader.stdin.close()


def test_a_wish_to_stop_ends_the_waiting(settings: Settings) -> None:
    open_warehouse(settings).prepare()
    impatient = open_warehouse(settings, lambda: True)
    with reader_of(settings.duckdb_path) as reader, pytest.raises(WarehouseBusy):
        impatient.commit(batch(outcome(window(settings, [leg()]))))
    assert reader.returncode is not None


def test_a_second_daemon_is_told_who_holds_the_warehouse(settings: Settings) -> None:
    refused = pytest.raises(WarehouseHeld, match=f"process {os.getpid()} on")
    with open_warehouse(settings).lease(), refused, open_warehouse(settings).lease():
        pass
    with open_warehouse(settings).lease():
        pass


def test_a_lease_ends_with_its_process_even_by_kill_9(settings: Settings) -> None:
    code = f"""
import sys, time
from pathlib import Path
from config import Settings
from database import open_warehouse
with open_warehouse(Settings(data_dir=Path({str(settings.data_dir)!r}))).lease():
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(WarehouseHeld), open_warehouse(settings).lease():
            pass
        holder.kill()
        holder.wait()
    with open_warehouse(settings).lease():
        pass


def test_a_copy_for_readers_is_put_in_place_as_a_whole(settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "calls.duckdb"
    warehouse = open_warehouse(replace(settings, duckdb_read_copy=copy))
    warehouse.prepare()
    warehouse.publish()
    warehouse.commit(batch(outcome(window(settings, [leg()]))))
    with duckdb.connect(copy, read_only=True) as reader:
        warehouse.publish()
        assert reader.sql("SELECT count(*) FROM vicidial.calls").fetchall() == [(0,)]
    with duckdb.connect(copy, read_only=True) as reader:
        assert reader.sql("SELECT count(*) FROM vicidial.calls").fetchall() == [(1,)]
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_a_file_that_is_no_database_is_refused_and_left_alone(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    settings.duckdb_path.write_bytes(b"these are my holiday pictures" * 1000)
    with pytest.raises(WarehouseUnusable):
        open_warehouse(settings).prepare()
    assert settings.duckdb_path.read_bytes().startswith(b"these are my holiday pictures")


COMMITS = """
import sys
from pathlib import Path
from config import Settings
from database import open_warehouse
from tests.warehouses.building import NOON, batch, leg, outcome, window
from datetime import timedelta
settings = Settings(data_dir=Path(sys.argv[1]))
warehouse = open_warehouse(settings)
warehouse.prepare()
start = len(warehouse.watermarks()) and int((list(warehouse.watermarks().values())[0] - NOON).total_seconds())
print("started", flush=True)
for number in range(start + 1, 100_000):
    legs = [leg(uniqueid=f"1795181335.{number}{digit}", lead_id=str(number)) for digit in range(10)]
    read_until = NOON + timedelta(seconds=number)
    warehouse.commit(batch(outcome(window(settings, legs)), read_until=read_until, batch_id=f"b{number}"))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
def test_killed_at_any_moment_rows_and_watermark_agree(settings: Settings) -> None:
    from tests.warehouses.building import NOON, SOURCE

    for round_number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", COMMITS, str(settings.data_dir)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.35 + 0.07 * round_number)
            process.send_signal(signal.SIGKILL)
        watermark = open_warehouse(settings).watermarks().get(SOURCE, NOON)
        committed = int((watermark - NOON).total_seconds())
        assert len(calls(settings)) == committed * 10
    assert committed > 0
