"""One running BigQuery emulator: a process of its own, on a port and in a folder of its own.

The port is chosen from below the range that the system hands to outgoing connections, so that nobody takes it
between a kill and a restart.
"""

import contextlib
import http.client
import random
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import deque
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from config import Settings
from database import open_warehouse
from tests.bigquery.installing import installed_emulator

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
DATASETS_AT_ONCE = 3
"""As many as a test uses at most."""


class Emulator:
    """A BigQuery emulator whose data are in ``folder`` and survive its process."""

    project = "test-project"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "emulator.log"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[bigquery.Client] = []
        self._datasets: deque[str] = deque()
        self._prepared: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the emulator is not running"
        return self._process.pid

    def start(self) -> None:
        """Start the process, and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time; the message holds the end of its log.
        """
        assert self._process is None, "the emulator is running already"
        command = [sys.executable, "-m", "tests.bigquery.emulator_process", str(installed_emulator())]
        command += ["--host", "127.0.0.1", "--port", str(self._port), "--grpc-port", "0"]
        command += ["--data-dir", str(self._folder / "data"), "--project", self.project]
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the process as an operator would. Close every client that was handed out."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._reap()

    def kill(self) -> None:
        """Kill the process with -9, whatever it does."""
        assert self._process is not None, "the emulator is not running"
        self._process.kill()
        self._reap()

    def restart(self) -> None:
        """Start again on the same folder and port, after a kill or a stop."""
        self.start()

    def client(self, through: str | None = None) -> bigquery.Client:
        """Return a client for the test's own looks, closed by :meth:`stop`. ``through`` is the URL of a proxy."""
        client = self._connected(through or self.url)
        self._clients.append(client)
        return client

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query as plain values. They come over HTTP, since nothing here uses the Storage API."""
        with contextlib.closing(self._connected(self.url)) as client:
            return [dict(row.items()) for row in client.query(query).result()]

    def new_dataset(self, *, kept: bool = False) -> str:
        """Return an unused name of a dataset, which is not created.

        The emulator takes longer for everything with each dataset that it has, so that those of earlier tests go,
        unless they are to be kept.
        """
        name = f"dataset_{uuid.uuid4().hex[:12]}"
        if not kept:
            self._datasets.append(name)
        with contextlib.closing(self._connected(self.url)) as client:
            while len(self._datasets) > DATASETS_AT_ONCE:
                client.delete_dataset(self._datasets.popleft(), delete_contents=True, not_found_ok=True)
        return name

    def prepared_dataset(self) -> str:
        """Return the name of a dataset with the program's empty tables, for the caller alone."""
        if self._prepared is None:
            self._prepared = self.new_dataset(kept=True)
            self._prepare(self._prepared)
        name = self.new_dataset()
        request = urllib.request.Request(f"{self.url}/copies/{self._prepared}/{name}", method="POST")
        with urllib.request.urlopen(request, timeout=READY_SECONDS):
            return name

    def _prepare(self, dataset: str) -> None:
        settings = Settings(
            warehouse="bigquery",
            bigquery_emulator_host=self.url,
            project_id=self.project,
            dataset_id=dataset,
            data_dir=self._folder / "preparing",
        )
        warehouse = open_warehouse(settings)
        with contextlib.closing(warehouse), warehouse.lease():
            warehouse.prepare()

    def _connected(self, url: str) -> bigquery.Client:
        return bigquery.Client(
            project=self.project, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                process.kill()
                self._reap()
                last = self._logged().splitlines()[-80:]  # DuckDB adds some thirty at an exit
                raise RuntimeError("\n".join([f"The BigQuery emulator {'ended' if ended else 'is silent'}:", *last]))
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        """Return True if it answers and its log says so. Another process on the port would answer as well."""
        path = f"/bigquery/v2/projects/{self.project}/datasets"
        return "Uvicorn running" in self._logged() and _answers(self._port, path)

    def _logged(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


def _answers(port: int, path: str) -> bool:
    """Return True for an answer 200. A second emulator on one folder stays up and answers 400."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            with connection.getresponse() as response:
                return response.status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def _free_port() -> int:
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port between 20000 and 30000")
