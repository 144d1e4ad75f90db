"""`main.py demo`: eight campaigns read from simulated dialers into a DuckDB file, by the very cycle of `--single`.

Trouble is staged, so that one sees how it looks: a wrong password, and a dialer that is not there.
"""

import json
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from commands.runs import RunResult
from config import Settings
from credentials.rows import source_key
from database import Warehouse
from errors import DemoMissing, WarehouseUnusable
from tables import CREDENTIALS
from utils import utc_now, write_durably

LOG = logging.getLogger(__name__)

ZONE = "America/New_York"
BUSY_HOUR = time(15)
USER, PASSWORD = "report", "demo-only"
DIALERS = 6
CLIENTS_OF_CAMPAIGN = (2, 3, 4, 5, 2, 3, 4, 2)
WRONG_PASSWORD, DEAD_DIALER = (2, 1), (5, 2)
"""Campaign and client, counted from 1, where trouble is staged."""
AGAIN = timedelta(minutes=15)
UNUSED_PORT = 9  # the discard service: nothing listens there
Cycle = Callable[[Warehouse, Settings, datetime, threading.Event], RunResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the next `demo --again` needs to know of this one."""

    now: str
    """The simulated worlds' time, ISO in UTC."""
    ports: list[int]


def demo_settings(folder: Path) -> Settings:
    """Defaults, and everything inside one folder; no configuration is read."""
    return Settings(data_dir=folder, duckdb_path=folder / "demo.duckdb", first_run_days=1, default_timezone=ZONE)


def fresh_stage(folder: Path) -> Stage:
    """Away with the last demo; the worlds stand at the latest 15:00 of their zone, when all are at work."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as exc:
            raise WarehouseUnusable(f"the folder {folder.name} of the last demo", f"{exc.strerror}") from None
    now = utc_now().astimezone(ZoneInfo(ZONE))
    busy = datetime.combine(now.date(), BUSY_HOUR, tzinfo=ZoneInfo(ZONE))
    return Stage(now=(busy if busy <= now else busy - timedelta(days=1)).astimezone(UTC).isoformat(), ports=[])


def stage_moved_on(folder: Path) -> Stage:
    """The worlds of the last demo, fifteen minutes later."""
    path = folder / "stage.json"
    if not path.exists():
        raise DemoMissing("demo --again")
    stage = Stage(**json.loads(path.read_text(encoding="utf-8")))
    return Stage(now=(datetime.fromisoformat(stage.now) + AGAIN).isoformat(), ports=stage.ports)


def run_demo(cycle: Cycle, warehouse: Warehouse, settings: Settings, stage: Stage, stop: threading.Event) -> RunResult:
    """One cycle against simulated dialers; remembers the stage for `--again`."""
    with simulated_dialers(stage) as urls:
        ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in urls]
        content = json.dumps({"now": stage.now, "ports": ports})
        write_durably(settings.data_dir / "stage.json", content.encode("utf-8"))
        warehouse.put_credential_rows(credential_rows(urls), source_key)
        LOG.info("Staged trouble: Client 2.1 has a wrong password, Client 5.2's dialer is not there")
        return cycle(warehouse, settings, datetime.fromisoformat(stage.now), stop)


@contextmanager
def simulated_dialers(stage: Stage) -> Iterator[list[str]]:
    """Dialers in a process of their own, which ends with this one; their base URLs."""
    command = [
        sys.executable, "-m", "simulated_dialer", "--count", str(DIALERS), "--now", stage.now,
        "--timezone", ZONE, "--accounts", f"{USER}:{PASSWORD}", "--calls-per-hour", "90",
    ]  # fmt: skip
    if stage.ports:
        command += ["--ports", ",".join(map(str, stage.ports))]
    with subprocess.Popen(  # noqa: S603 - our own module with our own arguments
        command, cwd=Path(__file__).resolve().parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise WarehouseUnusable("the simulated dialers", "they did not start; is another demo running?")
            yield [dialer["url"] for dialer in json.loads(line)["dialers"]]
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(10)


def credential_rows(urls: list[str]) -> list[dict[str, str | None]]:
    """Eight campaigns with two to four clients each; the dialers are shared, as in real life."""
    rows: list[dict[str, str | None]] = []
    for campaign, clients in enumerate(CLIENTS_OF_CAMPAIGN, 1):
        for client in range(1, clients + 1):
            place = campaign, client
            row: dict[str, str | None] = dict.fromkeys(column.name for column in CREDENTIALS.columns)
            row |= {
                "campaign": f"Campaign{campaign}",
                "client_id": f"{campaign}{client:02}",
                "client_name": f"Client {campaign}.{client}",
                "url": f"http://127.0.0.1:{UNUSED_PORT}/" if place == DEAD_DIALER else urls[len(rows) % len(urls)],
                "username": USER,
                "password": "no-longer-right" if place == WRONG_PASSWORD else PASSWORD,
                "timezone": ZONE,
            }
            row["source_key"] = source_key(row)
            rows.append(row)
    return rows


def closing_lines(settings: Settings) -> str:
    """What to do next, to be copied."""
    python = _shown(Path(sys.executable))
    program = _shown(Path(__file__).resolve().parent.parent / "main.py")
    database = _shown(settings.duckdb_path).replace("\\", "/")
    query = "SELECT campaign, direction, count(*) AS calls, max(call_time) AS newest FROM vicidial.calls GROUP BY ALL"
    return "\n".join(
        [
            "",
            "The two failures are staged: a dialer that is down, and a password that is wrong.",
            "Query the table:",
            f"  {python} -c \"import duckdb; duckdb.connect('{database}', read_only=True).sql('{query}').show()\"",
            "Fifteen minutes later (late dispositions, calls that ended, new calls):",
            f"  {python} {program} demo --again",
            "Connect a real dialer:",
            f"  {python} {program} clients template > clients.csv",
            f"  {python} {program} clients import clients.csv",
            f"  {python} {program} check",
            f"  {python} {program} --single",
        ]
    )


def _shown(path: Path) -> str:
    """Short where it lies below the working directory; a virtual environment's link is not followed."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
