"""Restricted logins, as seen by the operator of `main.py --single`."""

from dataclasses import replace

from simulated_dialer import Account, Sight, SimulatedDialer
from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, USER, Program

EXPORT = "call_report_export.php"


def restrict(dialer: SimulatedDialer, sight: Sight) -> None:
    dialer.change_account(Account(USER, PASSWORD, sight=sight))


def test_what_is_hidden_is_told_in_the_summary_and_is_no_failure(program: Program, dialers: Dialers) -> None:
    dialer = dialers()
    seen, hidden, *_ = dialer.world.centre.campaigns
    sight = Sight(campaigns=(seen,), phone_digits=0)
    restrict(dialer, sight)
    program.add_clients(("Sales", f"{dialer.url}{EXPORT}?campaign[]={seen}&campaign[]={hidden}", "1"))
    first = program.run("--single")
    assert first.code == 0, first.text
    summary = first.text[first.text.index("PROCESSING SUMMARY") :]
    assert f"does not list the campaign '{hidden}'" in summary
    assert "'Allowed Campaigns'" in summary
    assert f"sees 1 campaign ({seen})" in first.text
    assert "'Admin Hide Phone Data'" in summary
    asked = dialer.seen.requests
    again = program.run("--single")
    assert (again.code, dialer.seen.requests - asked) == (0, 2)
    assert f"'{hidden}'" not in again.text
    assert "'Admin Hide Phone Data'" in again.text
    restrict(dialer, replace(sight, campaigns=()))
    refused = program.run("--single")
    assert refused.code == 1
    assert "nothing visible" in refused.text
    assert "empty HTTP 500" in program.run("status").text
    assert {row["dialer_campaign"] for row in program.calls()} == {seen}
