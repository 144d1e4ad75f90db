"""A full disk in each written place: it is reported, nothing is lost, and with free space the program continues.

Small file systems need the right to mount. Without it, a limit on the size of files stands in for them
(that of the DuckDB file: tests/warehouses/duckdb).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import Program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="has no limit on the size of a file")

PAGES = 4  # of memory, which are also the blocks of a tmpfs
ROOM = 64 << 20


@contextmanager
def disk(folder: Path, size: int) -> Iterator[None]:
    """Mount a file system of this size at the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform != "linux" or not mount("size", size, folder):
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(kind: str, size: int, folder: Path) -> bool:
    option = f"{'' if kind == 'size' else 'remount,'}size={size}"
    command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Limit the size of files for processes started in the block."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_each_place_without_room_is_named_and_nothing_is_lost(
    program: Program, dialers: Dialers, tmp_path: Path
) -> None:
    dialer = dialers(calls_per_hour=40)
    database = tmp_path / "database"
    program.environment |= {"DUCKDB_PATH": str(database / "calls.duckdb")}
    with disk(database, ROOM):
        program.add_clients(("Sales", dialer.url, "1"))
        for name in ("spool", "downloads"):
            with disk(program.data / name, PAGES * os.sysconf("SC_PAGE_SIZE")):
                full = program.run("--single")
            assert f"The disk of {program.data / name} is full. Nothing is lost" in full.text
            assert "✗ Sales: 0 records (disk full)" in full.text
            assert (full.code, "Traceback" in full.text) == (1, False)
        assert mount("remount", shutil.disk_usage(database).used + (100 << 10), database)
        full = program.run("--single")
        assert f"Error: The disk of {database / 'calls.duckdb'} is full. Nothing is lost" in full.text
        assert (full.code, "Traceback" in full.text) == (3, False)
        assert mount("remount", ROOM, database)
        again = program.run("--single")
        assert again.code == 0
        legs = sum(leg.hidden is None for leg in dialer.world.legs_at(dialer.world.now))
        assert f"Sales: {legs:,} inserted" in again.text


def test_a_limit_of_files_is_said_like_a_full_disk(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=40)
    program.add_clients(("Sales", dialer.url, "1"))
    with files_no_larger_than(16 << 10):
        full = program.run("--single")
    assert f"The disk of {program.data / 'downloads'} is full. Nothing is lost" in full.text
    assert (full.code, "Traceback" in full.text) == (1, False)
    assert program.run("--single").code == 0
    assert len(program.calls()) == sum(leg.hidden is None for leg in dialer.world.legs_at(dialer.world.now))
    assert program.leftovers() == []
