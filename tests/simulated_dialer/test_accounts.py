"""Each kind of refusal has its own text and status, and failures count."""

from datetime import timedelta

import pytest

from simulated_dialer import Account, SimulatedDialer, World
from tests.simulated_dialer.client import Answer, Opening, ask, export, user_stats

ACCOUNTS = [
    Account("report", "secret"),
    Account("level6", "secret", level=6),
    Account("inactive", "secret", active=False),
    Account("noview", "secret", view_reports=False),
    Account("noexport", "secret", export_reports=False),
    Account("noreps", "secret", allowed_reports=("Agent Time Detail",)),
    Account("twofa", "secret", needs_second_factor=True),
    Account("noapi", "secret", api_access=False),
]


def api(dialer: SimulatedDialer, function: str, user: str = "report", password: str = "secret", **more: str) -> bytes:
    asked = {"source": "test", "user": user, "pass": password, "function": function} | more
    answer = ask(dialer, "non_agent_api.php", asked, login=None)
    assert answer.status == 200
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    return answer.body


@pytest.fixture
def dialer(open_dialer: Opening) -> SimulatedDialer:
    return open_dialer(World(calls_per_hour=5), accounts=ACCOUNTS)


@pytest.mark.parametrize(
    ("user", "password", "status", "body"),
    [
        ("report", "wrongpw", 401, "Login incorrect, please try again: |report|wrongpw|BAD|"),
        ("nobody", "pw", 401, "Login incorrect, please try again: |nobody|pw|BAD|"),
        ("level6", "secret", 401, "Login incorrect, please try again: |level6|secret|BAD|"),
        ("inactive", "secret", 401, "Login incorrect, please try again: |inactive|secret|BAD|"),
        ("twofa", "secret", 401, "Login incorrect, please try again: |twofa|secret|2FA|"),
        ("noview", "secret", 200, "You are not allowed to view reports: |noview|GOOD|"),
        ("noexport", "secret", 200, "You do not have permissions for export reports: |noexport|"),
        ("noreps", "secret", 401, "You are not allowed to view this report: |noreps|Export Calls Report|"),
    ],
)
def test_an_export_is_refused_with_the_observed_text(
    dialer: SimulatedDialer, user: str, password: str, status: int, body: str
) -> None:
    answer = export(dialer, (user, password))
    assert (answer.status, answer.body.decode()) == (status, f"{body}\n")
    assert answer.header("Content-Disposition") is None
    assert_closes_when_unauthorised(answer)


def assert_closes_when_unauthorised(answer: Answer) -> None:
    if answer.status == 401:
        assert answer.version == 10
        assert answer.header("Connection") == "close"
        assert answer.header("WWW-Authenticate") == 'Basic realm="CONTACT-CENTER-ADMIN"'
    else:
        assert answer.version == 11


def test_no_login_at_all_is_refused_and_not_counted(dialer: SimulatedDialer) -> None:
    answer = export(dialer, None)
    assert (answer.status, answer.body) == (401, b"Login incorrect, please try again: |||BAD|\n")
    assert dialer.seen.failed_logins == {}


def test_user_stats_tells_a_missing_second_factor_with_200(dialer: SimulatedDialer) -> None:
    answer = ask(dialer, "user_stats.php", {"file_download": "6"}, login=("twofa", "secret"))
    assert answer.status == 200
    assert answer.body == b'Your session is expired. <a href="admin.php">Click here to log in</a>.\n'


def test_ten_failures_lock_the_right_password_out_everywhere(dialer: SimulatedDialer) -> None:
    for _ in range(5):
        assert export(dialer, ("report", "wrong")).status == 401
        assert b"|BAD|" in api(dialer, "campaigns_list", password="wrong")
    locked = export(dialer)
    assert (locked.status, locked.body) == (
        200,
        b"Too many login attempts, try again in 15 minutes: |report|LOCK|\n",
    )
    assert user_stats(dialer, "2001").body == locked.body
    assert api(dialer, "campaigns_list") == b"ERROR: " + locked.body
    assert dialer.seen.failed_logins == {"report": 10}
    dialer.clock.advance(timedelta(minutes=15))
    assert export(dialer).body.startswith(b"call_date\t")


def test_a_success_starts_the_count_anew(dialer: SimulatedDialer) -> None:
    for _ in range(2):
        for _ in range(9):
            assert export(dialer, ("report", "wrong")).status == 401
        assert export(dialer).body.startswith(b"call_date\t")


def test_an_account_that_nobody_used_counts_anew_instead_of_locking(open_dialer: Opening) -> None:
    dialer = open_dialer(World(calls_per_hour=5), accounts=[Account("report", "secret", minutes_since_login=None)])
    statuses = [export(dialer, ("report", "wrong")).status for _ in range(20)]
    assert statuses == [401] * 20
    assert b"|LOCK|" in export(dialer).body


def test_logins_are_stripped_before_they_are_compared(open_dialer: Opening) -> None:
    accounts = [Account("report", "P@a!b#c")]
    dialer = open_dialer(World(calls_per_hour=5), accounts=accounts)
    assert export(dialer, ("report", "Pabc")).body.startswith(b"call_date\t")
    assert export(dialer, ("report", "x@y")).body == b"Login incorrect, please try again: |report|xy|BAD|\n"
    strict = open_dialer(World(calls_per_hour=5), accounts=accounts, strips_logins=False)
    assert export(strict, ("report", "Pabc")).status == 401


def test_a_blocked_address_is_told_with_200(dialer: SimulatedDialer) -> None:
    dialer.misbehave(ip_block=True)
    assert export(dialer).body == b"Your IP Address is not allowed: 127.0.0.1: |report|IPBLOCK|\n"
    assert user_stats(dialer, "2001").body == b"Your IP Address is not allowed: : |report|IPBLOCK|\n"


def test_before_2013_06_other_texts_and_no_lock(open_dialer: Opening) -> None:
    dialer = open_dialer(World(calls_per_hour=5), build="110601-0000")
    answers = [export(dialer, ("report", "wrong")) for _ in range(12)]
    text = b"Invalid Username/Password or no export report permission: |report|\n"
    assert {(answer.status, answer.body) for answer in answers} == {(200, text)}
    answer = ask(dialer, "user_stats.php", {"file_download": "6"}, login=("report", "wrong"))
    assert (answer.status, answer.body) == (401, b"Invalid Username/Password: |report|wrong|\n")


def test_version_needs_no_login_and_tells_the_clock(open_dialer: Opening) -> None:
    winter, summer = World(), World(start=World().start.replace(month=7), timezone="Europe/Berlin")
    assert api(open_dialer(winter), "version", "", "") == (
        b"VERSION: 2.14-202|BUILD: 250720-1841|DATE: 2026-03-05 00:00:00|EPOCH: 1772686800"
        b"|DST: 0|TZ: -5.00|TZNOW: -5.00|\n"
    )
    assert api(open_dialer(summer), "version").endswith(b"|DST: 1|TZ: 1.00|TZNOW: 2.00|\n")
    assert api(open_dialer(winter, build="110101-0000"), "version").endswith(b"|EPOCH: 1772686800|\n")


@pytest.mark.parametrize(
    ("function", "more", "body"),
    [
        ("campaigns_list", {"user": "nobody"}, "ERROR: Login incorrect, please try again: |nobody|secret|BAD|\n"),
        ("campaigns_list", {"source": ""}, "ERROR: Invalid Source - \nERROR: Invalid Source: ||\n"),
        ("no_such_thing", {}, "ERROR: NO FUNCTION SPECIFIED\n"),
        ("campaigns_list", {"user": "twofa"}, "ERROR: Login incorrect, please try again: |twofa|secret|2FA|\n"),
    ],
)
def test_the_api_says_errors_with_200(dialer: SimulatedDialer, function: str, more: dict[str, str], body: str) -> None:
    assert api(dialer, function, **more).decode() == body
