"""Which rows of the table an imported one may be meant to replace."""

import pytest

from credentials.row_replacements import find_replaceable_rows, find_rivals, is_on
from credentials.rows import Row, source_key

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
    [(new, [found])] = find_replaceable_rows([stored], [NEW])
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
    assert find_replaceable_rows([stored], [NEW]) == [(NEW, [])]


@pytest.mark.parametrize(("before", "now"), [("A,B", "B; A"), ("---NONE---", "none"), ("", "ALL"), ("n/a", "n/a")])
def test_another_spelling_of_the_same_names_is_the_same(before: str, now: str) -> None:
    [(_, found)] = find_replaceable_rows([OLD | {"ingroups": before}], [NEW | {"ingroups": now}])
    assert len(found) == 1


def test_a_row_that_is_off_already_is_found_and_told_apart() -> None:
    [(_, [found])] = find_replaceable_rows([OLD | {"enabled": "No"}], [NEW])
    assert not is_on(found)


def test_rows_that_are_imported_too_are_not_meant() -> None:
    assert [others for _, others in find_replaceable_rows([OLD, NEW], [NEW, OLD])] == [[], []]


def test_every_agent_is_a_reading_of_its_own() -> None:
    agents = [OLD | {"url": f"{AGENT}{agent}"} for agent in ("2001", "2002")]
    moved = OLD | {"url": f"{AGENT}2002".replace("new", "newer")}
    [(_, found)] = find_replaceable_rows(agents, [moved])
    assert [row["url"] for row in found] == [f"{AGENT}2002"]


def test_an_imported_row_that_is_off_replaces_nothing() -> None:
    assert find_replaceable_rows([OLD], [NEW | {"enabled": "no"}]) == []


READ = {source_key(OLD), source_key(NEW)}


@pytest.mark.parametrize(
    "new",
    [
        NEW,
        NEW | {"dialer_campaigns": "SALES"},
        OLD | {"url": "http://old.example/vicidial/call_report_export.php?campaign[]=SALES"},
        NEW | {"campaign": "Support"},
        OLD | {"campaign": "Support", "dialer_campaigns": "SALES"},
        OLD | {"url": "http://old.example:8080/vicidial/", "ingroups": "none", "dialer_campaigns": "A"},
    ],
)
def test_a_new_row_replaces_the_one_other_row_of_its_client_whatever_has_changed(new: Row) -> None:
    [rivals] = find_rivals([OLD, OLD | {"client_id": "2"}], [new], {source_key(OLD)})
    assert (rivals.imported, rivals.obstacle) == ((new,), "")
    [old] = rivals.stored
    assert old == OLD
    [again] = find_rivals([OLD, new], [new], {source_key(OLD)})
    assert (again.stored, again.obstacle) == (rivals.stored, "")


@pytest.mark.parametrize(
    ("stored", "imported", "obstacle"),
    [
        ([OLD], [NEW, NEW | {"campaign": "Support"}], "the file has 2 rows of this ClientID"),
        ([OLD, OLD | {"campaign": "Support"}], [NEW], "the table has 2 other rows of this ClientID"),
        ([OLD, NEW], [NEW], "both rows have been read, and the client may have two dialers"),
        ([OLD, NEW], [NEW | {"password": "new"}], "both rows have been read, and the client may have two dialers"),
    ],
)
def test_where_more_than_one_row_may_be_right_none_is_replaced(
    stored: list[Row], imported: list[Row], obstacle: str
) -> None:
    [rivals] = find_rivals(stored, imported, READ)
    assert rivals.obstacle == obstacle


def test_a_row_that_was_off_replaces_one_although_both_have_been_read() -> None:
    [rivals] = find_rivals([OLD, NEW | {"enabled": "no"}], [NEW], READ)
    assert rivals.obstacle == ""


def test_a_renamed_campaign_is_one_dialer_although_both_rows_have_been_read() -> None:
    renamed = OLD | {"campaign": "Sold"}
    [rivals] = find_rivals([OLD, renamed], [renamed], {source_key(OLD), source_key(renamed)})
    assert rivals.obstacle == ""


@pytest.mark.parametrize(
    ("stored", "imported"),
    [
        ([OLD, NEW], [OLD, NEW]),
        ([OLD | {"enabled": "no"}], [NEW]),
        ([OLD], [NEW | {"enabled": "no"}]),
        ([OLD], [OLD | {"enabled": "no"}, NEW]),
        ([OLD | {"client_id": "2"}], [NEW]),
    ],
)
def test_rows_of_the_file_rows_that_are_off_and_other_clients_are_no_rivals(
    stored: list[Row], imported: list[Row]
) -> None:
    assert list(find_rivals(stored, imported, READ)) == []


def test_the_same_row_twice_in_the_table_is_one_rival() -> None:
    [rivals] = find_rivals([OLD, OLD], [NEW], READ)
    assert (len(rivals.stored), rivals.obstacle) == (1, "")
