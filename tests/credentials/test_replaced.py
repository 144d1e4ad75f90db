"""Which rows of the table an import may be meant to replace, and whose time zone it changes."""

import pytest

from credentials.replaced import rows_beside, zones_changed
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
    (found,) = rows_beside([stored], [NEW])
    assert (found["campaign"], found["client_id"]) == (stored.get("campaign") or "Sales", "1")
    assert found.get("password") == stored.get("password")


@pytest.mark.parametrize(
    "stored",
    [
        NEW,
        NEW | {"password": "another"},
        OLD | {"enabled": "No"},
        OLD | {"campaign": "Support"},
        OLD | {"client_id": "2"},
        OLD | {"url": f"{AGENT}2001"},
        OLD | {"url": "http://old.example/vicidial/call_report_export.php?campaign[]=SALES"},
        OLD | {"dialer_campaigns": "SALES"},
    ],
)
def test_other_rows_are_left_alone(stored: Row) -> None:
    assert rows_beside([stored], [NEW]) == []


def test_every_agent_is_a_reading_of_its_own() -> None:
    agents = [OLD | {"url": f"{AGENT}{agent}"} for agent in ("2001", "2002")]
    moved = OLD | {"url": f"{AGENT}2002".replace("new", "newer")}
    assert [row["url"] for row in rows_beside(agents, [moved])] == [f"{AGENT}2002"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("UTC", "America/New_York", ["UTC"]),
        ("UTC", None, ["UTC"]),
        (None, "UTC", ["Europe/Berlin"]),
        (None, "Europe/Berlin", []),
        ("Europe/Berlin", None, []),
        ("UTC", "UTC", []),
    ],
)
def test_another_time_zone_of_the_same_row_is_noticed(before: str | None, after: str | None, told: list[str]) -> None:
    new = NEW | {"timezone": after}
    found = zones_changed([NEW | {"timezone": before}, OLD], [new, NEW | {"client_id": "2"}], "Europe/Berlin")
    assert found == [(new, zone) for zone in told]


def test_an_imported_row_that_is_off_replaces_nothing() -> None:
    assert rows_beside([OLD], [NEW | {"enabled": "no"}]) == []
