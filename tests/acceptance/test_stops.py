"""Last lines of a stopped command: unforeseen errors included, and nothing beside JSON."""

import os
import subprocess
import sys

import pytest

from tests.acceptance.programs import ROOT, Program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX; Windows has its own console events")

COMMAND = """
import os, signal, sys
import click
import main

@main.cli.command("broken")
@click.option("--json", is_flag=True)
@click.pass_obj
def broken(session, json):
    session.begin()
    os.kill(os.getpid(), signal.SIGTERM)
    session.stop.wait()
    click.echo("{}")
    raise ValueError("a value")

sys.argv = ["main.py", "broken", "--json"]
main.main()
"""


def test_an_unforeseen_error_after_a_signal_is_named_and_stdout_holds_the_json_alone(program: Program) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND],
        cwd=ROOT, env=program.environment, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 143
    assert done.stdout == "{}\n"
    assert "Error: ValueError at <string>:14" in done.stderr
    assert "a value" not in done.stderr
    assert "Stopped, " in done.stderr
