"""`main.py quarantine`: unreadable records are shown safely, and read again exactly once."""

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import ROOT, ZONE, Program, ProgramOnBigQuery

DAY = (datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)).isoformat()
HEADER = (ROOT / "tests/fixtures/export_250720_extended_2.txt").read_bytes().split(b"\r\n")[0].decode()
CALL = {
    "call_date": f"{DAY} 10:00:00", "phone_number_dialed": "07001", "status": "SALE", "user": "1001",
    "full_name": "Ann", "campaign_id": "OUT1", "list_id": "101", "gmt_offset_now": "-5.00", "phone_code": "1",
    "phone_number": "07001", "length_in_sec": "30", "user_group": "AGENTS", "alt_dial": "MAIN", "rank": "0",
    "lead_id": "17", "term_reason": "AGENT", "status_name": "Sale", "wrapup_time": "5", "queue_time": "0",
    "uniqueid": "1772463600.17",
}  # fmt: skip
TORN = f"{DAY} 10:00:05\t07002345\tNI\tO'Torn M\x1b[2Jay"
REASON = "4 fields instead of 59, and their values leave doubt"


def record(**changes: str) -> str:
    values = CALL | changes
    return "\t".join(values.get(name, "") for name in HEADER.split("\t"))


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=pytest.mark.slow)])
def program(request: pytest.FixtureRequest, tmp_path: Path, dialers: Dialers) -> Program:
    """Return a program after reading a day with one call and one torn record."""
    on_bigquery = request.param == "bigquery"
    program = ProgramOnBigQuery(tmp_path, request.getfixturevalue("emulator")) if on_bigquery else Program(tmp_path)
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    dialer.answer_with("call_report_export.php", "".join(f"{line}\r\n" for line in (HEADER, record(), TORN)).encode())
    done = program.run("backfill", "--from", DAY, "--to", DAY)
    assert done.code == 0, done.text
    dialer.__exit__(None, None, None)  # from here on nobody is asked
    return program


def execute(program: Program, statement: str) -> None:
    """Change something behind the program's back."""
    if isinstance(program, ProgramOnBigQuery):
        program.rows(statement)
        return
    with duckdb.connect(program.data / "calls.duckdb") as db:
        db.execute(statement)


def keep(program: Program, name: str, changes: Mapping[str, str]) -> None:
    """Keep a record of the answer like an older parser unable to read it."""
    text = record(**changes).replace("\t", "|")
    execute(
        program,
        "INSERT INTO vicidial.quarantine (record_hash, source_key, campaign, client_id, client_name, report, reason,"
        " record, window_day, header, first_seen_at, last_seen_at, run_id)"
        f" SELECT '{name}', source_key, campaign, client_id, client_name, report, 'an older reader',"
        f" replace('{text}', '|', chr(9)), window_day, header, first_seen_at, last_seen_at, run_id"
        f" FROM vicidial.quarantine WHERE reason = '{REASON}'",
    )


def read_quarantine(program: Program) -> list[str]:
    return sorted(row["reason"] for row in program.rows("SELECT reason FROM vicidial.quarantine"))


def phones(program: Program) -> list[tuple[str, str]]:
    return sorted((row["phone"], row["status"]) for row in program.rows("SELECT phone, status FROM vicidial.calls"))


def kill_before_its_commit_ends(program: Program) -> None:
    """In DuckDB a reader holds the file, so that it cannot even begin."""
    with ExitStack() as stack:
        if not isinstance(program, ProgramOnBigQuery):
            stack.enter_context(duckdb.connect(program.data / "calls.duckdb", read_only=True))
        replay = program.start("quarantine", "replay")
        wait_for_files(program.data / "spool", replay)
        if not isinstance(program, ProgramOnBigQuery):
            assert program.run("quarantine", "replay").code == 4
        replay.kill()
        replay.communicate()


def wait_for_files(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.rglob("*.parquet")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_records_are_listed_masked_shown_whole_and_read_again_once(program: Program) -> None:
    listed = program.run("quarantine", "list", "--client", "Client 1")
    assert listed.code == 0
    assert "1 record in quarantine" in listed.text
    assert f"reason: {REASON}" in listed.text
    assert r"9999-99-99 99:99:99\t99999999\txx\tx'xxxx x\x1b[9xxx" in listed.text
    (group,) = json.loads(program.run("quarantine", "list", "--json").text)["groups"]
    shown = program.run("quarantine", "show", group["example_hash"][:8]).text
    assert r"07002345\tNI\tO'Torn M\x1b[2Jay" in shown
    assert "\x1b" not in listed.text + shown

    for command in (("list",), ("show", REASON), ("replay",)):
        nobody = program.run("quarantine", *command, "--client", "nobody")
        assert nobody.code == 2, nobody.text
        assert "No readable row of" in nobody.text
        assert "--client 'nobody'" in nobody.text

    before = program.rows("SELECT * FROM vicidial.calls")
    stays = program.run("quarantine", "replay")
    assert (stays.code, read_quarantine(program)) == (0, [REASON]), stays.text
    assert "1 record read again: 0 calls inserted" in stays.text
    assert program.rows("SELECT * FROM vicidial.calls") == before

    keep(program, "known", {"status": "INCALL", "length_in_sec": ""})
    keep(program, "new", {"phone_number_dialed": "07003", "uniqueid": "1772463600.18", "lead_id": "18"})
    kill_before_its_commit_ends(program)
    done = program.run("quarantine", "replay")
    assert done.code == 0, done.text
    assert phones(program) == [("07001", "SALE"), ("07003", "SALE")]
    assert [row for row in program.rows("SELECT * FROM vicidial.calls") if row["phone"] == "07001"] == before
    assert read_quarantine(program) == [REASON]
    after = program.rows("SELECT * FROM vicidial.calls ORDER BY phone")
    state = program.rows("SELECT * FROM vicidial.hours"), program.rows("SELECT * FROM vicidial.watermarks")
    again = program.run("quarantine", "replay")
    assert "0 calls inserted, 0 unchanged" in again.text
    assert program.rows("SELECT * FROM vicidial.calls ORDER BY phone") == after
    counts = program.rows("SELECT SUM(inserted) AS n FROM vicidial.runs WHERE job_id LIKE 'replay%'")
    assert counts == [{"n": 1}]
    assert program.leftovers() == []

    execute(program, "DELETE FROM vicidial.credentials WHERE true")
    listed = program.run("quarantine", "list", "--client", "Client 1")
    assert (listed.code, "1 record in quarantine" in listed.text) == (0, True), listed.text  # its row is gone
    orphaned = program.run("quarantine", "replay")
    assert (orphaned.code, read_quarantine(program)) == (0, [REASON])
    assert "not in the credentials table any more" in orphaned.text
    assert (program.rows("SELECT * FROM vicidial.hours"), program.rows("SELECT * FROM vicidial.watermarks")) == state
