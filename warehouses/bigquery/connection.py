"""One client of BigQuery's API, with the account that it uses."""

import threading
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from config import Settings
from shutdown import Stop
from warehouses.bigquery.accounts import open_client


class BigQueryConnection:
    """Opens a client at its first use. Several threads may use it."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._opened: tuple[bigquery.Client, str] | None = None
        self._key_stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self.location: str | None = settings.bigquery_location
        """Region of the dataset. Every job must name it."""

    @property
    def client(self) -> bigquery.Client:
        """Return the client. Open a new one after the key file was replaced, since keys expire."""
        with self._lock:
            stamp = _stamp(self._settings.service_account_path)
            if self._opened is None or stamp != self._key_stamp:
                self._opened = open_client(self._settings, self._stop)  # a thread may be using the one before
                self._key_stamp = stamp
            return self._opened[0]

    @property
    def account(self) -> str:
        """Return the account as Google's commands write it: ``serviceAccount:…`` or ``user:…``."""
        _ = self.client
        return self._opened[1] if self._opened else ""

    @property
    def project(self) -> str:
        return str(self.client.project)

    @property
    def request_options(self) -> dict[str, Any]:
        """Return the options of one request. They switch off the library's own retries."""
        return {"retry": None, "timeout": self._settings.bigquery_request_timeout.total_seconds()}

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None


def _stamp(path: Path | None) -> tuple[int, int] | None:
    """Return time and size of a file. A missing file has none, so that its absence is reported on use."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
