"""Which rows that can each be read are pointed out, since they are probably not meant so together."""

from collections.abc import Sequence

import pytest

from config import Settings
from credentials.doubts import doubts
from credentials.rows import Row, usable_credentials

ONE = {
    "campaign": "Sales", "client_id": "1", "client_name": "One", "url": "http://d.example/vicidial/", "username": "u",
    "password": "hunter2",
}  # fmt: skip
TWO = ONE | {"client_id": "2", "client_name": "Two"}
AGENT = "http://d.example/vicidial/user_stats.php?user=2001&file_download=6"
SEVERAL = "ask d.example for some of the same calls"
PASSWORDS = "have different passwords for user 'u' of d.example"


def told(rows: Sequence[Row]) -> list[str]:
    usable, skipped = usable_credentials(rows, Settings())
    assert skipped == []
    found = list(doubts(usable))
    assert "hunter" not in str(found)
    return [doubt.happened for doubt in found]


def test_a_dialer_that_is_read_whole_for_two_clients_is_pointed_out() -> None:
    [happened] = told([ONE, TWO | {"campaign": "Support"}])
    assert happened.startswith("Sales / One and Support / Two are rows that ask d.example")
    assert SEVERAL in happened


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ONE, TWO | {"url": "https://d.example/vicidial/"}),
        (ONE | {"dialer_campaigns": "A,B"}, TWO | {"dialer_campaigns": "B, A"}),
        (ONE, ONE | {"campaign": "Support"}),
        (ONE, TWO | {"dialer_campaigns": "SALES"}),
        (ONE, TWO | {"url": "http://d.example/vicidial/call_report_export.php?campaign[]=SALES"}),
        (ONE | {"dialer_campaigns": "A"}, TWO | {"dialer_campaigns": "B"}),  # and all in-groups, both of them
        (ONE | {"ingroups": "A,B", "dialer_campaigns": "S"}, TWO | {"ingroups": "B", "dialer_campaigns": "T"}),
        (ONE | {"url": AGENT}, TWO | {"url": AGENT}),
    ],
)
def test_rows_that_have_calls_in_common_are_pointed_out(one: Row, other: Row) -> None:
    assert SEVERAL in told([one, other])[0]


def test_clients_with_the_same_name_are_told_by_their_ids() -> None:
    assert told([ONE, TWO | {"client_name": "One"}])[0].startswith("Sales / One (1) and Sales / One (2) are rows")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ONE, TWO | {"url": "http://e.example/vicidial/"}),
        (ONE, TWO | {"url": "http://d.example/other/vicidial/"}),
        (ONE | {"dialer_campaigns": "A", "ingroups": "---NONE---"}, TWO | {"dialer_campaigns": "B"}),
        (ONE | {"dialer_campaigns": "A", "ingroups": "---NONE---"}, TWO | {"ingroups": "A", "dialer_campaigns": "B"}),
        (ONE | {"dialer_campaigns": "A", "ingroups": "C"}, TWO | {"ingroups": "D", "dialer_campaigns": "B"}),
        (ONE | {"url": AGENT}, TWO | {"url": AGENT.replace("2001", "2002")}),
        (ONE, TWO | {"url": AGENT}),
    ],
)
def test_rows_that_ask_for_something_else_are_not(one: Row, other: Row) -> None:
    assert told([one, other]) == []


def test_a_user_with_two_passwords_is_pointed_out() -> None:
    elsewhere = {"url": "http://d.example/other/vicidial/", "password": "hunter3"}
    [happened] = told([ONE, TWO | elsewhere])
    assert PASSWORDS in happened
    assert told([ONE, TWO | elsewhere | {"username": "v"}]) == []


def test_of_many_clients_only_some_are_named() -> None:
    [happened] = told([ONE | {"client_id": str(number), "client_name": f"C{number}"} for number in range(9)])
    assert happened.startswith("Sales / C0, Sales / C1, Sales / C2 and 6 more are rows")


def test_each_doubt_says_which_rows_it_is_about() -> None:
    third = ONE | {"client_id": "3", "url": "http://e.example/"}
    usable, _ = usable_credentials([ONE, TWO, third], Settings())
    [found] = doubts(usable)
    assert found.sources == {source.source_key for source in usable[:2]}


@pytest.mark.parametrize("client_id", ["1E+12", "1.00E+12", "1,00E+12", "1.2e+15"])
def test_an_id_that_a_spreadsheet_has_shortened_is_pointed_out(client_id: str) -> None:
    [happened] = told([ONE | {"client_id": client_id}])
    assert (
        happened
        == f"the ClientID {client_id} of Sales / One looks like a long number that a spreadsheet has shortened."
    )


@pytest.mark.parametrize("client_id", ["1001", "E12", "12E", "1E+", "A1E+12", "C-1"])
def test_other_ids_are_left_alone(client_id: str) -> None:
    assert told([ONE | {"client_id": client_id}]) == []


@pytest.mark.parametrize("odd", ["\u200b", "\u00ad", "\u2060", "\u00a0x"])
@pytest.mark.parametrize("cell", ["campaign", "client_id", "client_name"])
def test_characters_that_cannot_be_seen_are_pointed_out(cell: str, odd: str) -> None:
    [happened] = told([ONE | {cell: f"a{odd}b"}])
    assert "characters that cannot be seen" in happened


ELSEWHERE = {"url": "http://e.example/vicidial/"}


@pytest.mark.parametrize(("one", "other"), [("abc", "ABC"), ("007", "7"), ("a\u200bb", "ab")])
def test_two_spellings_of_an_id_are_pointed_out(one: str, other: str) -> None:
    happened = told([ONE | {"client_id": one}, ONE | ELSEWHERE | {"client_id": other}])
    assert any("differ only in case" in each for each in happened)


def test_one_id_for_two_names_is_pointed_out_and_for_one_name_is_not() -> None:
    [happened] = told([ONE, ONE | ELSEWHERE | {"client_name": "Two"}])
    assert happened == "Sales / One and Sales / Two have the same ClientID 1."
    assert told([ONE, ONE | ELSEWHERE | {"campaign": "Support"}]) == []


@pytest.mark.parametrize(("value", "count"), [("checked", 1), ("1", 1), ("0", 0), ("", 0)])
def test_a_row_that_reads_the_archive_is_pointed_out(value: str, count: int) -> None:
    url = f"http://d.example/vicidial/call_report_export.php?search_archived_data={value}"
    happened = told([ONE | {"url": url}])
    assert len(happened) == count
    assert all("archive instead of its live tables" in each for each in happened)
