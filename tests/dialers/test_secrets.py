"""Whatever goes wrong, no password, login header or body gets into a log, an error, a traceback or a file."""

import base64
import logging
import re
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign_processor import process_campaign
from errors import SyncError
from messages import CampaignJob, ClientJob, Source
from simulated_dialer import Account, SimulatedDialer
from tests.dialers.sources import day_window, download, listener, quick, small_world, source
from tests.simulated_dialer.client import export
from utils import utc_now

USER = "Quagga_7"
PASSWORD = "Zebra\"4711'<ö>|Okapi %s {0}\\"
HEADER = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
MARKS = re.compile(rf"zebra|okapi|{re.escape(HEADER)}|Basic |Login incorrect", re.IGNORECASE)
ECHO = f"<p>user={USER} pass={PASSWORD}</p> <iframe src='x?pass={PASSWORD}'>".encode()


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An account and what the dialer does; or bytes that a server sends instead of one."""

    wrong: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    build: str = "250720-1841"
    locked: bool = False
    gone: bool = False
    sent: bytes = b""


HEAD = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nConnection: close\r\n%s\r\n"
TROUBLES = {
    "refused login": Trouble(account={"password": "another"}),
    "refused login before 2013": Trouble(account={"password": "another"}, build="110601-1000"),
    "locked": Trouble(locked=True),
    "second factor": Trouble(account={"needs_second_factor": True}),
    "no reports": Trouble(account={"view_reports": False}),
    "no exports": Trouble(account={"export_reports": False}),
    "not this report": Trouble(account={"allowed_reports": ("User Stats",)}),
    "address": Trouble(wrong={"ip_block": True}),
    "hang": Trouble(wrong={"hang": True}),
    "trickle": Trouble(wrong={"trickle": True}),
    "reset": Trouble(wrong={"reset_after": 100}),
    "reset at once": Trouble(wrong={"reset_after": 0}),
    "cut": Trouble(wrong={"cut_after": 100}),
    "empty 500": Trouble(wrong={"status": 500}),
    "too many requests": Trouble(wrong={"status": 429, "retry_after": 900}),
    "unavailable": Trouble(wrong={"status": 503}),
    "not found": Trouble(wrong={"status": 404}),
    "database": Trouble(wrong={"database_down": True}, build="210303-1000"),
    "PHP warnings": Trouble(wrong={"display_errors": True}),
    "redirect": Trouble(wrong={"redirect_to": f"http://{USER}:x@127.0.0.1:9/?pass=Zebra"}),
    "half of a record": Trouble(wrong={"truncate": 0}),
    "nobody there": Trouble(gone=True),
    "message that echoes": Trouble(sent=HEAD % (b"200 OK", b"") + ECHO),
    "refusal that echoes": Trouble(sent=HEAD % (b"401 Unauthorized", b"WWW-Authenticate: Basic\r\n") + ECHO),
    "redirect that echoes": Trouble(sent=HEAD % (b"302 Found", b"Location: http://h/?pass=Zebra\r\n") + ECHO),
    "status line that echoes": Trouble(sent=b"HTTP/1.1 500 Zebra\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": Trouble(sent=ECHO + b"\r\n\r\n"),
    "header that echoes": Trouble(sent=b"HTTP/1.1 200 OK\r\nContent-Length: Zebra\r\n\r\n" + ECHO),
    "chunk that echoes": Trouble(sent=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZebra\r\nOkapi"),
    "packed badly": Trouble(sent=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nZebra1234"),
}


@contextmanager
def in_trouble(trouble: Trouble) -> Iterator[str]:
    """The URL of a dialer that goes wrong in this way."""
    if trouble.sent:
        with listener(lambda connection: answer(connection, trouble.sent)) as port:
            yield f"http://127.0.0.1:{port}/vicidial/"
        return
    account = Account(**{"user": USER, "password": PASSWORD, **trouble.account})
    with SimulatedDialer(small_world(), trouble.build, [account], strips_logins=False) as dialer:
        for _ in range(10 if trouble.locked else 0):
            export(dialer, (USER, "wrong"))
        dialer.misbehave(**trouble.wrong)
        if trouble.gone:
            dialer.stop()
        yield dialer.url


def answer(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)


def texts_of(who: Source, folder: Path) -> list[str]:
    """Every text that comes out of a failing download and of a failing campaign."""
    settings = quick(folder, http_timeout=0.3, request_timeout=0.5, retry_attempts=2, retry_total=0)
    texts: list[str] = []
    try:
        download(who, settings, "direct")
    except SyncError as exc:
        texts += [str(exc), repr(exc), repr(exc.args), "".join(traceback.format_exception(exc))]
    client = ClientJob(source=who, windows=(day_window(first_read=True),))
    outcome = process_campaign(
        CampaignJob(
            job_id="0000", run_id="run", campaign="Sales", clients=(client,),
            no_new_window_after=utc_now() + timedelta(minutes=5),
        ),
        settings,
    )  # fmt: skip
    assert outcome.failure is None
    return [*texts, repr(outcome), repr(client)]


@pytest.mark.parametrize("name", TROUBLES)
def test_no_secret_gets_out(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for logger in ("urllib3", "requests", "filelock", "tenacity"):
        caplog.set_level(logging.DEBUG, logger)
    with in_trouble(TROUBLES[name]) as url:
        texts = texts_of(source(url, username=USER, password=PASSWORD), tmp_path)
    if name != "half of a record":
        assert len(texts) == 6, "nothing went wrong"
    for record in caplog.records:
        texts += [record.getMessage(), repr(record.args)]
    for path in tmp_path.rglob("*"):
        texts.append(str(path.relative_to(tmp_path)))
        if path.is_file():
            texts.append(path.read_bytes().decode("utf-8", errors="replace"))
    for text in texts:
        assert not MARKS.search(text), text


def test_the_marks_would_be_found() -> None:
    assert all(MARKS.search(text) for text in (PASSWORD, HEADER, PASSWORD.casefold(), ECHO.decode()))
