"""Files of the program are for their owner alone. The copy for readers is for the group of its folder too."""

import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import Program

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, which a folder hands down")


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_are_the_owners_and_the_copy_is_for_the_group_of_its_folder(program: Program, dialers: Dialers) -> None:
    shared = program.folder / "shared"
    for folder in (program.data, shared):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(shared, -1, 12345)
    (program.data / ".half.tmp").touch()
    os.utime(program.data / ".half.tmp", (1, 1))  # what a kill left half written is ours, and goes
    elsewhere = {"DUCKDB_PATH": str(shared / "calls.duckdb"), "DUCKDB_READ_COPY": str(shared / "copy.duckdb")}
    program.environment |= elsewhere | {"PHONE_MODE": "hash"}
    dialer = dialers()
    dialer.world.now = datetime.now(UTC)
    imported = program.import_clients(("Sales", dialer.url, "1"))
    assert "is for its owner alone now" in imported.text
    done = program.run("--single")
    assert done.code == 0, done.text
    assert "DATA_DIR" not in done.text.replace("DATA_DIR=", "")
    inside = [program.data, *program.data.rglob("*")]
    assert {path.name for path in inside} >= {"accounts", "key", "phone.key", "slots", "old-rows-deleted-on"}
    assert {rights(path) for path in inside if path.is_file()} == {0o600}
    assert {rights(path) for path in inside if path.is_dir()} == {0o700}
    assert (rights(shared / "calls.duckdb"), rights(shared / "copy.duckdb")) == (0o600, 0o640)
    assert (shared / "copy.duckdb").stat().st_gid == shared.stat().st_gid
    assert rights(shared / "calls.duckdb.lock") == 0o600

    program.data.chmod(0o750)
    assert "is for its owner alone now" in program.run("--single").text
    assert rights(program.data) == 0o700

    program.data.chmod(0o750)
    shared.chmod(0o705)
    (shared / "calls.duckdb").chmod(0o644)  # as an earlier version left it
    (program.data / "letter.txt").touch()
    assert f"chmod 700 {program.data}" in program.run("--single", PHONE_MODE="last4").text
    assert rights(program.data) == 0o750
    assert (rights(shared / "calls.duckdb"), rights(shared / "copy.duckdb")) == (0o600, 0o600)
