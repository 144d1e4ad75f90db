"""Settings: defaults in config.py ← .env ← environment; every problem is told at once, with where it was set."""

import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import NAMES, SETTINGS, Settings
from errors import SettingsInvalid

ROOT = Path(__file__).resolve().parent.parent


def settings(*files: Path, **environ: str) -> Settings:
    return Settings.from_env(environ, files)


def test_defaults_are_those_of_the_tradition() -> None:
    made = settings()
    assert (made.max_campaign_processes, made.process_timeout) == (4, timedelta(hours=1))
    assert (made.concurrent_requests, made.db_batch_size, made.cycle_interval) == (10, 10, timedelta(minutes=15))
    assert (made.dataset_id, made.credentials_table, made.output_table) == ("vicidial", "credentials", "calls")
    assert (made.settle_days, made.max_connections_per_host, made.lookback) == (3, 2, timedelta(hours=6))
    assert (made.data_dir, made.duckdb_path) == (ROOT / "data", ROOT / "data" / "calls.duckdb")


def test_the_environment_overrides_the_later_file_which_overrides_the_earlier(tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    first.write_text("BATCH_SIZE=1\nDB_BATCH_SIZE=1\nSETTLE_DAYS=1\n", encoding="utf-8")
    second.write_text("DB_BATCH_SIZE=2\nSETTLE_DAYS=2\nBATCH_SIZE=\n", encoding="utf-8")
    made = settings(first, second, SETTLE_DAYS="5")
    assert (made.batch_size, made.db_batch_size, made.settle_days) == (1, 2, 5)
    assert made.origins["SETTLE_DAYS"] == "environment"
    assert made.origins["DB_BATCH_SIZE"] == str(second)


def test_an_edited_constant_at_the_top_is_what_counts(tmp_path: Path) -> None:
    for name in ("config.py", "errors.py", "tables.py", "utils.py"):
        shutil.copy(ROOT / name, tmp_path)
    text = (tmp_path / "config.py").read_text(encoding="utf-8")
    assert "\nMAX_CAMPAIGN_PROCESSES = 4 " in text
    edited = text.replace("\nMAX_CAMPAIGN_PROCESSES = 4 ", "\nMAX_CAMPAIGN_PROCESSES = 2 ")
    (tmp_path / "config.py").write_text(edited, encoding="utf-8")
    code = "from config import Settings; print(Settings.from_env({}).max_campaign_processes)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PROCESS_TIMEOUT=soon\n", encoding="utf-8")
    with pytest.raises(SettingsInvalid) as told:
        settings(file, BATCH_SIZE="0", LOG_LEVEL="loud", DEFAULT_TIMEZONE="Mars/Olympus", WAREHOUSE="excel")
    for part in (
        "BATCH_SIZE=0 (environment)",
        "1 to 1000000",
        f"PROCESS_TIMEOUT=soon ({file})",
        "loud",
        "Mars",
        "excel",
    ):
        assert part in str(told.value)


@pytest.mark.parametrize("slip", ["MAX_CAMPAIN_PROCESSES", "BATCHSIZE", "DATA_DRI", "max_campaign_process"])
def test_a_name_that_is_nearly_ours_is_told(slip: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"is \w+ meant"):
        settings(**{slip: "2"})


def test_other_programs_variables_are_left_alone() -> None:
    settings(PATH="/bin", HTTP_PROXY="http://p", DATASET="x", PROJECT="y", PGCONNECT_TIMEOUT="3", LANG="C", DATA="z")


@pytest.mark.parametrize(
    ("environ", "kind", "reason"),
    [
        ({}, "duckdb", "neither"),
        ({"PROJECT_ID": "my-project"}, "bigquery", "PROJECT_ID"),
        ({"SERVICE_ACCOUNT_PATH": "key.json"}, "bigquery", "SERVICE_ACCOUNT_PATH"),
        ({"PROJECT_ID": "my-project", "WAREHOUSE": "duckdb"}, "duckdb", "WAREHOUSE"),
    ],
)
def test_the_warehouse_follows_from_what_is_set(environ: dict[str, str], kind: str, reason: str) -> None:
    made = settings(**environ)
    assert made.warehouse == kind
    assert made.warehouse_reason.startswith(reason)


@pytest.mark.parametrize("name", ["watermarks", "LEDGER", "credentials"])
def test_the_output_table_cannot_take_the_name_of_another(name: str) -> None:
    with pytest.raises(SettingsInvalid, match="OUTPUT_TABLE"):
        settings(OUTPUT_TABLE=name)


def test_settings_cross_to_a_worker() -> None:
    made = replace(settings(), batch_size=7)
    assert pickle.loads(pickle.dumps(made)) == made


@given(st.sampled_from(NAMES), st.text(st.characters(exclude_characters="\0"), max_size=40))
def test_any_text_is_taken_or_named(name: str, text: str) -> None:
    try:
        settings(**{name: text})
    except SettingsInvalid as told:
        assert name in str(told)


def test_the_document_and_the_example_list_every_setting_with_its_default() -> None:
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for known in SETTINGS:
        assert f"| {known.name} | {known.default or 'empty'} | {known.allowed} | {known.description} |" in document
        assert f"\n# {known.name}={known.default}\n" in example
    assert document.count("\n| ") == len(SETTINGS) + 2
