"""A plain HTTP client for the tests of the simulated dialer."""

import base64
import http.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from simulated_dialer import Account, SimulatedDialer

REPORT = Account("report", "secret")
WHOLE_DAY = {
    "run_export": "1",
    "query_date": "2026-03-02",
    "end_date": "2026-03-02",
    "campaign[]": "---ALL---",
    "group[]": "---ALL---",
    "header_row": "YES",
    "export_fields": "EXTENDED_2",
}


@dataclass(frozen=True)
class Answer:
    status: int
    version: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def rows(self) -> list[list[bytes]]:
        """Return the records of an export, without its header row."""
        return [record.split(b"\t") for record in self.body.split(b"\r\n")[1:-1]]


def ask(
    dialer: SimulatedDialer,
    page: str,
    parameters: dict[str, Any] | None = None,
    *,
    login: tuple[str, str] | None = ("report", "secret"),
    method: str = "GET",
) -> Answer:
    encoded = urlencode(parameters or {}, doseq=True)
    headers = {}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", dialer.port, timeout=10)
    try:
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", f"/vicidial/{page}", encoded, headers)
        else:
            connection.request(method, f"/vicidial/{page}?{encoded}", headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.version, response.getheaders(), response.read())
    finally:
        connection.close()


def export(
    dialer: SimulatedDialer, login: tuple[str, str] | None = ("report", "secret"), /, **parameters: Any
) -> Answer:
    """Return an export of the whole day. ``campaign=[…]`` means campaign[]. None leaves a parameter out."""
    arrays = {"campaign": "campaign[]", "group": "group[]", "list_id": "list_id[]", "status": "status[]"}
    asked = WHOLE_DAY | {arrays.get(name, name): value for name, value in parameters.items()}
    return ask(dialer, "call_report_export.php", {k: v for k, v in asked.items() if v is not None}, login=login)


def user_stats(dialer: SimulatedDialer, user: str, **parameters: Any) -> Answer:
    asked = {"user": user, "begin_date": "2026-03-02", "end_date": "2026-03-02", "file_download": "6"}
    return ask(dialer, "user_stats.php", asked | parameters)


Opening = Callable[..., SimulatedDialer]
