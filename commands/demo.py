"""The stage of `main.py demo`: a DuckDB file, and eight campaigns on simulated dialers.

Two failures are staged, so that one sees how they look: a wrong password, and a dialer that is not there.
"""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from commands.sessions import warehouse_for_writing
from config import Settings
from credentials.rows import source_key
from database import Warehouse
from errors import DemoMissing, WarehouseUnusable
from shutdown import Stop
from tables import CREDENTIALS
from utils import utc_now, write_durably

LOG = logging.getLogger(__name__)

ZONE = "America/New_York"
BUSY_HOUR = time(15)
USER, PASSWORD = "report", "demo-only"
DIALERS = 6
CLIENTS_OF_CAMPAIGN = (2, 3, 4, 5, 2, 3, 4, 2)
WRONG_PASSWORD, DEAD_DIALER = (2, 1), (5, 2)
"""Campaign and client, counted from 1, of the staged failures."""
AGAIN = timedelta(minutes=15)
UNUSED_PORT = 9  # the discard service: nothing listens there


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """State of the simulated dialers. `demo --again` goes on from it."""

    now: str
    """Time of the simulated worlds, ISO in UTC."""
    ports: list[int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A warehouse with clients whose simulated dialers are at work."""

    warehouse: Warehouse
    settings: Settings
    now: datetime


def demo_settings(folder: Path) -> Settings:
    """Return the defaults, with every file inside one folder. No configuration is read."""
    return Settings(data_dir=folder, duckdb_path=folder / "demo.duckdb", first_run_days=1, default_timezone=ZONE)


@contextmanager
def open_stage(settings: Settings, stop: Stop, *, again: bool) -> Iterator[Stage]:
    """Set up the demo: a warehouse, simulated dialers, and the credentials of their clients.

    Args:
        again: go on with the last demo, fifteen simulated minutes later.

    Raises:
        DemoMissing: there is no demo to go on with.
    """
    folder = settings.data_dir
    scene = next_scene(folder) if again else start_over(folder)
    with warehouse_for_writing(settings, stop) as warehouse, run_dialers(scene) as urls:
        ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in urls]
        content = json.dumps({"now": scene.now, "ports": ports})
        write_durably(folder / "stage.json", content.encode("utf-8"))
        warehouse.put_credential_rows(credential_rows(urls), source_key)
        LOG.info("Staged trouble: Client 2.1 has a wrong password, Client 5.2's dialer is not there")
        yield Stage(warehouse, settings, datetime.fromisoformat(scene.now))


def start_over(folder: Path) -> Scene:
    """Remove the last demo. The new worlds stand at the latest 15:00 of their zone, when everybody is at work."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as exc:
            raise WarehouseUnusable(f"the folder {folder.name} of the last demo", f"{exc.strerror}") from None
    now = utc_now().astimezone(ZoneInfo(ZONE))
    busy = datetime.combine(now.date(), BUSY_HOUR, tzinfo=ZoneInfo(ZONE))
    return Scene(now=(busy if busy <= now else busy - timedelta(days=1)).astimezone(UTC).isoformat(), ports=[])


def next_scene(folder: Path) -> Scene:
    """Return the worlds of the last demo, fifteen minutes later."""
    path = folder / "stage.json"
    if not path.exists():
        raise DemoMissing("demo --again")
    scene = Scene(**json.loads(path.read_text(encoding="utf-8")))
    return Scene(now=(datetime.fromisoformat(scene.now) + AGAIN).isoformat(), ports=scene.ports)


@contextmanager
def run_dialers(scene: Scene) -> Iterator[list[str]]:
    """Run dialers in a process of their own, and yield their base URLs. The process ends with this one."""
    command = [
        sys.executable, "-m", "simulated_dialer", "--count", str(DIALERS), "--now", scene.now,
        "--timezone", ZONE, "--accounts", f"{USER}:{PASSWORD}", "--calls-per-hour", "90",
    ]  # fmt: skip
    if scene.ports:
        command += ["--ports", ",".join(map(str, scene.ports))]
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
    """Return rows of eight campaigns with two to four clients each. The dialers are shared, as in real life."""
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


def closing_lines(settings: Settings, *, again: bool) -> str:
    """Return the commands to try next, ready to be copied."""
    python = _short_path(Path(sys.executable))
    program = _short_path(Path(__file__).resolve().parent.parent / "main.py")
    database = _short_path(settings.duckdb_path).replace("\\", "/")
    query = "SELECT campaign, direction, count(*) AS calls, max(call_time) AS newest FROM vicidial.calls GROUP BY ALL"
    stuck = "Calls in progress for too long are staged as well: a real dialer loses the end of a call now and then."
    return "\n".join(
        [
            "",
            "The two failures are staged: a dialer that is down, and a password that is wrong. Nothing has to be done.",
            *([stuck] if again else []),
            "Query the table:",
            f"  {python} -c \"import duckdb; duckdb.connect('{database}', read_only=True).sql('{query}').show()\"",
            "Fifteen minutes later (late dispositions, calls that ended, new calls):",
            f"  {python} {program} demo --again",
            "Connect a real dialer:",
            f"  {python} {program} clients template > clients.csv",
            "  (write your dialers into clients.csv)",
            f"  {python} {program} clients import clients.csv",
            f"  {python} {program} check",
            f"  {python} {program} --single",
        ]
    )


def _short_path(path: Path) -> str:
    """Shorten a path below the working directory. The link of a virtual environment is not followed."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
