"""Rows of the credentials table: one that cannot be used is set aside alone, with all its reasons."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import Settings
from credentials.row_problems import find_problems
from credentials.rows import parse_row, parse_rows, source_key
from credentials.sources import usable_sources
from messages import DialerAddress, SkippedRow, Source, SourceIdentity
from tables import CREDENTIALS

SETTINGS = Settings(default_timezone="Europe/Berlin", max_connections_per_host=3)


def row(**changes: str | None) -> dict[str, str | None]:
    return {
        "campaign": "Sales", "client_id": "C1", "client_name": "Client 1", "url": "https://d.example/vicidial/",
        "username": "report", "password": "hunter2",
    } | changes  # fmt: skip


def sort_out(*rows: dict[str, str | None]) -> tuple[list[Source], list[SkippedRow]]:
    return usable_sources(parse_rows(rows), SETTINGS)


def one(**changes: str | None) -> Source:
    [source], skipped = sort_out(row(**changes))
    assert skipped == []
    return source


def refusal(**changes: str | None) -> str:
    sources, [skipped] = sort_out(row(**changes))
    assert (sources, skipped.failed) == ([], True)
    assert "hunter2" not in repr(skipped)
    return skipped.reason


def test_a_row_becomes_this_source() -> None:
    source = one(timezone="America/New_York", max_connections="5", verify_tls="no", enabled="yes")
    assert source == Source(
        identity=SourceIdentity(source_key(row()), "Sales", "C1", "Client 1"), report="call_report_export",
        address=DialerAddress(scheme="https", hostname="d.example"), parameters=(),
        username="report", password="hunter2", timezone="America/New_York", max_connections=5, verify_tls=False,
    )  # fmt: skip
    assert "hunter2" not in repr(source)
    assert len(source.key) == 32


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_empty_fields_have_their_defaults(empty: str | None) -> None:
    names = ("client_name", "timezone", "enabled", "max_connections", "verify_tls", "dialer_campaigns", "ingroups")
    source = one(**dict.fromkeys(names, empty))
    assert (source.client_name, source.timezone, source.max_connections) == ("C1", "Europe/Berlin", 3)
    assert (source.verify_tls, source.parameters) == (True, ())


def test_columns_are_known_in_every_spelling() -> None:
    spelled = {
        "CAMPAIGN": "Sales", "ClientID": "C1", "Client_Name": "Client 1", "Url": "https://d.example/vicidial/",
        "UserName": "report", "PASSWORD": "hunter2", "Max Connections": "5", "verifyTLS": "no", "TimeZone": "UTC",
        "InGroups": "A", "dialerCampaigns": "B", "remarks": "not ours",
    }  # fmt: skip
    [source], skipped = sort_out(dict(spelled))
    assert skipped == []
    assert (source.max_connections, source.verify_tls, source.timezone) == (5, False, "UTC")
    assert source.parameters == (("campaign[]", "B"), ("group[]", "A"))
    assert source.key == source_key(row())


def test_blanks_around_a_value_are_dropped_but_a_password_is_left_as_it_is() -> None:
    source = one(client_id=" C1 ", url=" https://d.example/vicidial/ ", username=" report ", password=" p w ")
    assert (source.client_id, source.username, source.password) == ("C1", "report", " p w ")
    assert source.key == source_key(row())


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
        ({"password": "env:DIALER_NOBODY"}, "password: the environment variable DIALER_NOBODY is not set"),
        ({"password": "hunter2\ufffd"}, "password: has a character that was lost"),
        ({"password": "hunter2\ud800"}, "password: has a character that was lost"),
        ({"password": "env:\ud800"}, "password: has a character that was lost"),
        ({"username": "rep\ufffdort"}, "username: has a character that was lost"),
        ({"username": "rep:ort"}, "username: has a colon in it, which a login over HTTP cannot carry"),
        ({"password": "hunter2\n"}, "password: has a line break in it"),
        ({"username": "rep\nort"}, "username: has a control character in it"),
        ({"password": "env:"}, "password: the environment variable  is not set"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_with_a_reason(change: dict[str, str], reason: str) -> None:
    assert refusal(**change).startswith(reason)


def test_all_reasons_of_a_row_are_told_at_once() -> None:
    reasons = refusal(username="", timezone="Eastern", max_connections="many").split("; ")
    assert [reason.split(":")[0] for reason in reasons] == ["username", "timezone", "max_connections"]


@pytest.mark.parametrize("url", ["dialer", "", "https://d.example/vicidial/?group[]=%26"])
def test_a_wrong_url_does_not_hide_wrong_names_in_the_columns(url: str) -> None:
    reasons = refusal(url=url, dialer_campaigns="n/a", ingroups="A" if "group" in url else "R&D")
    assert [part for part in ("url: ", "dialer_campaigns: ", "ingroups: ") if part in reasons] == [
        "url: ", "dialer_campaigns: ", *(() if "group" in url else ("ingroups: ",)),
    ]  # fmt: skip


def test_a_bad_row_leaves_the_others_alone() -> None:
    sources, [skipped] = sort_out(row(), row(client_id="C2", url="nonsense"), row(client_id="C3"))
    assert [source.client_id for source in sources] == ["C1", "C3"]
    assert (skipped.identity.client_id, skipped.identity.client_name, skipped.identity.campaign) == (
        "C2",
        "Client 1",
        "Sales",
    )


@pytest.mark.parametrize(
    "no", ["no", "No", "NO", "n", "false", "f", "0", "off", "Nein", "non", "NÃO", "na\u0303o", "нет", "FALSCH"]
)
def test_a_row_that_is_switched_off_is_skipped_and_has_not_failed(no: str) -> None:
    sources, [skipped] = sort_out(row(enabled=no))
    assert (sources, skipped.reason, skipped.failed) == ([], "switched off", False)


def test_nothing_has_to_be_done_about_a_bad_row_that_is_switched_off() -> None:
    _, [skipped] = sort_out(row(enabled="no", url="nonsense", password="env:DIALER_NOBODY"))
    assert (skipped.reason, skipped.failed) == ("switched off", False)


@pytest.mark.parametrize(
    "yes", ["yes", "Y", "TRUE", "t", "1", "on", "", None, "Ja", "SÍ", "si", "oui", "да", "WAHR", "はい"]
)
def test_anything_that_means_yes_leaves_a_row_on(yes: str | None) -> None:
    assert one(enabled=yes).client_id == "C1"


def test_the_same_row_twice_is_read_once_and_has_not_failed() -> None:
    sources, [skipped] = sort_out(row(), row(client_id=" C1"))
    assert len(sources) == 1
    assert (skipped.reason, skipped.failed) == ("the same row stands in the table twice", False)


@pytest.mark.parametrize(
    "change", [{"password": "other"}, {"client_name": "Other"}, {"url": "https://D.example"}, {"ingroups": "A"}]
)
def test_one_source_twice_in_different_rows_fails_but_is_read_once(change: dict[str, str]) -> None:
    sources, [skipped] = sort_out(row(), row(**change))
    assert [source.password for source in sources] == ["hunter2"]
    assert (skipped.reason, skipped.failed) == (
        "another row has the same client, campaign and URL: keep one of them", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"client_id": "C2"}, {"campaign": "Support"}, {"url": "https://d.example/vicidial/user_stats.php?user=1"}],
)
def test_another_source_is_read_too(change: dict[str, str]) -> None:
    sources, skipped = sort_out(row(), row(**change))
    assert (len({source.key for source in sources}), skipped) == (2, [])


def test_what_identifies_a_source_cannot_run_into_each_other() -> None:
    assert source_key(row(client_id="A", campaign="BC")) != source_key(row(client_id="AB", campaign="C"))


def test_a_password_may_stand_in_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALER_PASSWORD", "hunter3")
    assert one(password="env:DIALER_PASSWORD").password == "hunter3"
    assert one(password="ENV:DIALER_PASSWORD").password == "ENV:DIALER_PASSWORD"
    monkeypatch.setenv("DIALER_PASSWORD", "")
    assert "DIALER_PASSWORD is not set" in refusal(password="env:DIALER_PASSWORD")
    for spoiled in ("abc\n", "a\rb"):
        monkeypatch.setenv("DIALER_PASSWORD", spoiled)
        assert "has a line break in it" in refusal(password="env:DIALER_PASSWORD")


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "PATH", "dialer_x", "MY_DIALER_X", "DIALER"])
def test_a_row_reaches_no_variable_that_is_not_meant_for_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "cloud-secret-4711")
    told = refusal(password=f"env:{variable}")
    assert f"{variable} may not be sent to a dialer" in told
    assert "4711" not in told


def test_the_advice_for_a_variable_keeps_those_that_are_allowed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is followed literally, and other rows use variables of the default."""
    names = ("DIALER_Y", "GAMMA_PASSWORD", "OTHER")
    for name in names:
        monkeypatch.setenv(name, "hunter3")
    rows = parse_rows([row(client_id=name, password=f"env:{name}") for name in names])
    settings, usable = Settings(), [0, 0, 0]
    for turn in range(3):
        sources, skipped = usable_sources(rows, settings)
        usable[turn] = len(sources)
        for each in skipped[:1]:
            assert not each.import_needed
            settings = Settings(password_variables=each.reason.partition("PASSWORD_VARIABLES=")[2])
    assert usable == [1, 2, 3]


def test_only_a_mistake_in_the_row_itself_needs_an_import() -> None:
    _, skipped = sort_out(row(password="env:NOT_SET"), row(client_id="C2", password="env:NOT_SET", url="x"))
    assert [each.import_needed for each in skipped] == [False, True]


@pytest.mark.parametrize(
    ("allowed", "others"), [("CRM_PASSWORD", {}), ("DIALER_*, CRM_*", {}), ("DIALER_*", {"CRM_PASSWORD": "x"})]
)
def test_the_operator_says_which_variables_are_meant(
    allowed: str, others: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_PASSWORD", "hunter3")
    meant = Settings(password_variables=allowed, others=others)
    (source,), _ = usable_sources(parse_rows([row(password="env:CRM_PASSWORD")]), meant)
    assert source.password == "hunter3"


def test_rows_of_one_host_share_the_least_limit_that_any_of_them_names() -> None:
    sources, _ = sort_out(
        row(max_connections="8"), row(client_id="C2", max_connections="2", url="https://D.EXAMPLE:443/vicidial/"),
        row(client_id="C3"), row(client_id="C4", max_connections="8", url="https://d.example:8443/"),
        row(client_id="C5", max_connections="1", enabled="no"), row(client_id="C6", url="https://other.example"),
    )  # fmt: skip
    limits = {source.client_id: source.max_connections for source in sources}
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
        ({"ingroups": "X;Y", "dialer_campaigns": "none"}, "campaign[]=---NONE--- group[]=X group[]=Y"),
        ({"ingroups": "*", "dialer_campaigns": "Any"}, "campaign[]=---ALL--- group[]=---ALL---"),
        (
            {"url": "https://d.example/vicidial/?campaign[]=all&user=7&group[]=A%20&group[]=A"},
            "campaign[]=---ALL--- user=7 group[]=A",
        ),
        (
            {"ingroups": "--ALL--", "url": "https://d.example/?campaign[]=--NONE--"},
            "campaign[]=---NONE--- group[]=---ALL---",
        ),
    ],
)
def test_campaigns_and_in_groups_may_be_named_in_columns(changes: dict[str, Any], parameters: str) -> None:
    assert " ".join(f"{name}={value}" for name, value in one(**changes).parameters) == parameters


@pytest.mark.parametrize(
    "changes",
    [
        {"dialer_campaigns": "---NONE---", "ingroups": "none"},
        {"dialer_campaigns": "nothing", "url": "https://d.example/vicidial/?group[]=---NONE---"},
        {"url": "https://d.example/vicidial/?group[]=---NONE---&campaign[]=---NONE---"},
        {"url": "https://d.example/vicidial/?group[]=---NONE---"},
    ],
)
def test_a_row_that_asks_for_nothing_of_both_kinds_is_refused(changes: dict[str, str]) -> None:
    assert refusal(**changes).startswith("dialer_campaigns: and ingroups both say none")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"dialer_campaigns": "n/a"}, "dialer_campaigns"),
        ({"ingroups": "A, hunter2&"}, "ingroups"),
        ({"url": "https://d.example/vicidial/?campaign[]=hunter2%26"}, "url"),
    ],
)
def test_a_row_with_names_that_no_dialer_has_is_refused(changes: dict[str, str], column: str) -> None:
    assert refusal(**changes).startswith(f"{column}: ")


def test_a_column_that_does_not_count_keeps_no_row_from_being_read() -> None:
    assert one(ingroups="-", url="https://d.example/vicidial/user_stats.php?user=1").parameters == (("user", "1"),)
    assert one(ingroups="n/a", url="https://d.example/?group[]=A").parameters == (
        ("group[]", "A"), ("campaign[]", "---ALL---"),
    )  # fmt: skip


def test_a_row_without_anything_lacks_every_required_column() -> None:
    assert [problem.column for problem in find_problems(parse_row({}))] == [
        "campaign",
        "client_id",
        "url",
        "username",
        "password",
    ]


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
    sources, skipped = sort_out(*rows)
    assert len(sources) + len(skipped) == len(rows)
    for unused in skipped:
        assert unused.reason
        assert "hunter2" not in repr(unused)
        repr(unused).encode()
    for source in sources:
        "".join((source.campaign, source.client_name, source.username, source.password)).encode()
