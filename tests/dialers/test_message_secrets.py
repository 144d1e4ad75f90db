"""No secret of a message gets into an error, however it is encoded."""

import html
import json
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialers.answers import Answer
from dialers.message_secrets import remove_secrets
from dialers.refusals import refusal
from tests.dialers.sources import source

DIALER = "https://dialer.example/vicidial/"


@pytest.mark.parametrize(
    ("text", "user", "password", "shown"),
    [
        ("Kein Zugriff für report mit S3CRET, Fehler 4711", "report", "s3cret", "Kein Zugriff für … mit …, Fehler #"),
        ("<h1>Wartung</h1>\n bis 10:30", "report", "p", "Wartung bis #:#"),
        ("Anmeldung: |report|whatever stands here|CODE|", "x", "y", "Anmeldung: |…|…|…|"),
        ("echo Pabc and P@a!b#c", "report", "P@a!b#c", "echo … and …"),
        ("welcome pässwort", "u", "päss wort!", "welcome …"),
        ("a<b>c", "u", "a<b>c", "…"),
        ("x" * 100, "u", "p", "x" * 80),
        ("report" * 30 + "the end", "report", "p", "…" * 30 + "the end"),
        ("", "u", "p", "nothing"),
        ("<html></html>", "", "", "nothing"),
    ],
)
def test_an_unknown_message_is_named_without_secrets(text: str, user: str, password: str, shown: str) -> None:
    assert remove_secrets(text, user, password) == shown
    error = refusal(
        Answer(status=200, headers={}, start=text), source(DIALER, username=user, password=password), "x.php"
    )
    assert str(error).count(f'"{shown}"') == 1


ENCODERS: dict[str, Callable[[str], str]] = {
    "html": html.escape,
    "numbers": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "hexadecimal numbers": lambda text: "".join(f"&#x{ord(character):X};" for character in text),
    "url": lambda text: quote(text, safe=""),
    "small letters of a url": lambda text: quote(text, safe="").lower(),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "escapes": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "plain": str,
}


@pytest.mark.parametrize(
    "password", ["Tiger&Lion<best>", "Tiger Lion%20best", "Tiger+Lion=best/ü", 'Tiger"Lion&amp;best']
)
@pytest.mark.parametrize("outer", ENCODERS)
@pytest.mark.parametrize("inner", ENCODERS)
def test_no_password_survives_however_it_is_encoded(inner: str, outer: str, password: str) -> None:
    echo = ENCODERS[outer](ENCODERS[inner](password))
    shown = remove_secrets(f"Denied for {echo} by rule", "report", password)
    assert not any(word in shown.lower() for word in ("tiger", "lion", "best"))


def test_no_login_header_survives() -> None:
    token = b64encode(b"report:Tiger&Lion").decode()
    assert token.rstrip("=") not in remove_secrets(f"Authorization: Basic {token}", "report", "Tiger&Lion")


@given(
    before=st.text(max_size=120),
    after=st.text(max_size=40),
    password=st.text("abcXYZ#<>|'\"äж 7\\.", min_size=3, max_size=12),
)
def test_no_password_survives_in_the_name_of_a_message(before: str, after: str, password: str) -> None:
    shown = remove_secrets(f"{before}{password}{after}", "report", password)
    assert len(shown) <= 80
    assert password.strip() not in shown or password.strip() in f"{before} {after}"
