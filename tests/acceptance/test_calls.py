"""`main.py calls`, as its user sees it: the table, the files, and nothing else on stdout."""

import csv
import io
import stat
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from config import Settings
from messages import HourCount
from tests.acceptance.programs import ROOT, Program
from tests.warehouses.conftest import held
from tests.warehouses.spool_files import Batches, Spool, call, outcome
from utils import utc_now

DAY = utc_now().date() - timedelta(days=3)
ONE_DAY = timedelta(days=1)
MOMENT = datetime.combine(DAY, time(9), UTC)


def fill(program: Program, count: int) -> None:
    """Commit calls of DAY within this process."""
    times = {"call_date": DAY, "call_time": MOMENT, "call_time_local": MOMENT.replace(tzinfo=None)}
    calls = [call(number, phone=f"+49{number}", agent="=1+1", **times) for number in range(count)]  # type: ignore[arg-type] # columns of any type
    settings = Settings.from_env(program.environment, [])
    hours = tuple(HourCount(day=DAY + number * ONE_DAY, hour=9, legs=0, in_progress=0) for number in range(2))
    with held(settings) as warehouse:
        sealed = Spool(settings.data_dir / "spool").sealed(*calls, hours=hours)
        warehouse.commit(Batches().of(outcome(sealed)))


def test_calls_are_shown_written_and_passed_on(program: Program) -> None:
    fill(program, 25)
    shown = program.run("calls", "--client", "Client One")
    assert shown.code == 0, shown.text
    lines = shown.text.splitlines()
    assert lines[0] == f"Calls on {DAY} (the newest day with calls), newest first, in the dialer's time:"
    assert (len(lines), lines[-1].partition(":")[0]) == (1 + 1 + 20 + 1, "5 further calls not shown")

    file = program.folder / "calls.csv"
    written = program.run("calls", "--day", f"{DAY}", "--output", str(file))
    assert (written.code, written.text) == (0, f"25 calls on {DAY}. Written to {file}.\n")
    piped = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "calls", "--format", "csv"],
        cwd=program.folder, env=program.environment | {"LOG_LEVEL": "DEBUG"}, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (piped.returncode, piped.stdout) == (0, file.read_bytes())
    assert f"25 calls on {DAY} (the newest day with calls).".encode() in piped.stderr
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    assert (len(rows), rows[0]["phone"][:4], rows[0]["agent"]) == (25, "'+49", "'=1+1")
    assert sys.platform == "win32" or stat.S_IMODE(file.stat().st_mode) == 0o600

    before = DAY - ONE_DAY
    refused = program.run("calls", "--day", f"{before}", "--output", str(file))
    assert (refused.code, f"the first day read is {DAY}" in refused.text) == (2, True), refused.text
    assert file.read_bytes() == piped.stdout
    none = program.run("calls", "--day", f"{DAY + ONE_DAY}", "--output", str(file))
    assert (none.code, none.text.partition(".")[0]) == (0, f"No calls on {DAY + ONE_DAY}"), none.text
    assert file.read_bytes() == piped.stdout.partition(b"\n")[0] + b"\n"
    assert leftovers(program.folder) == []


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.tmp") if path.is_file()]
