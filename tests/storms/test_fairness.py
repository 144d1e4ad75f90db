"""Small figures of fairness.py. Run the large ones by hand (python -m tests.storms.fairness)."""

from pathlib import Path

import pytest

from tests.storms.fairness import connections, hanging, logins


@pytest.mark.slow
def test_fifty_clients_and_eight_processes_keep_to_the_connections_of_their_host(tmp_path: Path) -> None:
    found = connections(tmp_path, 2, campaigns=8)
    assert found.is_fair, str(found)
    assert found.most == 2


@pytest.mark.slow
def test_each_wrong_password_that_is_stored_costs_one_failed_login(tmp_path: Path) -> None:
    found = logins(tmp_path, 4)
    assert found.is_fair, str(found)
    assert found.failed == {"right": 1, "wrong": 1, "mistyped": 2, "moved": 1}
    assert found.asked["locked"] == 1


@pytest.mark.slow
def test_a_dialer_that_hangs_costs_others_one_timeout(tmp_path: Path) -> None:
    found = hanging(tmp_path, clients=16, timeout=3)
    assert found.is_fair, str(found)
    assert found.requests <= 4
