"""Sources on a simulated dialer, and settings with short timeouts, for the tests of fetching."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

from config import Settings
from data_fetcher import Dialer
from dialers.fingerprints import make_account_key
from messages import DialerAddress, Source, SourceIdentity, Window
from simulated_dialer import Account, SimulatedDialer, World
from tests.source_identities import pop_identity
from utils import utc_now

EXPORT, STATS, API = "call_report_export.php", "user_stats.php", "non_agent_api.php"
DAY, ZONE = date(2026, 3, 2), "America/New_York"
REPORT = Account("report", "secret")
FORM = [
    ("run_export", "1"), ("query_date", "2026-03-02"), ("end_date", "2026-03-02"), ("campaign[]", "---ALL---"),
    ("group[]", "---ALL---"), ("header_row", "YES"), ("export_fields", "EXTENDED_2"),
]  # fmt: skip
BEST = Source(
    identity=SourceIdentity("0" * 32, "Sales", "C1", "Client 1"), report="call_report_export",
    address=DialerAddress(scheme="http", hostname="127.0.0.1"), username="report", password="secret",
    timezone=ZONE, max_connections=4,
)  # fmt: skip


def small_world(**options: Any) -> World:
    return World(**{"calls_per_hour": 20, **options})


def address_of(url: str) -> DialerAddress:
    """The parts of a URL, its folder as it is."""
    parts = urlsplit(url)
    return DialerAddress(scheme=parts.scheme, hostname=parts.hostname or "", port=parts.port, folder=parts.path)


def source(dialer: SimulatedDialer | str, /, **changes: Any) -> Source:
    url = dialer if isinstance(dialer, str) else dialer.url
    return replace(BEST, identity=pop_identity(changes, BEST.identity), address=address_of(url), **changes)


def quick(folder: Path, /, **changes: Any) -> Settings:
    """Settings with short timeouts, and the key that the accounts' notes need."""
    seconds = {"http_timeout": 1.0, "connect_timeout": 1.0, "request_timeout": 2.0, "retry_total": 10.0}
    seconds |= {name: changes.pop(name) for name in list(changes) if name in seconds}
    make_account_key(folder / "accounts")
    return Settings(
        data_dir=folder, **{"retry_attempts": 3, **{n: timedelta(seconds=s) for n, s in seconds.items()}, **changes}
    )


def connect_to(
    who: Source, settings: Settings, run_id: str = "run", cancelled: Callable[[], bool] = lambda: False
) -> Dialer:
    return Dialer(who, settings, run_id, cancelled=cancelled, until=time.monotonic() + 20)


def download(who: Source, settings: Settings, run_id: str = "run") -> bytes:
    """One export of the day; its bytes."""
    with connect_to(who, settings, run_id) as dialer:
        return download_through(dialer, settings)


def download_through(dialer: Dialer, settings: Settings) -> bytes:
    path = settings.data_dir / f"{threading.get_ident()}.download"
    try:
        return path.read_bytes() if dialer.download(EXPORT, FORM, path) else b""
    finally:
        path.unlink(missing_ok=True)


def count_exports(dialer: SimulatedDialer) -> int:
    """Count its requests for calls; the form that tells what a login may see is none."""
    return sum(request.page == EXPORT and request.one("run_export") is not None for request in dialer.seen.log)


def count_forms(dialer: SimulatedDialer) -> int:
    return sum(request.page == EXPORT and request.one("run_export") is None for request in dialer.seen.log)


def day_window(first_hour: int = 0, last_hour: int = 23, **changes: Any) -> Window:
    midnight = datetime.combine(DAY, datetime.min.time(), World().zone).astimezone(utc_now().tzinfo)
    since, until = (midnight + timedelta(hours=hours) for hours in (first_hour, last_hour + 1))
    return Window(day=DAY, first_hour=first_hour, last_hour=last_hour, since=since, until=until, **changes)


def wait_until(fact: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def read_request(connection: socket.socket) -> None:
    """To the end of its body: closing with something unread would reset the connection."""
    with connection.makefile("rb") as file:
        length = 0
        while (line := file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        file.read(length)


@contextmanager
def listener(talk: Callable[[socket.socket], None], tls: SSLContext | None = None) -> Iterator[int]:
    """The port of a server that reads a request and then does ``talk``; what no real dialer was made to do."""
    server = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            secured = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secured:
                read_request(secured)
                talk(secured)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(server.accept()[0],), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in (accepting, *threads):
            thread.join(5)
