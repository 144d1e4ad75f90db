"""Several names of one machine: connections and logins are counted for the machine."""

from pathlib import Path

import pytest

from dialers.machines import identify_machines, login_host
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import REPORT, address_of, quick, small_world, source
from tests.dialers.test_accounts import outcome


def machines(*urls: str) -> list[str]:
    return [each.machine for each in identify_machines([source(url) for url in urls])]


def test_names_and_addresses_of_one_machine_are_known_by_one() -> None:
    assert machines("http://localhost:81/", "http://127.0.0.1:81/") == ["127.0.0.1:81"] * 2
    assert machines("http://127.0.0.1:81/", "http://localhost:81/", "http://LOCALHOST:81/") == ["127.0.0.1:81"] * 3


@pytest.mark.parametrize(
    "urls",
    [
        ("http://localhost:81/", "http://127.0.0.1:82/"),
        ("http://127.0.0.2:81/", "http://127.0.0.1:81/"),
        ("http://nowhere.invalid/", "http://neither.invalid/"),
    ],
)
def test_other_ports_addresses_and_unknown_names_are_other_machines(urls: tuple[str, ...]) -> None:
    assert len(set(machines(*urls))) == len(urls)


def test_a_dialer_with_one_name_keeps_it() -> None:
    assert machines("http://dialer.invalid:81/", "http://dialer.invalid:81/vicidial/") == ["dialer.invalid:81"] * 2


@pytest.mark.parametrize(
    ("host", "machine", "login"),
    [
        ("dialer.example", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1:81", "10.0.0.1:81", "10.0.0.1:81"),
        ("localhost", "127.0.0.1", "127.0.0.1"),
        ("two.example", "one.example", "two.example"),
        ("one.example", "one.example", "one.example"),
        ("[::1]:81", "127.0.0.1:81", "127.0.0.1:81"),
    ],
)
def test_two_names_of_one_address_may_be_two_dialers_behind_a_proxy(host: str, machine: str, login: str) -> None:
    """A password that one of them refuses may be right for the other."""
    assert login_host(address_of(f"http://{host}/"), address_of(f"http://{machine}/")) == login


def test_the_least_limit_of_any_of_its_rows_holds() -> None:
    rows = [source("http://localhost:81/", max_connections=5), source("http://127.0.0.1:81/", max_connections=2)]
    assert [each.max_connections for each in identify_machines(rows)] == [2, 2]


def test_a_refused_password_is_not_tried_under_another_name(tmp_path: Path) -> None:
    settings = quick(tmp_path)
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        urls = (dialer.url, dialer.url.replace("127.0.0.1", "localhost"))
        rows = identify_machines([source(url, password="wrong") for url in urls])
        assert [outcome(row, settings) for row in rows] == ["LoginRejected"] * 2
        assert dialer.seen.failed_logins == {"report": 1}
