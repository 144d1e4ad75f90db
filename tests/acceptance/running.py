"""Runs main.py as its user does, in a process of its own; knows nothing of the program but its commands and tables."""

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb

from tests.bigquery.running import Emulator

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = ("Campaign", "URL", "Username", "Password", "ClientName", "ClientID", "Timezone")
USER, PASSWORD = "report", "Tr0ub4dor-Marked-Passw0rd"
ZONE = "America/New_York"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command printed and how it ended."""

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

    def import_clients(self, *rows: Sequence[str]) -> Finished:
        """Rows of Campaign, URL, ClientID and, where it is not the right one, the password."""
        path = self.folder / "clients.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            for campaign, url, client, *password in rows:
                writer.writerow([campaign, url, USER, *(password or [PASSWORD]), f"Client {client}", client, ZONE])
        return self.run("clients", "import", str(path))

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of a query, which names tables as ``vicidial.calls``."""
        with duckdb.connect(self.data / "calls.duckdb", read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            found: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
        return found

    def change(self, statement: str) -> None:
        """Behind the program's back, as an operator would."""
        with duckdb.connect(self.data / "calls.duckdb") as db:
            db.execute(statement)

    def calls(self) -> list[dict[str, Any]]:
        """Every column of every call, in a fixed order."""
        return self.rows("SELECT * FROM vicidial.calls ORDER BY client_id, call_key")

    def leftovers(self) -> list[Path]:
        """Files of the way that should be gone when a run is over."""
        return [path for name in ("spool", "downloads") for path in (self.data / name).rglob("*") if path.is_file()]


class ProgramOnBigQuery(Program):
    """The same with its tables in an emulator, in a dataset of its own."""

    def __init__(self, folder: Path, emulator: Emulator, **settings: str) -> None:
        self.emulator = emulator
        self.dataset = emulator.new_dataset()
        where = {"BIGQUERY_EMULATOR_HOST": emulator.url, "PROJECT_ID": emulator.project, "DATASET_ID": self.dataset}
        super().__init__(folder, WAREHOUSE="bigquery", **where, **settings)

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self.emulator.rows(query.replace("vicidial.", f"{self.dataset}."))
