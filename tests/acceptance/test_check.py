"""`main.py check`, as its user and a monitoring script run it, on both warehouses."""

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from commands.check import render_json
from config import Settings
from messages import Finding
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, ROOT, Program, ProgramOnBigQuery
from tests.dialers.sources import listener


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=pytest.mark.slow)])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    if request.param == "duckdb":
        return Program(tmp_path)
    return ProgramOnBigQuery(tmp_path, request.getfixturevalue("emulator"))


@pytest.fixture
def on_duckdb(tmp_path: Path) -> Program:
    return Program(tmp_path)


def as_json(program: Program, **settings: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and object. Nothing else may be on stdout."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "check", "--json"],
        cwd=program.folder, env=program.environment | settings, capture_output=True, text=True, encoding="utf-8",
        timeout=120, check=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def failed_names(found: dict[str, Any]) -> list[str]:
    return [check["name"] for check in found["checks"] if not check["ok"]]


def test_an_empty_project_lacks_nothing_but_clients_and_stays_empty(program: Program) -> None:
    done = program.run("check")
    assert done.code == 2, done.text
    assert "DATA_DIR=" in done.text
    assert "is made by the first run" in done.text
    assert done.text.count("✗") == 1
    assert "✗ clients: No campaigns found" in done.text
    assert done.text.rstrip().endswith(" checks: 1 failed")
    assert "clients template > clients.csv" in done.text
    assert not program.data.exists()
    if isinstance(program, ProgramOnBigQuery):
        names = [each.dataset_id for each in program.emulator.client().list_datasets()]
        assert program.dataset not in names


def test_json_is_one_object_with_settings_and_checks_and_no_secret(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    dialer.world.now = datetime.now(UTC)
    assert program.import_clients(("Sales", dialer.url, "1")).code == 0
    code, found = as_json(program, LOG_LEVEL="DEBUG")
    assert (code, found["ok"], failed_names(found)) == (0, True, [])
    assert found["complete"] is True
    assert found.keys() == {"ok", "complete", "settings", "checks"}
    assert found["settings"]["DATA_DIR"] == str(program.data)
    assert found["settings"]["CYCLE_INTERVAL_MINUTES"] == "15"
    about = "campaign", "client_id", "client_name"
    assert all(check.keys() == {"name", "ok", "detail", "advice", *about} for check in found["checks"])
    assert {tuple(check[name] for name in about) for check in found["checks"]} == {
        (None, None, None), ("Sales", "1", "Client 1"),
    }  # fmt: skip
    assert any(check["detail"].endswith("credentials has 1 row") for check in found["checks"])
    shown = program.run("check", LOG_LEVEL="DEBUG").text
    assert shown.rstrip().endswith(f"{len(found['checks'])} checks: all well")
    for text in (json.dumps(found), shown):
        assert PASSWORD not in text


def test_a_daemon_that_holds_the_warehouse_is_shown_and_no_failure(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    dialer.world.now = datetime.now(UTC)
    program.add_clients(("Sales", dialer.url, "1"))
    daemon = program.start()
    assert daemon.stdout is not None
    for line in daemon.stdout:
        if "Next cycle" in line:
            break
    code, found = as_json(program)
    shown = program.run("check")
    daemon.kill()
    daemon.communicate()
    assert (code, failed_names(found), shown.code) == (0, [], 0)
    assert f"✓ lease: held by process {daemon.pid} on " in shown.text
    assert "since 20" in shown.text


def test_a_missing_account_is_told_with_what_to_do_and_ends_with_2(on_duckdb: Program) -> None:
    key = on_duckdb.folder / "key.json"
    key.write_text('{"private_key": "Marked-5ecret"}', encoding="utf-8")
    settings = {"PROJECT_ID": "my-project", "SERVICE_ACCOUNT_PATH": str(key)}
    done = on_duckdb.run("check", **settings)
    assert done.code == 2
    assert "✗ account: There is no account to use BigQuery with" in done.text
    assert "\n    Set SERVICE_ACCOUNT_PATH to the key file" in done.text
    assert "Marked-5ecret" not in done.text
    code, found = as_json(on_duckdb, **settings)
    assert (code, found["ok"], failed_names(found)) == (2, False, ["account", "clients"])
    assert "Marked-5ecret" not in json.dumps(found)


def test_a_setting_comes_before_a_folder_that_cannot_be_used(on_duckdb: Program) -> None:
    file = on_duckdb.folder / "file"
    file.write_text("x", encoding="utf-8")
    code, found = as_json(on_duckdb, DATA_DIR=str(file))
    assert (code, failed_names(found)[0]) == (3, "data folder")
    code, found = as_json(on_duckdb, DATA_DIR=str(file), PROJECT_ID="my-project", SERVICE_ACCOUNT_PATH=str(file))
    assert (code, failed_names(found)) == (2, ["data folder", "account", "clients"])


def test_a_file_that_is_no_database_ends_with_3(on_duckdb: Program) -> None:
    on_duckdb.data.mkdir()
    (on_duckdb.data / "calls.duckdb").write_text("no database" * 1000, encoding="utf-8")
    code, found = as_json(on_duckdb)
    assert (code, failed_names(found)) == (3, ["file", "clients"])


def test_a_bigquery_that_is_not_there_ends_with_3(on_duckdb: Program) -> None:
    code, found = as_json(
        on_duckdb, BIGQUERY_EMULATOR_HOST="127.0.0.1:9", PROJECT_ID="my-project", BIGQUERY_RETRY_SECONDS="2"
    )
    assert (code, failed_names(found)) == (3, ["dataset", "clients"])


def test_an_interrupted_check_is_not_complete_and_never_well(on_duckdb: Program) -> None:
    asked, over = Event(), Event()

    def keep_silent(_connection: socket.socket) -> None:
        asked.set()
        over.wait(60)

    with listener(keep_silent) as port:
        on_duckdb.add_clients(("Sales", f"http://127.0.0.1:{port}/", "1"))
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "check", "--json"], cwd=on_duckdb.folder,
            env=on_duckdb.environment | {"HTTP_TIMEOUT": "60"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="utf-8",
        )  # fmt: skip
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
        over.set()
    found = json.loads(text)
    assert (process.returncode, found["ok"], found["complete"]) == (128 + signal.SIGINT, False, False)


def test_checks_that_did_not_run_are_never_well() -> None:
    found = json.loads(render_json(Settings(), [Finding(name="file", ok=True, detail="")], complete=False))
    assert (found["ok"], found["complete"], found["checks"][0]["ok"]) == (False, False, True)


def test_help_has_examples_and_exit_codes(on_duckdb: Program) -> None:
    shown = on_duckdb.run("check", "--help").text
    for part in ("Examples:\n    python main.py check", "Exit codes", "DUCKDB_PATH", "--json", "--retry", "--client"):
        assert part in shown
