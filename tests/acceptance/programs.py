"""Run main.py as its user does, in a process of its own."""

import contextlib
import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import duckdb

from config import Settings
from database import open_warehouse
from engine.client_imports import import_clients
from engine.data_folder import prepare_data_dir
from tests.bigquery.emulators import Emulator

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = ("Campaign", "URL", "Username", "Password", "ClientName", "ClientID", "Timezone")
USER, PASSWORD = "report", "Tr0ub4dor-Marked-Passw0rd"


WEST_OF_UTC = "America/New_York", "America/Sao_Paulo", "Pacific/Honolulu"


def choose_zone(now: datetime) -> str:
    """Return a zone west of UTC in which it is day: no midnight lies in the hours that a cycle reads again."""
    return next(zone for zone in WEST_OF_UTC if 6 <= now.astimezone(ZoneInfo(zone)).hour < 23)


ZONE = choose_zone(datetime.now(UTC))
"""Zone of the dialers and of their rows."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Output and exit code of a command."""

    code: int
    text: str


class Program:
    """main.py with a folder of its own and no other configuration."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        names = ("PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LD_LIBRARY_PATH")
        self.environment = {name: os.environ[name] for name in names if name in os.environ}
        self.environment |= {"DATA_DIR": str(self.data), "FIRST_RUN_DAYS": "1", "PYTHONUTF8": "1"}
        self.environment |= {"RETRY_SECONDS": "5", "HTTP_TIMEOUT": "5", "CONNECT_TIMEOUT": "2", **settings}

    def start(self, *arguments: str, output: IO[str] | int = subprocess.PIPE, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *arguments],
            cwd=self.folder, env=self.environment | settings, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip

    def run(self, *arguments: str, **settings: str) -> Finished:
        process = self.start(*arguments, output=subprocess.PIPE, **settings)
        text, _ = process.communicate(timeout=120)
        return Finished(process.returncode, text)

    def run_measured(self, *arguments: str) -> tuple[Finished, int]:
        """Return also the peak size of its largest process, in KB. On Windows it is 0."""
        report = self.folder / "largest process"
        arguments = (str(report), str(ROOT / "main.py"), *arguments)
        process = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("peak_size.py")), *arguments],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip
        return Finished(process.returncode, process.stdout), int(report.read_text(encoding="utf-8"))

    def import_clients(self, *rows: Sequence[str]) -> Finished:
        """Run the command for rows of Campaign, URL, ClientID and, if it is not the right one, the password."""
        return self.run("clients", "import", str(self._write_clients(rows)))

    def add_clients(self, *rows: Sequence[str]) -> None:
        """Import the same rows within this process. A second cheaper for a test of something else."""
        settings = Settings.from_env(self.environment, [])
        prepare_data_dir(settings.data_dir)
        with contextlib.closing(open_warehouse(settings)) as warehouse:
            import_clients(warehouse, settings, self._write_clients(rows), replace=False)

    def _write_clients(self, rows: Sequence[Sequence[str]]) -> Path:
        path = self.folder / "clients.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            for campaign, url, client, *password in rows:
                writer.writerow([campaign, url, USER, *(password or [PASSWORD]), f"Client {client}", client, ZONE])
        return path

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query. Its table names look like ``vicidial.calls``."""
        with duckdb.connect(self.data / "calls.duckdb", read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            found: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
        return found

    def change(self, statement: str) -> None:
        """Run a statement behind the program's back, like an operator."""
        with duckdb.connect(self.data / "calls.duckdb") as db:
            db.execute(statement)

    def calls(self) -> list[dict[str, Any]]:
        """Return every column of every call, in a fixed order."""
        return self.rows("SELECT * FROM vicidial.calls ORDER BY client_id, call_key")

    def leftovers(self) -> list[Path]:
        """Return temporary files left after a run."""
        return [path for name in ("spool", "downloads") for path in (self.data / name).rglob("*") if path.is_file()]


class ProgramOnBigQuery(Program):
    """A program with its tables in an emulator, in a dataset of its own."""

    def __init__(self, folder: Path, emulator: Emulator, **settings: str) -> None:
        self.emulator = emulator
        self.dataset = emulator.new_dataset()
        where = {"BIGQUERY_EMULATOR_HOST": emulator.url, "PROJECT_ID": emulator.project, "DATASET_ID": self.dataset}
        super().__init__(folder, WAREHOUSE="bigquery", **where, **settings)

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.emulator.rows(query.replace("vicidial.", f"{self.dataset}."))
