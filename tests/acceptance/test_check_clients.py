"""`main.py check`, its second half: every client is tested, and each mistake is named with its fix."""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from simulated_dialer import Account, Sight, SimulatedDialer
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program
from tests.dialers.certificates import self_signed
from tests.dialers.sources import listener

WRONG = "Wr0ng-Marked-Passw0rd"
EXPORT, API = "call_report_export.php", "non_agent_api.php"
ALL_THINGS = ["reachable", "TLS", "VICIdial", "clock", "login", "rights", "report", "visible"]


@dataclass(frozen=True, slots=True)
class Checked:
    """Findings of `check --json` about clients."""

    code: int
    rows: list[dict[str, Any]]
    text: str

    def of(self, client: str) -> list[tuple[str, bool]]:
        """Return the tests of a client, in order, with their results."""
        rows = [row for row in self.rows if row["client_id"] == client]
        assert all(row["name"].startswith(f"Client {client} ({row['campaign']}): ") for row in rows)
        return [(row["name"].rpartition(": ")[2], row["ok"]) for row in rows]

    def failed(self, client: str) -> str:
        """Return the one failed test with message and fix. It must be the last one."""
        things = self.of(client)
        assert [ok for _, ok in things] == [True] * (len(things) - 1) + [False]
        row = [row for row in self.rows if row["client_id"] == client][-1]
        assert row["advice"]
        return f"{things[-1][0]}: {row['detail']} {row['advice']}"

    def told(self, client: str, thing: str) -> str:
        return " ".join(
            f"{row['detail']} {row['advice']}"
            for row in self.rows
            if row["client_id"] == client and row["name"].endswith(f": {thing}")
        )


def check(program: Program, *arguments: str, **settings: str) -> Checked:
    done = program.run("check", "--json", *arguments, **settings)
    assert PASSWORD not in done.text
    assert WRONG not in done.text
    rows = json.loads(done.text[done.text.index("{\n") :])["checks"]
    assert all(row["ok"] for row in rows if row["campaign"] is None), done.text
    return Checked(done.code, [row for row in rows if row["campaign"] is not None], done.text)


def import_rows(program: Program, *rows: tuple[str, ...], **columns: str) -> None:
    """A credentials table that the operator made, of campaign, URL, client and, where others are meant, password
    and time zone; ``columns`` are the same in all rows."""
    program.data.mkdir()
    names = ["campaign", "url", "client_id", "password", "timezone", "client_name", "username", *columns]
    with duckdb.connect(program.data / "calls.duckdb") as db:
        db.execute(f"CREATE SCHEMA vicidial; CREATE TABLE vicidial.credentials ({' TEXT, '.join(names)} TEXT)")
        for row in rows:
            whole = [*row, *(PASSWORD, ZONE)[len(row) - 3 :]]
            values = [*whole, f"Client {row[2]}", USER, *columns.values()]
            db.execute(f"INSERT INTO vicidial.credentials VALUES ({', '.join('?' for _ in values)})", values)


@pytest.fixture
def dialer(dialers: Dialers) -> SimulatedDialer:
    return punctual(dialers())


def punctual(dialer: SimulatedDialer) -> SimulatedDialer:
    dialer.world.now = datetime.now(UTC)
    return dialer


def test_all_is_well_and_little_is_asked_for(program: Program, dialer: SimulatedDialer) -> None:
    temporary = program.folder / "temporary"
    temporary.mkdir()
    (program.folder / ".env").write_text(f"DIALER_PASSWORD={PASSWORD}\nDATASET=x\n", encoding="utf-8")
    import_rows(
        program,
        ("Sales", dialer.url, "1"),
        ("Agents", dialer.url + "user_stats.php?user=2001", "2", "env:DIALER_PASSWORD"),
    )
    found = check(program, TMPDIR=str(temporary))
    assert found.code == 0, found.text
    assert found.of("1") == [*found.of("2"), ("visible", True)] == [(thing, True) for thing in ALL_THINGS]
    assert "build 250720" in found.told("1", "VICIdial")
    assert [request.page for request in dialer.seen.log] == [API, EXPORT, EXPORT, "user_stats.php"]
    asked = dict(dialer.seen.log[1].parameters)
    assert asked["query_hour"] == asked["end_hour"]
    assert list(temporary.iterdir()) == program.leftovers() == []
    assert program.rows("SELECT table_name FROM duckdb_tables()") == [{"table_name": "credentials"}]
    shown = program.run("check")
    assert shown.code == 0, shown.text
    assert "\n✓ Client 1 (Sales): login: " in shown.text
    assert "\n! .env: DATASET is no setting" in shown.text
    assert "Is DATASET_ID meant?" in shown.text
    assert ("DIALER_PASSWORD" in shown.text, "BATCH_SIZE=" in shown.text) == (False, False)
    assert "FIRST_RUN_DAYS=1 (environment)" in shown.text


def test_a_parameter_that_the_build_does_not_know_is_named(program: Program, dialer: SimulatedDialer) -> None:
    query = f"{EXPORT}?user=2001&group[]=---ALL---"
    with SimulatedDialer(dialer.world, accounts=[Account(USER, PASSWORD)], build="220301-1000") as old:
        import_rows(program, ("Sales", old.url + query, "1"), ("Sales", dialer.url + query, "2"))
        found = check(program)
    assert "build 220301 does not know user of the row's URL" in found.told("1", "URL")
    assert "build 230622 or later" in found.told("1", "URL")
    assert "build 220301, which lacks: single hours, the parameter user. See docs/builds.md" in found.told(
        "1", "VICIdial"
    )
    assert found.told("2", "URL") == ""


def test_a_wrong_password_costs_one_login_until_it_is_asked_for_again(
    program: Program, dialer: SimulatedDialer
) -> None:
    import_rows(program, ("Sales", dialer.url, "1", WRONG), ("Support", dialer.url, "2", WRONG))
    first = check(program)
    assert (first.code, dialer.seen.failed_logins) == (1, {USER: 1})
    assert first.failed("1").startswith("login: 127.0.0.1")
    assert "Correct the password" in first.failed("1")
    assert "is not tried" in first.failed("2")
    assert program.run("clients", "list").text.count("login was rejected") == 2
    again = check(program)
    assert all("refused this password at 20" in again.failed(client) for client in "12")
    program.run("--single")
    assert len(program.rows("FROM vicidial.accounts")) == 1  # the cycle took it over, without a request
    next((program.data / "accounts").glob("*.json")).unlink()
    assert '`python main.py check --retry --client "Client 2"`' in check(program).failed("2")
    for_everybody = program.run("check", "--retry")  # a monitor's command would lock accounts within ten runs
    assert (for_everybody.code, "--client NAME" in for_everybody.text) == (2, True)
    assert dialer.seen.failed_logins == {USER: 1}
    assert check(program, "--retry", "--client", "1").of("2") == []
    assert dialer.seen.failed_logins == {USER: 2}
    assert program.rows("FROM vicidial.accounts") == []


def test_a_retry_releases_what_was_refused_and_nothing_else(program: Program, dialer: SimulatedDialer) -> None:
    import_rows(
        program,
        ("Sales", dialer.url, "1", WRONG),
        ("Sales", dialer.url, "2", "0ther-" + WRONG),
        ("Sales", dialer.url, "3"),
    )
    check(program)
    (path,) = (program.data / "accounts").glob("*.json")
    notes = json.loads(path.read_text(encoding="utf-8"))
    states = sorted(note["state"] for note in notes["passwords"].values())
    assert states == ["refused", "refused", "works"]
    notes["locked_until"] = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    path.write_text(json.dumps(notes), encoding="utf-8")
    asked = dialer.seen.requests_by_page[EXPORT]
    assert "has locked user" in check(program, "--retry", "--client", "1").failed("1")
    left = json.loads(path.read_text(encoding="utf-8"))
    assert sorted(note["state"] for note in left["passwords"].values()) == ["refused", "works"]
    assert left["locked_until"] == notes["locked_until"]
    told = [program.run("clients", "retry", client).text for client in "23"]
    assert ["may be tried again" in text for text in told] == [True, False]
    assert "was not refused" in told[1]
    left = json.loads(path.read_text(encoding="utf-8"))
    assert [note["state"] for note in left["passwords"].values()] == ["works"]
    assert left["locked_until"] == notes["locked_until"]
    assert dialer.seen.requests_by_page[EXPORT] == asked


def test_each_mistake_is_named_and_no_password_goes_astray(
    program: Program, dialers: Dialers, dialer: SimulatedDialer
) -> None:
    elsewhere, redirecting, target, silent, late = (dialers(seed) for seed in range(2, 7))
    elsewhere.misbehave(status=404)
    late.world.tells_real_time = False
    redirecting.misbehave(redirect_to=target.url)
    punctual(silent).misbehave(status=404, pages=(API,))
    accounts = [
        Account(USER, PASSWORD, view_reports=False),
        Account(USER, PASSWORD, export_reports=False),
        Account(USER, PASSWORD, needs_second_factor=True),
    ]
    with ExitStack() as stack:
        without = [stack.enter_context(SimulatedDialer(dialer.world, accounts=[account])) for account in accounts]
        import_rows(
            program,
            ("Wrong", "http://no-such-host.invalid/", "host"),
            ("Wrong", "http://127.0.0.1:9/vicidial/", "port"),
            ("Wrong", elsewhere.url, "path"),
            ("Wrong", redirecting.url, "moved"),
            ("Wrong", dialer.url.replace("http:", "https:"), "scheme"),
            ("Wrong", dialer.url, "zone", PASSWORD, "Asia/Tokyo"),
            ("Wrong", late.url, "late"),
            *(("Wrong", each.url, name) for each, name in zip(without, ("view", "export", "factor"), strict=True)),
            ("Right", dialer.url, "right"),
            ("Right", silent.url, "silent"),
            ("Wrong", "dialer", "typo"),
            ("Wrong", dialer.url, "variable", "env:NOT_SET"),
        )
        found = check(program)
    assert found.code == 1
    assert "reachable: no-such-host.invalid could not be reached (its name is not known)" in found.failed("host")
    assert "reachable: 127.0.0.1:9 could not be reached (connection refused)" in found.failed("port")
    assert found.failed("path").startswith("VICIdial: 127.0.0.1")
    assert "answered HTTP 404 to /" in found.failed("path")
    assert f"VICIdial: 127.0.0.1:{redirecting.port} redirects to http://127.0.0.1:{target.port}" in found.failed(
        "moved"
    )
    assert (redirecting.seen.requests_by_page.get(EXPORT, 0), target.seen.connections) == (0, 0)
    assert "does not speak TLS. Nothing was sent" in found.failed("scheme")
    assert [thing for thing, ok in found.of("zone") if not ok] == ["clock"]
    assert "which is not Asia/Tokyo" in found.told("zone", "clock")
    assert ZONE in found.told("zone", "clock")
    assert "wrong by -40 minutes" in found.told("late", "clock")
    for client, failed, advice in ("view", "rights", "View Reports"), ("export", "rights", "Export Reports"):
        assert found.failed(client).startswith(f"{failed}: ")
        assert advice in found.failed(client)
    assert found.failed("factor").startswith("login: ")
    assert found.of("right") == found.of("silent") == [(thing, True) for thing in ALL_THINGS]
    assert "Make sure yourself" in found.told("silent", "clock")
    assert "row: cannot be used: url: the URL must begin with http" in found.failed("typo")
    assert "and import it again" in found.failed("typo")
    assert "NOT_SET is not set" in found.failed("variable")
    assert "Import nothing." in found.failed("variable")
    order = list(dict.fromkeys(row["client_id"] for row in found.rows))
    assert order == [
        "typo",
        "variable",
        "host",
        "port",
        "path",
        "moved",
        "scheme",
        "zone",
        "late",
        "view",
        "export",
        "factor",
        "right",
        "silent",
    ]


def test_a_certificate_that_nobody_vouches_for_fails_unless_the_row_says_otherwise_and_then_that_is_said(
    program: Program, tmp_path: Path
) -> None:
    def tell_version(connection: Any) -> None:
        now = datetime.now(UTC)
        text = f"VERSION: 2.14-202|BUILD: 250720-1841|DATE: {now:%Y-%m-%d %H:%M:%S}|EPOCH: {now.timestamp():.0f}|"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + text).encode("ascii"))

    with listener(tell_version, self_signed(tmp_path)) as port:
        url = f"https://127.0.0.1:{port}/"
        import_rows(
            program, ("Sales", url, "1", PASSWORD, "UTC"), ("Support", url, "2", PASSWORD, "UTC"), verify_tls="no"
        )
        program.change("UPDATE vicidial.credentials SET verify_tls = 'yes' WHERE client_id = '1'")
        found = check(program)
    assert found.of("1") == [("reachable", True), ("TLS", False)]
    assert "it is self-signed" in found.failed("1")
    assert "VerifyTLS" not in found.failed("1")
    assert found.of("2")[:4] == [(thing, True) for thing in ALL_THINGS[:4]]
    assert "not verified" in found.told("2", "TLS")
    assert "report: 127.0.0.1" in found.failed("2")


def test_a_dialer_that_hangs_is_waited_for_once_and_delays_no_other(
    program: Program, dialers: Dialers, dialer: SimulatedDialer
) -> None:
    hanging, half = dialers(2), punctual(dialers(3))
    hanging.misbehave(hang=True)
    half.misbehave(hang=True, pages=(EXPORT,))
    hung = [("Hang", hanging.url, client) for client in "123"] + [("Half", half.url, client) for client in "456"]
    import_rows(program, *hung, ("Sales", dialer.url, "7"))
    began = time.monotonic()
    found = check(program, HTTP_TIMEOUT="2", REQUEST_TIMEOUT="2", RETRY_SECONDS="1")
    assert time.monotonic() - began < 12
    assert found.code == 1
    assert {found.failed(client)[:10] for client in "12356"} == {"reachable:"}
    assert found.failed("4").startswith("report: ")
    assert (hanging.seen.requests, half.seen.requests_by_page) == (1, {API: 1, EXPORT: 1})
    assert found.of("7") == [(thing, True) for thing in ALL_THINGS]


def test_a_choice_leaves_the_others_alone(program: Program, dialers: Dialers, dialer: SimulatedDialer) -> None:
    other = dialers(2)
    import_rows(program, ("Sales", dialer.url, "1"), ("Sales", other.url, "2"), ("Support", other.url, "1"))
    found = check(program, "--client", "Client 1", "--campaign", "Sales")
    assert found.code == 0
    assert {row["client_id"] for row in found.rows} == {"1"}
    done = program.run("check", "--client", "Nobody")
    assert done.code == 2
    assert "has --client 'Nobody'.\n    `python main.py clients list` shows" in done.text
    assert other.seen.connections == 0


def test_what_the_user_group_of_a_login_hides_is_told_with_what_to_change(
    program: Program, dialer: SimulatedDialer
) -> None:
    seen, hidden, *_ = dialer.world.centre.campaigns
    group, *_ = dialer.world.centre.ingroups
    dialer.change_account(Account(USER, PASSWORD, sight=Sight(campaigns=(seen,), ingroups=(group,))))
    import_rows(
        program,
        ("Sales", dialer.url, "all"),
        ("Named", f"{dialer.url}{EXPORT}?campaign[]={seen}&campaign[]={hidden}", "2"),
    )
    found = check(program)
    assert found.code == 0, found.text
    assert f"sees 1 campaign ({seen}) and 1 in-group ({group})" in found.told("all", "visible")
    assert f"campaign '{hidden}'" in found.told("2", "visible")
    assert "'Allowed Campaigns'" in found.told("2", "visible")


def test_a_page_that_dies_of_an_empty_choice_is_named_as_such(program: Program, dialer: SimulatedDialer) -> None:
    dialer.change_account(Account(USER, PASSWORD, sight=Sight(ingroups=())))
    import_rows(program, ("Sales", dialer.url, "1"))
    found = check(program)
    assert found.code == 1
    assert found.failed("1").startswith("report: ")
    assert "no in-groups at all" in found.failed("1")
    assert "'Admin Viewable Groups'" in found.failed("1")


def test_a_form_that_does_not_answer_is_no_failure(program: Program, dialer: SimulatedDialer) -> None:
    import_rows(program, ("Sales", dialer.url, "1"))
    dialer.answer_with(EXPORT, b"x\r\n", when={"run_export": ""})
    found = check(program)
    assert (found.code, found.of("1")[-1]) == (0, ("visible", True))
    assert "does not tell what the login may see" in found.told("1", "visible")


def test_a_dialer_without_calls_that_speaks_another_language_is_well(program: Program, dialers: Dialers) -> None:
    dialer = punctual(dialers(calls_per_hour=0))
    dialer.change_account(Account(USER, PASSWORD, sight=Sight(language="spanish")))
    import_rows(program, ("Sales", dialer.url, "1"))
    found = check(program)
    assert (found.code, found.of("1")) == (0, [(thing, True) for thing in ALL_THINGS])
    assert "another language" in found.told("1", "report")
    assert dialer.seen.requests_by_page[EXPORT] == 3


def test_hidden_numbers_and_lead_data_are_told_with_their_settings(program: Program, dialers: Dialers) -> None:
    dialer = punctual(dialers(calls_per_hour=120))
    dialer.change_account(Account(USER, PASSWORD, sight=Sight(phone_digits=0, hides_leads=True)))
    import_rows(program, ("Sales", dialer.url, "1"))
    found = check(program)
    assert (found.code, found.of("1")) == (0, [(thing, True) for thing in ALL_THINGS])
    told = found.told("1", "report")
    assert "phone numbers and vendor codes and lead data" in told
    assert "'Admin Hide Phone Data' and 'Admin Hide Lead Data'" in told
