"""Settings: defaults in config.py ← .env ← environment. All problems are reported together, each with its origin."""

import os
import pickle
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
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


def copy_program(folder: Path, edit: tuple[str, str] = ("", "")) -> Path:
    folder.mkdir()
    for name in ("config.py", "tables.py", "utils.py"):
        shutil.copy(ROOT / name, folder)
    for room in ("errors", "settings"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "config.py").read_text(encoding="utf-8")
    assert edit[0] in text
    (folder / "config.py").write_text(text.replace(*edit, 1), encoding="utf-8")
    return folder


def said_by(program: Path, expression: str, cwd: Path) -> str:
    code = (
        f"from config import Settings, SettingsInvalid\ntry: print({expression})\nexcept SettingsInvalid as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env={**os.environ, "PYTHONPATH": str(program), "PYTHONUTF8": "1"},
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout.strip()


def test_an_edited_default_is_used(tmp_path: Path) -> None:
    program = copy_program(tmp_path / "program", ('"MAX_CAMPAIGN_PROCESSES", 4,', '"MAX_CAMPAIGN_PROCESSES", 2,'))
    assert said_by(program, "Settings.from_env({}).max_campaign_processes", tmp_path) == "2"
    assert said_by(program, "Settings().max_campaign_processes", tmp_path) == "2"


def test_an_invalid_default_is_reported_with_its_place(tmp_path: Path) -> None:
    program = copy_program(tmp_path / "program", ('"HTTP_TIMEOUT", 300,', '"HTTP_TIMEOUT", "5 minutes",'))
    assert "HTTP_TIMEOUT=5 minutes (config.py)" in said_by(program, "Settings.from_env({})", tmp_path)


def test_env_in_the_working_directory_overrides_the_one_beside_the_program(tmp_path: Path) -> None:
    program = copy_program(tmp_path / "program")
    (program / ".env").write_text("BATCH_SIZE=1\nDB_BATCH_SIZE=1\n", encoding="utf-8")
    (tmp_path / ".env").write_text("DB_BATCH_SIZE=2\nDATA_DIR=calls\n", encoding="utf-8")
    shown = "(lambda s: (s.batch_size, s.db_batch_size, s.duckdb_path.as_posix()))(Settings.from_env({}))"
    assert said_by(program, shown, tmp_path) == f"(1, 2, '{(tmp_path / 'calls' / 'calls.duckdb').as_posix()}')"


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
    names = """
        PATH HOME LANG TZ TEMP APPDATA PROGRAMDATA PROCESSOR_LEVEL NUMBER_OF_PROCESSORS HTTP_PROXY https_proxy DATA
        DATASET PROJECT DATABASE_ID DATABASE_URL PRODUCT_ID TIMEOUT MAX_RETRIES PGDATA PGCONNECT_TIMEOUT
        PIP_DEFAULT_TIMEOUT COMPOSE_HTTP_TIMEOUT COMPOSER_PROCESS_TIMEOUT XDG_DATA_DIRS CI_PROJECT_ID CI_PROJECT_DIR
        GOOGLE_CLOUD_PROJECT GCP_PROJECT_ID GOOGLE_APPLICATION_CREDENTIALS_JSON WAREHOUSE_PORT OTEL_LOG_LEVEL
    """
    assert settings(**dict.fromkeys(names.split(), "x")) == settings()


def test_beside_the_right_name_a_similar_one_is_another_programs() -> None:
    assert settings(HTTP_TIMEOUT="7", HTTPX_TIMEOUT="x").http_timeout == timedelta(seconds=7)


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


def refusal(*files: Path, **environ: str) -> str:
    with pytest.raises(SettingsInvalid) as told:
        settings(*files, **environ)
    return str(told.value)


def test_the_copy_for_readers_cannot_be_the_file_itself(tmp_path: Path) -> None:
    for place in ({"DATA_DIR": str(tmp_path)}, {"DUCKDB_PATH": str(tmp_path / "calls.duckdb")}):
        assert "DUCKDB_READ_COPY=" in refusal(DUCKDB_READ_COPY=str(tmp_path / "calls.duckdb"), **place)


def test_a_request_cannot_end_before_its_connection_stands() -> None:
    assert "CONNECT_TIMEOUT=20" in refusal(CONNECT_TIMEOUT="20", REQUEST_TIMEOUT="5")


def test_only_bigquery_takes_names_with_dots() -> None:
    assert "without dots" in refusal(OUTPUT_TABLE="other.calls")
    assert settings(OUTPUT_TABLE="my-project.other.watermarks", PROJECT_ID="my-project").warehouse == "bigquery"
    assert "beside it" in refusal(OUTPUT_TABLE="vicidial.Watermarks", PROJECT_ID="my-project")


def test_a_wrong_value_does_not_make_others_look_wrong() -> None:
    told = refusal(PROJECT_ID="My Project", OUTPUT_TABLE="other.calls")
    assert "PROJECT_ID=My Project" in told
    assert "OUTPUT_TABLE" not in told
    told = refusal(OUTPUT_TABLE="a b", CREDENTIALS_TABLE="c d")
    assert told.count("\n") == 2


def test_slips_are_told_in_order_with_one_mark_at_the_end() -> None:
    lines = refusal(**dict.fromkeys(("WAREHUOSE", "LOGLEVEL", "BATCHSIZE"), "2")).splitlines()[1:]
    assert lines == sorted(lines)
    assert all(line.endswith(" meant?") for line in lines)


@pytest.mark.parametrize(
    "zone", ["America", "..", ("a." * 100 + "/") * 10 + "b", "x" * 5000, "/etc/localtime", "UTC\0"]
)
def test_what_is_no_zone_is_told(zone: str) -> None:
    assert "DEFAULT_TIMEZONE=" in refusal(DEFAULT_TIMEZONE=zone)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_zones_of_the_list_are_taken(zone: str) -> None:
    assert settings(DEFAULT_TIMEZONE=zone).default_timezone == zone


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BATCH_SIZE=3\n", encoding="utf-16")  # what `echo ... > .env` writes in Windows PowerShell
    assert f"{file}: is not UTF-8" in refusal(file)
    file.write_text("BATCH_SIZE=3\nset SETTLE_DAYS=3\n", encoding="utf-8")
    assert f"{file}, line 2" in refusal(file)
    file.write_text("BATCH_SIZE = 3 # small\nexport SETTLE_DAYS='4'\nOTHERS_NAME=5\n", encoding="utf-8-sig")
    made = settings(file)
    assert (made.batch_size, made.settle_days) == (3, 4)
    assert settings(tmp_path) == settings()  # a virtual environment in a folder called .env


def test_a_key_in_place_of_its_file_is_not_shown() -> None:
    told = refusal(GOOGLE_APPLICATION_CREDENTIALS='{"private_key": "hush"}')
    assert "GOOGLE_APPLICATION_CREDENTIALS=***" in told
    assert "hush" not in told


def test_the_log_tells_every_setting_that_was_set_with_its_origin(tmp_path: Path) -> None:
    lines = settings(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"), HTTP_TIMEOUT="2.5").lines()
    assert "HTTP_TIMEOUT=2.5 (environment)" in lines
    assert f"SERVICE_ACCOUNT_PATH={tmp_path / 'key.json'} (GOOGLE_APPLICATION_CREDENTIALS)" in lines


def test_settings_cross_to_a_worker() -> None:
    made = replace(settings(), batch_size=7)
    assert pickle.loads(pickle.dumps(made)) == made


TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=40) | st.sampled_from(
    [
        "nan",
        "inf",
        "1e5",
        "٣",
        "9" * 400,
        "~nobody/x",
        "C:\\new",
        "CON",
        "h:1:2",
        "[::1",
        "a.b.c.d",
        "Europe/",
        "\x1b[31m",
    ]
)


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), TEXTS, min_size=1, max_size=3))
def test_any_text_is_taken_or_named(texts: dict[str, str]) -> None:
    try:
        made = settings(**texts)
    except SettingsInvalid as told:
        assert any(f"  {name}=" in str(told) for name in texts)
        assert all(line.isprintable() for line in str(told).splitlines())
    else:
        assert pickle.loads(pickle.dumps(made)) == made
        assert all(line.isprintable() for line in made.lines())


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=4), st.sampled_from("= :'\"\\$\0"), TEXTS), max_size=3)
)
def test_any_file_is_read_or_told(lines: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_bytes("\n".join(map("".join, lines)).encode("utf-8", errors="surrogatepass"))
        with suppress(SettingsInvalid):
            assert isinstance(settings(file), Settings)


def test_what_else_stands_in_files_is_kept_and_shown_nowhere(tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    first.write_text("DIALER_PASSWORD=one\nFOO=1\n", encoding="utf-8")
    second.write_text("DIALER_PASSWORD='t w$o'\nBATCH_SIZE=7\n", encoding="utf-8")
    made = settings(first, second, BAR="2")
    assert made.others == {"DIALER_PASSWORD": "t w$o", "FOO": "1"}
    assert "t w$o" not in f"{made!r}{made.lines()}"


def test_the_log_has_what_was_set_and_the_warehouse(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SETTLE_DAYS=2\n", encoding="utf-8")
    lines = settings(file, BATCH_SIZE="7").lines()
    assert [line.partition("=")[0] for line in lines[:-1]] == ["BATCH_SIZE", "SETTLE_DAYS", "WAREHOUSE"]
    assert lines[-1].startswith("All other settings have their defaults")
    assert f"SETTLE_DAYS=2 ({file})" in lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("environment", "environment"), ("Environment", "environment"), ("", ""), ("none", ""),
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://me:geheim@proxy.example:3128/", "http://***@proxy.example:3128"),
        ("http://me:ge@heim@[::1]:3128", "http://***@[::1]:3128"),
    ],
)  # fmt: skip
def test_a_proxy_is_shown_without_its_login(text: str, shown: str) -> None:
    made = settings(DIALER_PROXY=text)
    known = next(known for known in SETTINGS if known.name == "DIALER_PROXY")
    assert known.text(made.dialer_proxy) == shown
    assert "heim" not in f"{made!r}{made.lines()}"
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    "text", ["me:geheim@proxy.example:3128", "socks5://me:geheim@h:1080", "http://me:geheim@pro xy:1", "http://h:99999"]
)
def test_what_is_no_proxy_is_told_without_its_login(text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"DIALER_PROXY=.*http://host:port") as told:
        settings(DIALER_PROXY=text)
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('SERVICE_ACCOUNT_PATH="C:\\temp\\new.json"', "a tab"),
        ('DLR="abc\\nde"', "a line break"),
        ('DLR="abc\\rde"', "a line break"),
        ('DLR="abc\\bde"', "a control character"),
        ('DLR="abc\nde"', "a line break"),
        ("DLR=ab\x01cd", "a control character"),
    ],
)
def test_a_control_character_in_a_file_is_told_and_its_value_is_not(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "x.env"
    file.write_text(f"BATCH_SIZE=7\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=f"line 2: .* has {words} in it") as told:
        settings(file)
    assert "abc" not in str(told.value)


@pytest.mark.parametrize("line", ["DLR='abc\\nde\\tf'", "DLR=abc\\nde\\tf", 'DLR="abc\\\\nde\\\\tf"'])
def test_backslashes_that_stay_are_kept(tmp_path: Path, line: str) -> None:
    file = tmp_path / "x.env"
    file.write_text(line, encoding="utf-8")
    assert settings(file).others == {"DLR": "abc\\nde\\tf"}


def test_a_key_of_several_lines_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x.env"
    file.write_text('PEM="-----BEGIN KEY-----\\nabc\\n-----END KEY-----"', encoding="utf-8")
    assert "\n" in settings(file).others["PEM"]
