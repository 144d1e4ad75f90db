"""No calls is believed in any language, once it is sure that it is the dialer who says so; no other page is."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from config import Settings
from messages import CampaignOutcome
from simulated_dialer import Account, Rates, Sight, SimulatedDialer
from tests.dialers.sources import (
    API,
    REPORT,
    count_exports,
    count_forms,
    day_window,
    quick,
    small_world,
    source,
)
from tests.reading.jobs import read, visible

SPANISH = Account(REPORT.user, REPORT.password, sight=Sight(language="spanish"))
NOTHING = "No hay llamadas entrantes durante este periodo para estos parametros"
FORM = (
    '<form><select name=campaign[]><option value="A"></select><select name=group[]><option value="B"></select></form>'
)
EARLY, DAY = day_window(0, 5, first_read=True), day_window(6, 23, first_read=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick(tmp_path, retry_attempts=2, retry_total=2)


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[SPANISH]) as dialer:
        yield dialer


@pytest.mark.parametrize("windows", [(EARLY, DAY), (DAY, EARLY)])
def test_empty_hours_are_no_failure_in_another_language(
    dialer: SimulatedDialer, settings: Settings, windows: tuple[Any, ...]
) -> None:
    outcome = read(dialer, source(dialer), settings, *windows)
    assert (outcome.clients[0].failure, outcome.clients[0].notices) == (None, ())
    assert sum(window.rows for window in outcome.sealed) == visible(dialer)
    assert {window.suspect for window in outcome.sealed} == {None}


def test_a_dialer_is_understood_before_it_has_any_calls(settings: Settings) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0, rates=Rates.none()), accounts=[SPANISH]) as dialer:
        outcome = read(dialer, source(dialer), settings, EARLY, DAY)
    assert [(window.rows, window.suspect) for window in outcome.sealed] == [(0, None), (0, None)]


def test_the_sentence_is_learnt_once_a_day(dialer: SimulatedDialer, settings: Settings) -> None:
    counts = []
    for _ in range(3):
        read(dialer, source(dialer), settings, day_window(0, 5))
        counts.append((count_exports(dialer), count_forms(dialer)))
    assert counts == [(2, 1), (3, 1), (4, 1)]
    (path,) = (settings.data_dir / "sentences").iterdir()
    known = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({digest: at - 90_000 for digest, at in known.items()}), encoding="utf-8")
    read(dialer, source(dialer), settings, day_window(0, 5))
    assert count_exports(dialer) == 6


def test_each_half_has_its_own_sentence(dialer: SimulatedDialer, settings: Settings) -> None:
    for parameter in ("campaign[]", "group[]"):
        who = source(dialer, parameters=((parameter, "---ALL---"),), source_key=parameter[0] * 32)
        assert read(dialer, who, settings, EARLY).clients[0].failure is None


def test_hours_with_known_calls_are_no_place_to_learn_it(settings: Settings) -> None:
    with SimulatedDialer(small_world(calls_per_hour=0, rates=Rates.none()), accounts=[SPANISH]) as dialer:
        outcome = read(dialer, source(dialer), settings, day_window(known_legs=7))
    assert (outcome.clients[0].label, outcome.sealed) == ("not an export", ())


Answering = Callable[[dict[str, str]], tuple[str, str]]
"""From the parameters of a request for calls, or without them, to the text and the program that sends it."""


@contextmanager
def strange(answering: Answering, *, status: int = 200) -> Iterator[str]:
    """Open a dialer of which only what it says to the export page matters; its URL."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")))
            text, program = ("", "Apache") if API in self.path else answering(asked)
            body = text.encode("utf-8")
            self.send_response_only(status if asked.get("run_export") else 200)
            for name, value in (("Server", program), ("Content-Type", "text/html"), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/vicidial/"
        finally:
            server.shutdown()
            thread.join()


def ask(url: str, settings: Settings) -> CampaignOutcome:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as clock:
        return read(clock, source(url), settings, EARLY)


def is_form(asked: dict[str, str]) -> bool:
    return "run_export" not in asked


@pytest.mark.parametrize(
    "sentence",
    [
        NOTHING,
        "Il n&#39;y a pas d&eacute;appels".replace("&#39;", "'"),
        "Es gibt keine eingehenden Anrufe in diesem Zeitraum für diese Parameter",
        "Нет входящих звонков за этот период для этих параметров",
        "在此时间段内没有这些参数的呼入电话",
    ],
)
def test_any_language_is_understood(settings: Settings, sentence: str) -> None:
    with strange(lambda asked: (FORM if is_form(asked) else sentence, "Apache")) as url:
        # It tells no build, so that an idle dialer and one that does not know all campaigns look alike.
        fared = ask(url, settings)
    assert (fared.clients[0].failure, [window.rows for window in fared.sealed]) == (None, [0])


def test_a_form_that_offers_no_names_is_one(settings: Settings) -> None:
    with strange(lambda asked: ("<HTML><FORM></FORM></HTML>" if is_form(asked) else NOTHING, "Apache")) as url:
        assert ask(url, settings).clients[0].failure is None


def changing(first: str, later: str) -> Answering:
    """A page that shows the second text once the first one was seen."""
    seen: list[str] = []

    def answer(asked: dict[str, str]) -> tuple[str, str]:
        if is_form(asked):
            return FORM, "Apache"
        seen.append(first if not seen else later)
        return seen[-1], "Apache"

    return answer


@pytest.mark.parametrize(
    "answering",
    [
        pytest.param(lambda asked: (NOTHING, "Apache"), id="the same to everything"),
        pytest.param(lambda asked: ("Por favor identifiquese", "Apache"), id="a login page"),
        pytest.param(
            lambda asked: (FORM, "Apache") if is_form(asked) else ("Service under maintenance", "proxy"), id="a proxy"
        ),
        pytest.param(
            lambda asked: ("<form><input TYPE='password'></form>" if is_form(asked) else NOTHING, "Apache"),
            id="a login form",
        ),
        pytest.param(lambda asked: ("<p>Hola</p>" if is_form(asked) else NOTHING, "Apache"), id="another page"),
        pytest.param(
            changing(NOTHING, "There are no calls during this time period for these parameters"), id="English"
        ),
        pytest.param(changing("Please wait", NOTHING), id="another sentence"),
        *(
            pytest.param(lambda asked, text=text: (FORM if is_form(asked) else text, "Apache"), id=text[:12])
            for text in (
                "Fatal error: Uncaught mysqli_sql_exception in /srv/www/report.php on line 214",
                "<br />\n<b>Warning</b>:  Undefined variable in <b>/srv/www/report.php</b> on line <b>7</b><br />",
                "PHP Fatal error: Allowed memory size exhausted",
                "Acceso no permitido: |report|GOOD|",
                "<html><body>No hay llamadas</body></html>",
                "No hay llamadas\nNo hay llamadas",
                "Table vicidial_log is marked as crashed and should be repaired (144)",
                "Table vicidial_log is marked as crashed",
                "MySQL server has gone away",
                "Zugriff verweigert (Access denied)",
                "no",
            )
        ),
    ],
)
def test_any_other_page_stays_a_failure(settings: Settings, answering: Answering) -> None:
    with strange(answering) as url:
        fared = ask(url, settings)
    assert (fared.clients[0].label, fared.sealed) == ("not an export", ())


@pytest.mark.parametrize("status", [404, 403, 201])
def test_another_status_is_no_sentence(settings: Settings, status: int) -> None:
    with strange(lambda asked: (FORM if is_form(asked) else NOTHING, "Apache"), status=status) as url:
        fared = ask(url, settings)
    assert (fared.clients[0].failure is None, fared.sealed) == (False, ())
