"""The emulator behaves as the tests of the BigQuery warehouse expect, and can be killed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from google.api_core.exceptions import BadRequest

from tests.bigquery.emulators import ROOT, Emulator
from tests.bigquery.installing import installed_emulator

MERGE = """
    MERGE {0}.calls T USING (SELECT 'a' AS k, 2 AS n UNION ALL SELECT 'b', 3) S
    ON T.k = S.k AND T.day >= DATE '2026-01-01'
    WHEN MATCHED THEN UPDATE SET n = S.n
    WHEN NOT MATCHED THEN INSERT (k, n, day) VALUES (S.k, S.n, DATE '2026-01-31');
"""
CALLS = "SELECT k, n FROM {0}.calls WHERE day >= DATE '2026-01-01' ORDER BY k"
BEFORE = [{"k": "a", "n": 1}]
AFTER = [{"k": "a", "n": 2}, {"k": "b", "n": 3}]


@pytest.fixture
def dataset(emulator: Emulator) -> str:
    """A dataset with a table that holds one row and requires a partition filter."""
    name = emulator.new_dataset()
    create(emulator, name)
    return name


def create(emulator: Emulator, dataset: str) -> None:
    emulator.rows(f"CREATE SCHEMA {dataset}")
    emulator.rows(
        f"CREATE TABLE {dataset}.calls (k STRING, n INT64, day DATE) PARTITION BY day "
        "OPTIONS (require_partition_filter = TRUE)"
    )
    emulator.rows(f"INSERT INTO {dataset}.calls VALUES ('a', 1, DATE '2026-01-31')")
    assert emulator.rows(CALLS.format(dataset)) == BEFORE


def test_a_merge_inside_a_transaction_is_committed_with_it(emulator: Emulator, dataset: str) -> None:
    emulator.rows("BEGIN TRANSACTION;" + MERGE.format(dataset) + "COMMIT TRANSACTION;")
    assert emulator.rows(CALLS.format(dataset)) == AFTER


def test_an_error_takes_back_what_its_transaction_did(emulator: Emulator, dataset: str) -> None:
    with pytest.raises(BadRequest, match="no such luck"):
        emulator.rows("BEGIN TRANSACTION;" + MERGE.format(dataset) + "RAISE USING MESSAGE = 'no such luck'")
    assert emulator.rows(CALLS.format(dataset)) == BEFORE


def test_without_a_transaction_a_merge_is_its_own(emulator: Emulator, dataset: str) -> None:
    with pytest.raises(BadRequest, match="no such luck"):
        emulator.rows(MERGE.format(dataset) + "RAISE USING MESSAGE = 'no such luck'")
    assert emulator.rows(CALLS.format(dataset)) == AFTER


def test_a_merge_that_fails_half_way_leaves_nothing(emulator: Emulator, dataset: str) -> None:
    with pytest.raises(BadRequest, match="Could not convert"):
        emulator.rows(MERGE.format(dataset).replace("VALUES (S.k, S.n,", "VALUES (S.k, CAST(S.k AS INT64),"))
    assert emulator.rows(CALLS.format(dataset)) == BEFORE


def test_a_query_without_the_partition_filter_is_refused(emulator: Emulator, dataset: str) -> None:
    with pytest.raises(BadRequest, match="without a filter over column"):
        emulator.rows(f"SELECT k, n FROM {dataset}.calls")


@pytest.mark.parametrize("condition", ["", "AND T.day = S.day", "AND S.day >= DATE '2026-01-01'"])
def test_a_merge_without_a_filter_known_beforehand_is_refused(emulator: Emulator, dataset: str, condition: str) -> None:
    with pytest.raises(BadRequest, match="without a filter over column"):
        emulator.rows(
            f"MERGE {dataset}.calls T USING (SELECT 'a' AS k, DATE '2026-01-31' AS day) S ON T.k = S.k {condition} "
            "WHEN MATCHED THEN UPDATE SET n = 2"
        )


@pytest.mark.parametrize(
    "condition", ["T.day = DATE '2026-01-31'", "T.day IN UNNEST([DATE '2026-01-31'])", "T.day BETWEEN low AND low"]
)
def test_any_comparison_known_beforehand_is_a_filter(emulator: Emulator, dataset: str, condition: str) -> None:
    emulator.rows(
        f"DECLARE low DATE DEFAULT DATE '2026-01-31'; MERGE {dataset}.calls T USING (SELECT 'a' AS k) S "
        f"ON T.k = S.k AND {condition} WHEN MATCHED THEN UPDATE SET n = 5"
    )
    assert emulator.rows(CALLS.format(dataset)) == [{"k": "a", "n": 5}]


@pytest.mark.slow
def test_what_was_committed_survives_a_kill(emulator_to_kill: Emulator) -> None:
    create(emulator_to_kill, "kept")
    url = emulator_to_kill.url
    emulator_to_kill.kill()
    emulator_to_kill.restart()
    assert emulator_to_kill.url == url
    assert emulator_to_kill.rows(CALLS.format("kept")) == BEFORE


@pytest.mark.slow
def test_an_emulator_that_cannot_start_tells_why(emulator_to_kill: Emulator, tmp_path: Path) -> None:
    second = Emulator(tmp_path / "second")
    second._port = emulator_to_kill._port
    try:
        with pytest.raises(RuntimeError, match="address already in use"):
            second.start()
    finally:
        second.stop()


@pytest.mark.slow
def test_an_emulator_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tests.bigquery.emulators import Emulator\n"
        "emulator = Emulator(Path(sys.argv[1])); emulator.start(); print(emulator.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(done.stdout)):
        assert time.monotonic() < deadline, f"process {done.stdout} is an orphan"
        time.sleep(0.05)


def test_two_who_install_at_once_share_one_installation(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(installed_emulator, [tmp_path, tmp_path])
    assert first == second
    assert (first / "local_bigquery" / "cli.py").exists()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [first.name]


def test_an_installation_is_used_again(tmp_path: Path) -> None:
    first = installed_emulator()
    os.utime(first, (1, 1))
    assert installed_emulator() == first
    assert first.stat().st_mtime == 1
