"""Rows of the credentials table: one that cannot be used is set aside alone, with all its reasons."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Settings
from credentials.rows import problems_of, source_key, usable_credentials
from messages import Credential, SkippedRow
from tables import CREDENTIALS

SETTINGS = Settings(default_timezone="Europe/Berlin", max_connections_per_host=3)


def row(**changes: str | None) -> dict[str, str | None]:
    return {
        "campaign": "Sales", "client_id": "C1", "client_name": "Client 1", "url": "https://d.example/vicidial/",
        "username": "report", "password": "hunter2",
    } | changes  # fmt: skip


def sorted_out(*rows: dict[str, str | None]) -> tuple[list[Credential], list[SkippedRow]]:
    return usable_credentials(list(rows), SETTINGS)


def one(**changes: str | None) -> Credential:
    [credential], skipped = sorted_out(row(**changes))
    assert skipped == []
    return credential


def refusal(**changes: str | None) -> str:
    credentials, [skipped] = sorted_out(row(**changes))
    assert (credentials, skipped.failed) == ([], True)
    assert "hunter2" not in repr(skipped)
    return skipped.reason


def test_a_row_becomes_this_source() -> None:
    credential = one(timezone="America/New_York", max_connections="5", verify_tls="no", enabled="yes")
    assert credential == Credential(
        source_key=source_key(row()), campaign="Sales", client_id="C1", client_name="Client 1",
        report="call_report_export", dialer_url="https://d.example/vicidial/", parameters=(), username="report",
        password="hunter2", timezone="America/New_York", max_connections=5, verify_tls=False,
    )  # fmt: skip
    assert "hunter2" not in repr(credential)
    assert len(credential.source_key) == 32


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_empty_fields_have_their_defaults(empty: str | None) -> None:
    names = ("client_name", "timezone", "enabled", "max_connections", "verify_tls", "dialer_campaigns", "ingroups")
    credential = one(**dict.fromkeys(names, empty))
    assert (credential.client_name, credential.timezone, credential.max_connections) == ("C1", "Europe/Berlin", 3)
    assert (credential.verify_tls, credential.parameters) == (True, ())


def test_columns_are_known_in_every_spelling() -> None:
    spelled = {
        "CAMPAIGN": "Sales", "ClientID": "C1", "Client_Name": "Client 1", "Url": "https://d.example/vicidial/",
        "UserName": "report", "PASSWORD": "hunter2", "Max Connections": "5", "verifyTLS": "no", "TimeZone": "UTC",
        "InGroups": "A", "dialerCampaigns": "B", "remarks": "not ours",
    }  # fmt: skip
    [credential], skipped = sorted_out(dict(spelled))
    assert skipped == []
    assert (credential.max_connections, credential.verify_tls, credential.timezone) == (5, False, "UTC")
    assert credential.parameters == (("campaign[]", "B"), ("group[]", "A"))
    assert credential.source_key == source_key(row())


def test_blanks_around_a_value_are_dropped_but_a_password_is_left_as_it_is() -> None:
    credential = one(client_id=" C1 ", url=" https://d.example/vicidial/ ", username=" report ", password=" p w ")
    assert (credential.client_id, credential.username, credential.password) == ("C1", "report", " p w ")
    assert credential.source_key == source_key(row())


@pytest.mark.parametrize("name", ["campaign", "client_id", "url", "username", "password"])
@pytest.mark.parametrize("empty", ["", None])
def test_a_required_field_must_not_be_empty(name: str, empty: str | None) -> None:
    assert refusal(**{name: empty}) == f"{name}: is empty"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": "https://report:hunter2@d.example/"}, "url: the URL holds a user name or password"),
        ({"url": "d.example"}, "url: the URL must begin with http://"),
        ({"timezone": "Eastern"}, "timezone: is no IANA time zone"),
        ({"timezone": "America"}, "timezone: is no IANA time zone"),
        ({"timezone": "../etc/passwd"}, "timezone: is no IANA time zone"),
        ({"timezone": "+01:00"}, "timezone: is no IANA time zone"),
        ({"enabled": "maybe"}, "enabled: is neither yes nor no"),
        ({"verify_tls": "2"}, "verify_tls: is neither yes nor no"),
        ({"max_connections": "0"}, "max_connections: must be a whole number from 1 to 50"),
        ({"max_connections": "51"}, "max_connections: must be a whole number from 1 to 50"),
        ({"max_connections": "1.5"}, "max_connections: must be a whole number from 1 to 50"),
        ({"max_connections": "-1"}, "max_connections: must be a whole number from 1 to 50"),
        ({"password": "env:NO_SUCH_VARIABLE"}, "password: the environment variable NO_SUCH_VARIABLE is not set"),
        ({"password": "hunter2\ufffd"}, "password: has a character that was lost"),
        ({"password": "hunter2\ud800"}, "password: has a character that was lost"),
        ({"password": "env:\ud800"}, "password: has a character that was lost"),
        ({"username": "rep\ufffdort"}, "username: has a character that was lost"),
        ({"username": "rep:ort"}, "username: has a colon in it, which a login over HTTP cannot carry"),
        ({"username": "rep\nort"}, "username: has a control character in it"),
        ({"password": "env:"}, "password: the environment variable  is not set"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_with_a_reason(change: dict[str, str], reason: str) -> None:
    assert refusal(**change).startswith(reason)


def test_all_reasons_of_a_row_are_told_at_once() -> None:
    reasons = refusal(username="", timezone="Eastern", max_connections="many").split("; ")
    assert [reason.split(":")[0] for reason in reasons] == ["username", "timezone", "max_connections"]


def test_a_bad_row_leaves_the_others_alone() -> None:
    credentials, [skipped] = sorted_out(row(), row(client_id="C2", url="nonsense"), row(client_id="C3"))
    assert [credential.client_id for credential in credentials] == ["C1", "C3"]
    assert (skipped.client_id, skipped.client_name, skipped.campaign) == ("C2", "Client 1", "Sales")


@pytest.mark.parametrize("no", ["no", "No", "NO", "n", "false", "f", "0", "off"])
def test_a_row_that_is_switched_off_is_skipped_and_has_not_failed(no: str) -> None:
    credentials, [skipped] = sorted_out(row(enabled=no))
    assert (credentials, skipped.reason, skipped.failed) == ([], "switched off", False)


def test_nothing_has_to_be_done_about_a_bad_row_that_is_switched_off() -> None:
    _, [skipped] = sorted_out(row(enabled="no", url="nonsense", password="env:NO_SUCH_VARIABLE"))
    assert (skipped.reason, skipped.failed) == ("switched off", False)


@pytest.mark.parametrize("yes", ["yes", "Y", "TRUE", "t", "1", "on", "", None])
def test_anything_that_means_yes_leaves_a_row_on(yes: str | None) -> None:
    assert one(enabled=yes).client_id == "C1"


def test_the_same_row_twice_is_read_once_and_has_not_failed() -> None:
    credentials, [skipped] = sorted_out(row(), row(client_id=" C1"))
    assert len(credentials) == 1
    assert (skipped.reason, skipped.failed) == ("the same row stands in the table twice", False)


@pytest.mark.parametrize(
    "change", [{"password": "other"}, {"client_name": "Other"}, {"url": "https://D.example"}, {"ingroups": "A"}]
)
def test_one_source_twice_in_different_rows_fails_but_is_read_once(change: dict[str, str]) -> None:
    credentials, [skipped] = sorted_out(row(), row(**change))
    assert [credential.password for credential in credentials] == ["hunter2"]
    assert (skipped.reason, skipped.failed) == (
        "another row has the same client, campaign and URL: keep one of them", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"client_id": "C2"}, {"campaign": "Support"}, {"url": "https://d.example/vicidial/user_stats.php?user=1"}],
)
def test_another_source_is_read_too(change: dict[str, str]) -> None:
    credentials, skipped = sorted_out(row(), row(**change))
    assert (len({credential.source_key for credential in credentials}), skipped) == (2, [])


def test_what_identifies_a_source_cannot_run_into_each_other() -> None:
    assert source_key(row(client_id="A", campaign="BC")) != source_key(row(client_id="AB", campaign="C"))


def test_a_password_may_stand_in_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALER_PASSWORD", "hunter3")
    assert one(password="env:DIALER_PASSWORD").password == "hunter3"
    assert one(password="ENV:DIALER_PASSWORD").password == "ENV:DIALER_PASSWORD"
    monkeypatch.setenv("DIALER_PASSWORD", "")
    assert "DIALER_PASSWORD is not set" in refusal(password="env:DIALER_PASSWORD")


def test_rows_of_one_host_share_the_least_limit_that_any_of_them_names() -> None:
    credentials, _ = sorted_out(
        row(max_connections="8"), row(client_id="C2", max_connections="2", url="https://D.EXAMPLE:443/vicidial/"),
        row(client_id="C3"), row(client_id="C4", max_connections="8", url="https://d.example:8443/"),
        row(client_id="C5", max_connections="1", enabled="no"), row(client_id="C6", url="https://other.example"),
    )  # fmt: skip
    limits = {credential.client_id: credential.max_connections for credential in credentials}
    assert limits == {"C1": 2, "C2": 2, "C3": 2, "C4": 8, "C6": 3}


# Campaigns and in-groups in columns of their own


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({"dialer_campaigns": "A, B,,C "}, "campaign[]=A campaign[]=B campaign[]=C group[]=---ALL---"),
        ({"ingroups": "X"}, "campaign[]=---ALL--- group[]=X"),
        ({"ingroups": "X", "dialer_campaigns": "A"}, "campaign[]=A group[]=X"),
        (
            {"ingroups": "X", "url": "https://d.example/vicidial/call_report_export.php?group[]=Y&status[]=SALE"},
            "group[]=Y status[]=SALE campaign[]=---ALL---",
        ),
        ({"ingroups": "X", "url": "https://d.example/vicidial/user_stats.php?user=1"}, "user=1"),
    ],
)
def test_campaigns_and_in_groups_may_be_named_in_columns(changes: dict[str, Any], parameters: str) -> None:
    assert " ".join(f"{name}={value}" for name, value in one(**changes).parameters) == parameters


def test_a_row_without_anything_lacks_every_required_column() -> None:
    assert [problem.column for problem in problems_of({})] == ["campaign", "client_id", "url", "username", "password"]


ANYTHING = st.none() | st.text(st.characters(), max_size=20)
LIKELY = st.sampled_from(
    [
        "https://d.example/",
        "http://[::1]:8/?user=\ud800",
        "UTC",
        "America",
        "a.b/..",
        "C:",
        "yes",
        "٣",
        "²",
        "env:\0",
        "\0",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(CREDENTIALS.names), ANYTHING | LIKELY), max_size=3))
def test_any_values_give_a_source_or_a_reason(changes: list[dict[str, str | None]]) -> None:
    rows = [row(password="hunter2 of the dialer") | change for change in changes]
    credentials, skipped = sorted_out(*rows)
    assert len(credentials) + len(skipped) == len(rows)
    for unused in skipped:
        assert unused.reason
        assert "hunter2" not in repr(unused)
        repr(unused).encode()
    for credential in credentials:
        "".join((credential.campaign, credential.client_name, credential.username, credential.password)).encode()
