"""Which rows of the table an imported one may be meant to replace."""

import pytest

from credentials.replaced import is_on, rows_meant
from credentials.rows import Row

OLD = {
    "campaign": "Sales", "client_id": "1", "client_name": "One", "url": "http://old.example/vicidial/", "username": "u",
    "password": " p ", "enabled": None,
}  # fmt: skip
NEW = OLD | {"url": "https://new.example/vicidial/"}
AGENT = "https://new.example/vicidial/user_stats.php?user="


@pytest.mark.parametrize(
    "stored",
    [
        OLD,
        OLD | {"url": "http://new.example/vicidial/"},
        OLD | {"url": "https://new.example/else/"},
        OLD | {"url": "ftp://what"},
        OLD | {"url": None},
        OLD | {"enabled": "yes", "username": "another", "client_name": None},
        {"Campaign": "Sales", "ClientID": "1", "URL": "http://old.example/"},
        NEW | {"campaign": "Selas"},
        NEW | {"campaign": "Selas", "url": "https://NEW.example/"},
    ],
)
def test_the_same_reading_at_another_address_or_for_another_campaign_is_found(stored: Row) -> None:
    [(new, [found])] = rows_meant([stored], [NEW])
    assert new == NEW
    assert (found["campaign"], found["client_id"]) == (stored.get("campaign") or "Sales", "1")
    assert found.get("password") == stored.get("password")
    assert is_on(found)


@pytest.mark.parametrize(
    "stored",
    [
        NEW,
        NEW | {"password": "another"},
        OLD | {"campaign": "Support"},
        OLD | {"client_id": "2"},
        OLD | {"url": f"{AGENT}2001"},
        OLD | {"url": "http://old.example/vicidial/call_report_export.php?campaign[]=SALES"},
        OLD | {"dialer_campaigns": "SALES"},
    ],
)
def test_other_rows_are_left_alone(stored: Row) -> None:
    assert rows_meant([stored], [NEW]) == [(NEW, [])]


def test_a_row_that_is_off_already_is_found_and_told_apart() -> None:
    [(_, [found])] = rows_meant([OLD | {"enabled": "No"}], [NEW])
    assert not is_on(found)


def test_rows_that_are_imported_too_are_not_meant() -> None:
    assert [others for _, others in rows_meant([OLD, NEW], [NEW, OLD])] == [[], []]


def test_every_agent_is_a_reading_of_its_own() -> None:
    agents = [OLD | {"url": f"{AGENT}{agent}"} for agent in ("2001", "2002")]
    moved = OLD | {"url": f"{AGENT}2002".replace("new", "newer")}
    [(_, found)] = rows_meant(agents, [moved])
    assert [row["url"] for row in found] == [f"{AGENT}2002"]


def test_an_imported_row_that_is_off_replaces_nothing() -> None:
    assert rows_meant([OLD], [NEW | {"enabled": "no"}]) == []
