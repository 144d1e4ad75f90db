"""Rows keep any name of a client or campaign exactly, and nothing else is affected."""

import re
from pathlib import Path

import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import Program, ProgramOnBigQuery

NAMES = (
    "..", "CON", "nul", "NUL", "a/b\\c", "A/B\\C", "O'Neil \"&\" `Söhne`'); DROP TABLE calls; -- @p ? $1",
    "🙂 %s {0} ${HOME} [/red] *", "line\nfeed\r\nand\ttab\u2028end", "\x1b[31mred\x1b]0;title\x07", "\u202etxt.exe",
    "x" * 300, "x" * 299 + "y", "zero\0byte",
)  # fmt: skip
LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (DEBUG|INFO|WARNING|ERROR) - .+")


@pytest.fixture(params=["duckdb", pytest.param("bigquery", marks=pytest.mark.slow)])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    if request.param == "duckdb":
        return Program(tmp_path)
    return ProgramOnBigQuery(tmp_path, request.getfixturevalue("emulator"))


def test_any_name_is_in_the_rows_and_harms_nothing_else(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=1)
    texts = [program.import_clients(*((name, dialer.url, name) for name in NAMES)).text]
    assert f"{len(NAMES)} added" in texts[0]
    done = program.run("--single", MAX_CAMPAIGN_PROCESSES="1", LOG_LEVEL="DEBUG")
    assert done.code == 0, done.text
    log = done.text.partition("====")[0].splitlines()
    assert [line for line in log if not LOGGED.fullmatch(line)] == []

    expected = {(name, name, f"Client {name}") for name in NAMES}
    for table in ("calls", "runs"):
        found = program.rows(f"SELECT DISTINCT campaign, client_id, client_name FROM vicidial.{table}")
        assert {tuple(row.values()) for row in found} >= expected, table
    counts = program.rows("SELECT COUNT(*) AS calls FROM vicidial.calls GROUP BY client_id, campaign")
    assert len(counts) == len(NAMES)
    assert len({row["calls"] for row in counts}) == 1

    listed = program.run("clients", "list").text
    assert len(listed.splitlines()) == len(NAMES) + 1
    for text in (*texts, done.text, listed):
        assert [line for line in text.splitlines() if not line.isprintable()] == []
    for path in program.data.rglob("*"):
        assert re.fullmatch(r"[-.\w]+", path.name, re.ASCII), path
        assert not re.search(r"con\b|nul\b|neil|xxx", path.name, re.IGNORECASE), path
    assert program.leftovers() == []
