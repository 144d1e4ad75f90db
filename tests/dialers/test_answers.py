"""Which answers are exports, and which prove that the password was right."""

import pytest

from dialers.answers import Answer

HOST, USER, PASSWORD = "dialer.example", "report", "s3cret"
EXPORT_HEADERS = {"content-disposition": 'attachment; filename="x.txt"', "content-type": "application/octet-stream"}


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
