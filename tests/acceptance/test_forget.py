"""`forget`, and PHONE_MODE: afterwards the number is in no table and in no file of the program."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import ROOT, Program

EVERYTHING = {"LOOKBACK_HOURS": "72", "INCLUDE_LEAD_FIELDS": "yes"}


def tables(file: Path) -> str:
    """Return every value of every table."""
    with duckdb.connect(file, read_only=True) as db:
        names = db.execute("SELECT table_name FROM duckdb_tables() WHERE table_name <> 'credentials'").fetchall()
        found = [db.execute(f'SELECT CAST(t AS VARCHAR) FROM vicidial."{name}" t').fetchall() for (name,) in names]
    return "\n".join(text for rows in found for (text,) in rows)


def files_with(folder: Path, *numbers: str) -> set[str]:
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {path.name for path, content in files.items() if any(number.encode() in content for number in numbers)}


def rewrite(file: Path) -> None:
    """Rewrite the file as described in docs/security.md."""
    document = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (statements,) = re.findall(r"```sql\n(ATTACH.*?)```", document, re.DOTALL)
    fresh = file.with_name("fresh.duckdb")
    with duckdb.connect() as db:
        db.execute(statements.replace("data/fresh.duckdb", str(fresh)).replace("data/calls.duckdb", str(file)))
    fresh.replace(file)


def test_a_forgotten_number_is_nowhere_and_does_not_come_back(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    copy = program.folder / "copy.duckdb"
    program.environment |= EVERYTHING | {"DUCKDB_READ_COPY": str(copy)}
    program.add_clients(("Sales", dialer.url, "1"))
    assert program.run("--single").code == 0
    (phone, calls) = max((row["phone"], row["calls"]) for row in program.rows(
        "SELECT phone, count(*) AS calls FROM vicidial.calls WHERE direction = 'inbound' GROUP BY phone"))  # fmt: skip
    before = program.rows("SELECT call_key, phone FROM vicidial.calls")
    theirs = {row["call_key"] for row in before if row["phone"] == phone}
    assert len(theirs) >= calls
    program.change(
        "INSERT INTO vicidial.quarantine BY NAME SELECT 'h' AS record_hash, source_key, campaign, client_id, report,"
        f" 'why' AS reason, 'x {phone}' AS record, today() AS window_day, now() AS first_seen_at,"
        " now() AS last_seen_at, 'run' AS run_id FROM vicidial.watermarks"
    )
    leftover = program.data / "spool" / "dead" / "0.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_text(phone, encoding="utf-8")
    assert phone in tables(copy)

    written = f"+{phone[:3]}-{phone[3:6]} {phone[6:]}\n"
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "forget", "-"], input=written, cwd=program.folder,
        env=program.environment | {"LOG_LEVEL": "DEBUG"}, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"Forgotten: {len(theirs)} call" in done.stdout
    assert "1 record deleted from the quarantine" in done.stdout
    assert phone not in done.stdout + done.stderr
    for file in (program.data / "calls.duckdb", copy):
        assert phone not in tables(file)
    assert files_with(program.folder, phone) <= {"calls.duckdb", "copy.duckdb"}  # in blocks that are free

    rewrite(program.data / "calls.duckdb")
    dialer.world.now += timedelta(minutes=15)
    again = program.run("--single")
    assert again.code == 0, again.text
    after = {row["call_key"]: row for row in program.rows("FROM vicidial.calls")}
    assert {row["call_key"] for row in before} <= set(after)
    assert {after[key]["lead_last_name"] for key in theirs} == {None}
    assert all(after[key]["row_hash"] for key in theirs)  # they have been read again
    assert phone not in tables(program.data / "calls.duckdb") + tables(copy)
    assert files_with(program.folder, phone) == set()

    (program.data / "phone.key").write_bytes(b"another key")
    assert program.run("--single").code == 2
    refused = program.run("forget", phone[:6])
    assert (refused.code, phone[:6] in refused.text) == (2, False)


@pytest.mark.skipif(os.name == "nt", reason="a terminal of our own can only be made on POSIX")
def test_on_a_terminal_it_asks_first(program: Program) -> None:
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"n\n")
        command = [sys.executable, str(ROOT / "main.py"), "forget", "5551234567"]
        asked, told = (
            subprocess.run(
                [*command, *more], stdin=theirs, cwd=program.folder, env=program.environment, stdout=subprocess.PIPE,
                text=True, encoding="utf-8", check=False,
            )
            for more in ([], ["--yes"])
        )  # fmt: skip
        assert "come back only if" in asked.stdout
        assert "Forgotten" not in asked.stdout
        assert "Nothing was erased." in asked.stdout
        assert asked.returncode == 0
        assert "Forgotten: 0 calls" in told.stdout
        assert "Nothing was stored under that number" in told.stdout
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("mode", ["hash", pytest.param("last4", marks=pytest.mark.slow)])
def test_a_number_that_is_not_stored_in_full_is_nowhere(program: Program, dialers: Dialers, mode: str) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    assert program.run("--single", PHONE_MODE=mode).code == 0
    numbers = {leg.phone for leg in dialer.world.legs_at(dialer.world.now) if len(leg.phone) >= 7}
    shown = tables(program.data / "calls.duckdb")
    stored = [row["phone"] for row in program.rows("FROM vicidial.calls")]
    assert {len(phone) for phone in stored} == {4 if mode == "last4" else 32}
    assert len(numbers) > 20
    assert not any(number in shown for number in numbers)
    assert files_with(program.data, *numbers) == set()


def test_who_holds_the_warehouse_is_to_be_stopped_first(program: Program, dialers: Dialers) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    daemon = program.start()
    try:
        while not (program.data / "calls.duckdb.holder.json").exists():
            assert daemon.poll() is None
        done = program.run("forget", "5551234567")
        assert done.code == 4
        assert f"process {daemon.pid}" in done.text
    finally:
        daemon.kill()
        daemon.communicate()
