"""Each observed message is the right error, by its literal text."""

import pytest

from dialers.answers import Answer
from dialers.refusals import refusal
from errors import (
    AccountLocked,
    AddressBlocked,
    ClientCertificateWanted,
    DialerBusy,
    DialerFailed,
    DialerRefused,
    EncryptionMissing,
    GatewayFailed,
    LoginRejected,
    NotPermitted,
    PhpMessagesShown,
    RedirectRefused,
    ReportUnknown,
    SyncError,
    TwoFactorRequired,
)
from tests.dialers.sources import source

HOST, USER, PASSWORD = "dialer.example", "report", "s3cret"


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
            PhpMessagesShown,
            "display_errors",
        ),
        (200, "<html><form action=call_report_export.php>", ReportUnknown, "Check the URL"),
        (200, "", ReportUnknown, "Check the URL"),
        (401, "a proxy wants something", LoginRejected, "Correct the password"),
        (404, "<h1>Not Found</h1>", DialerRefused, "Check the URL"),
        (400, "bad", DialerRefused, "Check the URL"),
        (500, "", DialerFailed, "memory_limit"),
        (429, "", DialerBusy, "Every cycle asks again"),
        *((code, "<h1>Bad</h1>", GatewayFailed, "Check it first") for code in (408, 502, 504, *range(520, 528))),
        (400, "<h1>400</h1>No required SSL certificate was sent", ClientCertificateWanted, "SSLVerifyClient"),
        (400, "The plain HTTP request was sent to HTTPS port", EncryptionMissing, "Write https://"),
        (400, "You're speaking plain HTTP to an SSL-enabled server port.", EncryptionMissing, "Write https://"),
        (503, "", DialerBusy, "Every cycle asks again"),
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
