"""Reading does not depend on the output: none, a closed one, or a full disk."""

import os
import signal
import subprocess
import sys

import duckdb
import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import ROOT, Program
from tests.dialers.sources import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell that closes what a program inherits")
REDIRECTIONS = {"none": ">&- 2>&-", "none at all": "<&- >&- 2>&-", "full": ">/dev/full 2>&1", "gone": "| true"}


@pytest.fixture
def listed(program: Program, dialers: Dialers) -> Program:
    done = program.import_clients(("Sales", dialers().url, "1"))
    assert done.code == 0, done.text
    return program


def shell(program: Program, command: str, redirection: str) -> "subprocess.Popen[str]":
    line = f"exec '{sys.executable}' '{ROOT / 'main.py'}' {command} {redirection}"
    if redirection.startswith("|"):
        line = f"set -o pipefail; {line.removeprefix('exec ')}"
    return subprocess.Popen(
        ["bash", "-c", line], cwd=program.folder, text=True,
        env=program.environment | ({} if command else {"CYCLE_INTERVAL_MINUTES": "0.05"}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "redirection", ["none", *(pytest.param(name, marks=pytest.mark.slow) for name in REDIRECTIONS if name != "none")]
)
def test_a_run_without_a_listener_reads_and_ends_well(listed: Program, redirection: str) -> None:
    process = shell(listed, "--single", REDIRECTIONS[redirection])
    _, errors = process.communicate(timeout=120)
    assert listed.calls()
    assert (process.returncode, errors) == (listed.run("--single").code, "")


@pytest.mark.parametrize("redirection", ["full", pytest.param("none", marks=pytest.mark.slow)])
def test_a_daemon_without_a_listener_goes_on(listed: Program, redirection: str) -> None:
    process = shell(listed, "", REDIRECTIONS[redirection])
    try:
        wait_until(lambda: _cycles(listed) > 1, 60)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143


def _cycles(program: Program) -> int:
    try:
        return len(program.rows("SELECT DISTINCT run_id FROM vicidial.runs"))
    except duckdb.Error:  # the daemon holds the file at this moment
        return 0


@pytest.mark.parametrize(("redirection", "told"), [(">/dev/full", "No space left"), (">&-", "")])
@pytest.mark.parametrize(
    "command", ["status", *(pytest.param(name, marks=pytest.mark.slow) for name in ("clients list", "check"))]
)
def test_a_command_that_cannot_print_says_so_and_blames_nothing_else(
    listed: Program, command: str, redirection: str, told: str
) -> None:
    process = shell(listed, command, redirection)
    _, errors = process.communicate(timeout=120)
    assert told in errors
    assert "Traceback" not in errors
    assert process.returncode in ((1,) if told else (0, 1))
