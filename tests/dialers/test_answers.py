"""What each observed message means, by its literal text; and that no secret of it gets into an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialers.answers import Answer, refusal, without_secrets
from errors import (
    AccountLocked,
    AddressBlocked,
    DialerBusy,
    DialerFailed,
    DialerRefused,
    LoginRejected,
    NotPermitted,
    RedirectRefused,
    ReportUnknown,
    SyncError,
    TwoFactorRequired,
)
from tests.dialers.sources import source

HOST, USER, PASSWORD = "dialer.example", "report", "s3cret"
EXPORT_HEADERS = {"content-disposition": 'attachment; filename="x.txt"', "content-type": "application/octet-stream"}


def error_of(status: int, text: str = "", user: str = USER, password: str = PASSWORD, **headers: str) -> SyncError:
    answer = Answer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, start=text
    )
    asked = source(f"https://{HOST}/vicidial/", username=user, password=password)
    return refusal(answer, asked, "page.php")


@pytest.mark.parametrize(
    ("status", "text", "kind", "advice"),
    [
        (401, "Login incorrect, please try again: |||BAD|", LoginRejected, "Correct the password"),
        (401, "Login incorrect, please try again: |report|s3cret|BAD|", LoginRejected, "Correct the password"),
        (401, "Login incorrect, please try again: |report|s3cret|2FA|", TwoFactorRequired, "exemption from 2FA"),
        (
            200,
            'Your session is expired. <a href="admin.php">Click here to log in</a>.',
            TwoFactorRequired,
            "exemption from 2FA",
        ),
        (200, "Too many login attempts, try again in 15 minutes: |report|LOCK|", AccountLocked, "one dedicated user"),
        (200, "Your IP Address is not allowed: 10.0.0.7: |report|IPBLOCK|", AddressBlocked, "IP list"),
        (200, "Your IP Address is not allowed: : |report|IPBLOCK|", AddressBlocked, "IP list"),
        (200, "You are not allowed to view reports: |report|GOOD|", NotPermitted, "'View Reports'"),
        (200, "You do not have permissions for export reports: |report|", NotPermitted, "'Export Reports'"),
        (
            401,
            "You are not allowed to view this report: |report|Export Calls Report|",
            NotPermitted,
            "'Allowed Reports'",
        ),
        (200, "This user does not exist: |report|1001|", NotPermitted, "outside the groups"),
        (200, "MySQL connect ERROR:  Connection refused", DialerBusy, "Every cycle asks again"),
        (401, "Invalid Username/Password: |report|s3cret|", LoginRejected, "Correct the password"),
        (
            200,
            "Invalid Username/Password or no export report permission: |report|",
            LoginRejected,
            "Correct the password",
        ),
        (
            200,
            "<br />\n<b>Warning</b>:  Undefined variable in <b>/srv/x.php</b> on line <b>3</b><br />",
            ReportUnknown,
            "display_errors",
        ),
        (200, "<html><form action=call_report_export.php>", ReportUnknown, "Check the URL"),
        (200, "", ReportUnknown, "Check the URL"),
        (401, "a proxy wants something", LoginRejected, "Correct the password"),
        (404, "<h1>Not Found</h1>", DialerRefused, "Check the URL"),
        (400, "bad", DialerRefused, "Check the URL"),
        (500, "", DialerFailed, "memory_limit"),
        (429, "", DialerBusy, "Every cycle asks again"),
        (502, "", DialerBusy, "Every cycle asks again"),
        (503, "", DialerBusy, "Every cycle asks again"),
        (504, "", DialerBusy, "Every cycle asks again"),
    ],
)
def test_a_message_is_the_error_with_the_advice_that_helps(
    status: int, text: str, kind: type[SyncError], advice: str
) -> None:
    error = error_of(status, text)
    assert type(error) is kind
    assert advice in str(error)
    assert HOST in str(error)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize("word", ["LOCK", "IPBLOCK", "2FA", "GOOD"])
def test_a_user_or_password_like_a_code_word_is_only_a_refused_login(word: str) -> None:
    for user, password in ((word, "x"), ("report", word)):
        text = f"Login incorrect, please try again: |{user}|{password}|BAD|"
        assert type(error_of(401, text, user, password)) is LoginRejected
        assert not Answer(status=401, headers={}, start=text).proves_login


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0), ("", None), ("-1", None)],
)
def test_the_time_that_a_busy_dialer_asks_for_is_kept(header: str, seconds: float | None) -> None:
    assert error_of(503, retry_after=header).args == (HOST, "HTTP 503", seconds)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://other.example/vicidial/?pass=s3cret", "https://other.example"),
        ("http://report:s3cret@other.example:81/x", "http://other.example:81"),
        ("/login.php?pass=s3cret", "another page"),
        ("", "another page"),
    ],
)
def test_of_a_redirect_only_the_machine_is_named(location: str, shown: str) -> None:
    error = error_of(302, location=location)
    assert type(error) is RedirectRefused
    assert error.args == (HOST, shown)


@pytest.mark.parametrize(
    ("status", "headers", "is_export"),
    [
        (200, EXPORT_HEADERS, True),
        (206, EXPORT_HEADERS, False),
        (200, {"content-type": "application/octet-stream"}, False),
        (200, EXPORT_HEADERS | {"content-type": "text/html"}, False),
        (200, EXPORT_HEADERS | {"content-disposition": "inline"}, False),
    ],
)
def test_only_an_attachment_of_octets_is_an_export(status: int, headers: dict[str, str], is_export: bool) -> None:
    assert Answer(status=status, headers=headers).is_export is is_export


@pytest.mark.parametrize("kind", ["", "inbound ", "outbound "])
def test_no_calls_is_an_answer_and_no_error(kind: str) -> None:
    text = f"There are no {kind}calls during this time period for these parameters"
    assert Answer(status=200, headers={}, start=text).is_empty_export
    assert not Answer(status=500, headers={}, start=text).is_empty_export
    assert not Answer(status=200, headers={}, start="x" + text).is_empty_export


@pytest.mark.parametrize(
    ("text", "proves"),
    [
        ("There are no calls during this time period for these parameters", True),
        ("You are not allowed to view reports: |report|GOOD|", True),
        ("You do not have permissions for export reports: |report|", True),
        ("You are not allowed to view this report: |report|User Stats|", True),
        ("Your IP Address is not allowed: : |report|IPBLOCK|", False),
        ("Login incorrect, please try again: |report|s3cret|2FA|", False),
        ("MySQL connect ERROR:  Connection refused", False),
        ("", False),
    ],
)
def test_which_messages_prove_that_the_password_was_right(text: str, proves: bool) -> None:
    assert Answer(status=200, headers={}, start=text).proves_login is proves


def test_an_export_proves_that_the_password_was_right() -> None:
    assert Answer(status=200, headers=EXPORT_HEADERS).proves_login


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
    assert without_secrets(text, user, password) == shown
    assert str(error_of(200, text, user, password)).count(f'"{shown}"') == 1


@given(
    before=st.text(max_size=120),
    after=st.text(max_size=40),
    password=st.text("abcXYZ#<>|'\"äж 7\\.", min_size=3, max_size=12),
)
def test_no_password_survives_in_the_name_of_a_message(before: str, after: str, password: str) -> None:
    shown = without_secrets(f"{before}{password}{after}", "report", password)
    assert len(shown) <= 80
    assert password.strip() not in shown or password.strip() in f"{before} {after}"
