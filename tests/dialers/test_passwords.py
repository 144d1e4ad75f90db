"""A password reaches the dialer as its row has it, whatever its characters; or the row is refused with a reason."""

from pathlib import Path

import pytest

from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from simulated_dialer import Account, SimulatedDialer
from tests.dialers.sources import download, quick, small_world

PASSWORDS = (
    "a:b::", " before and after\t", "Peña “x” €", "密码🙂", "%41+%20&pass=1#?", "'\"\\|%s{0}${HOME}`", "env",
    "ENV:HOME", "".join(chr(code) for code in range(256) if chr(code) not in "\r\n"), "\u2028\u202e\x85", "x" * 3000,
)  # fmt: skip


def row(url: str, username: str, password: str) -> dict[str, str | None]:
    return {"campaign": "Sales", "client_id": username, "url": url, "username": username, "password": password}


def test_a_dialer_sees_every_password_as_it_is(tmp_path: Path) -> None:
    accounts = [Account(f"user{number}", password) for number, password in enumerate(PASSWORDS)]
    accounts += [Account("Zoë Ö'Neil <z@example>", "secret")]
    with SimulatedDialer(small_world(calls_per_hour=1), accounts=accounts, strips_logins=False) as dialer:
        rows = [row(dialer.url, account.user, account.password) for account in accounts]
        sources, skipped = usable_sources(parse_rows(rows), Settings())
        assert (len(sources), skipped) == (len(accounts), [])
        for source in sources:
            assert download(source, quick(tmp_path)).startswith(b"call_date\t"), source.username
        assert dialer.seen.failed_logins == {}
        assert [request.user for request in dialer.seen.log] == [account.user for account in accounts]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("a:b", "c"),
        ("a\nb", "c"),
        ("a", "\ud800"),
        ("a", "b\ufffd"),
        ("a", "end\r\nX-Injected: 1\r\n\r\n"),
        ("a", "b\n"),
    ],
)
def test_a_login_that_would_arrive_as_another_is_not_sent(username: str, password: str) -> None:
    sources, [skipped] = usable_sources(parse_rows([row("https://d.example/", username, password)]), Settings())
    assert sources == []
    assert skipped.reason.startswith(("username: has a", "password: has a"))
