"""The file is open for a transaction only. Others get in between, and a daemon holds it against a second one."""

import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from errors import WarehouseHeld
from utils import utc_now

READER = """
import duckdb, sys
db = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[3]


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


def test_reading_and_preparing_need_no_exclusive_access(warehouse: Warehouse, settings: Settings) -> None:
    with reader_of(settings.duckdb_path) as reader:
        warehouse.patient_until = utc_now()
        warehouse.prepare()
        assert warehouse.reader.credential_rows() == []
        assert reader.stdin
        reader.stdin.close()


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
