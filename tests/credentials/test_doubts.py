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
SEVERAL = "each of its calls is stored for each of them"
PASSWORDS = "have different passwords for user 'u' of d.example"


def told(rows: Sequence[Row]) -> list[str]:
    usable, skipped = usable_credentials(rows, Settings())
    assert skipped == []
    found = list(doubts(usable))
    assert "hunter" not in str(found)
    return [doubt.happened for doubt in found]


def test_a_dialer_that_is_read_whole_for_two_clients_is_pointed_out() -> None:
    [happened] = told([ONE, TWO | {"campaign": "Support"}])
    assert happened.startswith("Sales / One and Support / Two are read from d.example")
    assert SEVERAL in happened


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ONE, TWO | {"url": "https://d.example/vicidial/"}),
        (ONE | {"dialer_campaigns": "A,B"}, TWO | {"dialer_campaigns": "B, A"}),
    ],
)
def test_the_same_question_may_be_written_in_another_way(one: Row, other: Row) -> None:
    assert SEVERAL in told([one, other])[0]


def test_clients_with_the_same_name_are_told_by_their_ids() -> None:
    assert told([ONE, TWO | {"client_name": "One"}])[0].startswith("Sales / One (1) and Sales / One (2) are read")


@pytest.mark.parametrize(
    "other",
    [
        TWO | {"dialer_campaigns": "SALES"},
        TWO | {"url": "http://d.example/vicidial/call_report_export.php?campaign[]=SALES"},
        TWO | {"url": "http://e.example/vicidial/"},
        ONE | {"campaign": "Support"},  # one client: its calls stay with the campaign that showed them first
    ],
)
def test_rows_that_ask_for_something_else_are_not(other: Row) -> None:
    assert told([ONE, other]) == []


def test_a_user_with_two_passwords_is_pointed_out() -> None:
    [happened] = told([ONE, TWO | {"dialer_campaigns": "SALES", "password": "hunter3"}])
    assert PASSWORDS in happened
    assert told([ONE, TWO | {"dialer_campaigns": "SALES", "password": "hunter3", "username": "v"}]) == []


def test_of_many_clients_only_some_are_named() -> None:
    [happened] = told([ONE | {"client_id": str(number), "client_name": f"C{number}"} for number in range(9)])
    assert happened.startswith("Sales / C0, Sales / C1, Sales / C2 and 6 more are read")


def test_each_doubt_says_which_rows_it_is_about() -> None:
    third = ONE | {"client_id": "3", "dialer_campaigns": "SALES"}
    usable, _ = usable_credentials([ONE, TWO, third], Settings())
    [found] = doubts(usable)
    assert found.sources == {source.source_key for source in usable[:2]}
