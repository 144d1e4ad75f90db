"""The whole program on BigQuery: every command as its user runs it, and the same content as in DuckDB."""

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulated_dialer import Leg, SimulatedDialer
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, Program, ProgramOnBigQuery
from tests.bigquery.emulators import Emulator
from tests.channels import channel_of_leg, channel_of_row

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program can take")


@pytest.fixture
def program(tmp_path: Path, emulator: Emulator) -> ProgramOnBigQuery:
    return ProgramOnBigQuery(tmp_path, emulator)


def rows_shown(dialer: SimulatedDialer) -> set[tuple[object, ...]]:
    """Return the current rows of the dialer's export, each with its channel."""
    legs: Iterable[Leg] = dialer.world.legs_at(dialer.world.now)
    return {
        (leg.uniqueid, leg.call_time_local, leg.status, int(leg.lead_id), *channel_of_leg(leg, dialer.world).values())
        for leg in legs
        if leg.hidden is None
    }


def rows_stored(program: Program, client: str) -> set[tuple[object, ...]]:
    found = program.rows("SELECT * FROM vicidial.calls")
    rows = [row for row in found if row["client_id"] == client]
    assert len({row["call_key"] for row in rows}) == len(rows)
    return {
        (row["uniqueid"], row["call_time_local"], row["status"] or "", int(row["lead_id"]),
         *channel_of_row(row).values())
        for row in rows
    }  # fmt: skip


@pytest.mark.slow
def test_cycles_backfills_and_clients_work_as_on_a_file(program: ProgramOnBigQuery, dialers: Dialers) -> None:
    dialer = dialers(days=3)
    rows = ("Sales", dialer.url, "1"), ("Support", dialer.url, "2", "Wr0ng-Marked-Passw0rd")
    assert "2 added" in program.import_clients(*rows).text
    assert "2 left as they were" in program.import_clients(*rows).text
    first = program.run("--single")
    assert first.code == 1
    assert "BigQuery billed: " in first.text
    assert len(program.rows("SELECT * FROM vicidial.ledger")) == 1  # one commit for all campaigns of a cycle
    assert "Support: 0 records (login rejected)" in first.text
    assert "login was rejected" in program.run("clients", "list").text
    assert program.run("clients", "retry", "Client 2").code == 0
    assert "1 changed, 1 left" in program.import_clients(rows[0], rows[1][:3]).text
    dialer.world.now += timedelta(minutes=15)
    assert program.run("--single").code == 0
    assert rows_stored(program, "1") >= {leg for leg in rows_shown(dialer) if recent(leg)}
    day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    for _ in range(2):
        assert program.run("backfill", "--from", day, "--to", day, "--campaign", "Sales").code == 0
    assert {row[1].date() for row in rows_stored(program, "1") if isinstance(row[1], datetime)} >= {
        date.fromisoformat(day)
    }
    assert program.rows("SELECT * FROM vicidial.backfills") == []
    (lease,) = program.rows("SELECT * FROM vicidial.leases")
    assert (lease["owner"], lease["expires_at"]) == (None, None)
    assert staging_tables(program) == []
    assert program.leftovers() == []


def recent(leg: tuple[object, ...]) -> bool:
    return isinstance(leg[1], datetime) and leg[1].date() >= (datetime.now(UTC) - timedelta(days=1)).date()


def staging_tables(program: ProgramOnBigQuery) -> list[str]:
    found = program.rows("SELECT table_name FROM vicidial.INFORMATION_SCHEMA.TABLES")
    return [row["table_name"] for row in found if row["table_name"].startswith("staging_")]


def test_no_password_is_in_a_job_or_a_table_but_the_credentials(program: ProgramOnBigQuery, dialers: Dialers) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    done = program.run("--single", LOG_LEVEL="DEBUG")
    assert PASSWORD not in done.text
    client = program.emulator.client()
    jobs = [str(job._properties) for job in client.list_jobs(all_users=True)]
    tables = [row["table_name"] for row in program.rows("SELECT table_name FROM vicidial.INFORMATION_SCHEMA.TABLES")]
    texts = jobs + [str(program.rows(f"SELECT * FROM vicidial.{name}")) for name in tables if name != "credentials"]
    assert len(jobs) > 5
    assert not any(PASSWORD in text for text in texts)


@pytest.mark.slow
@POSIX_ONLY
def test_the_daemon_goes_round_and_a_second_one_is_told_who_holds_it(
    program: ProgramOnBigQuery, dialers: Dialers, tmp_path: Path
) -> None:
    dialer = dialers()
    program.add_clients(("Sales", dialer.url, "1"))
    daemon = program.start(CYCLE_INTERVAL_MINUTES="0.05")
    try:
        wait_for(lambda: len(program.rows("SELECT DISTINCT run_id FROM vicidial.runs WHERE job_id = ''")) >= 2, daemon)
        elsewhere = program.run("--single", DATA_DIR=str(tmp_path / "elsewhere"))
        assert elsewhere.code == 4
        assert f"process {daemon.pid} on " in elsewhere.text
        same = program.run("--single")
        assert same.code == 4
        assert f"process {daemon.pid} on " in same.text
        assert program.run("clients", "list").code == 0
    finally:
        daemon.send_signal(signal.SIGTERM)
        text, _ = daemon.communicate(timeout=30)
    assert daemon.returncode == 143, text
    assert rows_stored(program, "1") == rows_shown(dialer) & rows_stored(program, "1") != set()
    assert program.run("--single", DATA_DIR=str(tmp_path / "elsewhere")).code == 0


@pytest.mark.slow  # the promises of a lease are tested quickly with the warehouse
def test_a_daemon_that_was_killed_is_followed_at_once_from_its_own_folder(
    program: ProgramOnBigQuery, dialers: Dialers, tmp_path: Path
) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    daemon = program.start(BIGQUERY_LEASE_SECONDS="12", BIGQUERY_JOB_TIMEOUT="11")
    wait_for(lambda: program.rows("SELECT * FROM vicidial.runs WHERE job_id = ''"), daemon)
    daemon.kill()
    daemon.communicate()
    assert program.run("--single", DATA_DIR=str(tmp_path / "elsewhere")).code == 4
    assert program.run("--single", BIGQUERY_LEASE_SECONDS="12", BIGQUERY_JOB_TIMEOUT="11").code == 0


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not try_query(condition):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.3)


def try_query(condition: Any) -> Any:
    """Its tables may not be there yet."""
    try:
        return condition()
    except Exception:  # noqa: BLE001 - whatever the emulator says of a table that is not there
        return None


OURS = {"run_id", "job_id", "source_key", "host", "salt", "fingerprint"}
OURS |= {f"{what}_at" for what in ("first_seen", "updated", "last_seen", "noticed", "read", "committed", "refused")}
"""Ids and times of a run, and what names the dialer's port, which differs between the two."""


def content(program: Program, table: str) -> list[dict[str, Any]]:
    rows = program.rows(f"SELECT * FROM vicidial.{table}")
    kept = [{name: value for name, value in row.items() if name not in OURS} for row in rows]
    return sorted(kept, key=str)


def checksum(rows: Iterable[Mapping[str, Any]]) -> str:
    texts = [[f"{name}={value}" for name, value in sorted(row.items())] for row in rows]
    return hashlib.sha256(repr(texts).encode()).hexdigest()


TROUBLES: dict[int, dict[str, Any]] = {
    2: {"truncate": 0.5, "pages": ("call_report_export.php",), "requests": 1},
    4: {"status": 500},
    6: {"reset_after": 2000, "requests": 2},
    7: {"truncate": 3, "pages": ("call_report_export.php",)},
    8: {"database_down": True, "requests": 1},
}
"""Cycle → what the dialer does in it; in the others it behaves."""


@pytest.mark.slow
def test_ten_cycles_with_trouble_give_the_same_content_in_both_warehouses(
    tmp_path: Path, emulator: Emulator, dialers: Dialers
) -> None:
    settings = {"RETRY_SECONDS": "2", "RETRY_ATTEMPTS": "2"}
    programs = Program(tmp_path / "file", **settings), ProgramOnBigQuery(tmp_path / "cloud", emulator, **settings)
    worlds = dialers(7, calls_per_hour=12), dialers(7, calls_per_hour=12)
    worlds[1].world.now = worlds[0].world.now
    for program, dialer in zip(programs, worlds, strict=True):
        program.folder.mkdir()
        wrong = ("Wrong", dialer.url, "3", "no-longer-right")
        program.add_clients(("Sales", dialer.url, "1"), ("Support", dialer.url, "2"), wrong)
    for cycle in range(10):
        for dialer in worlds:
            dialer.behave()
            dialer.misbehave(**TROUBLES.get(cycle, {}))
            dialer.world.now += timedelta(minutes=3)
        running = [program.start("--single") for program in programs]
        ended = [process.communicate(timeout=120)[0] and process.returncode for process in running]
        assert ended == [1, 1]
    for table in ("calls", "quarantine", "completeness", "accounts"):
        file, cloud = (content(program, table) for program in programs)
        assert file == cloud, table
        assert checksum(file) == checksum(cloud)
    assert len(content(programs[0], "calls")) > 300
    hours = [[row for row in content(program, "hours") if row["legs"]] for program in programs]
    assert checksum(hours[0]) == checksum(hours[1])
    assert content(programs[0], "calls_classic") == content(programs[1], "calls_classic")
