"""Which rows that can each be read are pointed out, since they are probably not meant so together."""

from collections.abc import Sequence

import pytest

from config import Settings
from credentials.rows import Row, parse_rows
from credentials.sources import usable_sources
from credentials.table_warnings import find_warnings

ONE = {
    "campaign": "Sales", "client_id": "1", "client_name": "One", "url": "http://d.example/vicidial/", "username": "u",
    "password": "hunter2",
}  # fmt: skip
TWO = ONE | {"client_id": "2", "client_name": "Two"}
AGENT = "http://d.example/vicidial/user_stats.php?user=2001&file_download=6"
EXPORT = "http://d.example/vicidial/call_report_export.php?"
SEVERAL = "ask d.example for some of the same calls"
PASSWORDS = "have different passwords for user 'u' of d.example"


def warnings_of(rows: Sequence[Row]) -> list[str]:
    table = parse_rows(rows)
    usable, skipped = usable_sources(table, Settings())
    assert skipped == []
    found = list(find_warnings(usable, table))
    assert "hunter" not in str(found)
    return [doubt.happened for doubt in found]


def test_a_dialer_that_is_read_whole_for_two_clients_is_pointed_out() -> None:
    [happened] = warnings_of([ONE, TWO | {"campaign": "Support"}])
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
        (ONE | {"dialer_campaigns": "--ALL--", "ingroups": "*"}, TWO | {"dialer_campaigns": "A", "ingroups": "none"}),
        (ONE | {"dialer_campaigns": "A;B", "ingroups": "none"}, TWO | {"dialer_campaigns": "B|C", "ingroups": "none"}),
        (ONE | {"url": EXPORT + "campaign[]=all"}, TWO | {"dialer_campaigns": "A", "ingroups": "none"}),
        (ONE, TWO | {"url": EXPORT + "status[]=---ALL---&list_id[]=101"}),
        (ONE | {"url": EXPORT + "user=7"}, TWO | {"url": EXPORT + "status[]=SALE"}),
        (ONE | {"url": AGENT}, TWO | {"url": AGENT + "&call_status=SALE"}),
    ],
)
def test_rows_that_have_calls_in_common_are_pointed_out(one: Row, other: Row) -> None:
    assert SEVERAL in warnings_of([one, other])[0]


def test_rows_that_ask_for_nothing_of_each_other_are_no_culprits_of_one_that_asks_for_all() -> None:
    alone = {"ingroups": "---NONE---"}
    rows = [ONE | alone | {"client_id": name, "client_name": name, "dialer_campaigns": name} for name in ("B", "C")]
    [happened] = warnings_of([ONE | {"client_id": "A", "client_name": "A"}, *rows])
    assert happened.startswith("Sales / A asks d.example for some of the calls of Sales / B and Sales / C.")


def test_clients_with_the_same_name_are_told_by_their_ids() -> None:
    assert warnings_of([ONE, TWO | {"client_name": "One"}])[0].startswith(
        "Sales / One (1) and Sales / One (2) are rows"
    )


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
        (ONE | {"url": EXPORT + "list_id[]=1&list_id[]=2"}, TWO | {"url": EXPORT + "list_id[]=3"}),
        (ONE | {"dialer_campaigns": "any", "ingroups": "none"}, TWO | {"dialer_campaigns": "none", "ingroups": "any"}),
    ],
)
def test_rows_that_ask_for_something_else_are_not(one: Row, other: Row) -> None:
    assert warnings_of([one, other]) == []


def test_a_user_with_two_passwords_is_pointed_out() -> None:
    elsewhere = {"url": "http://d.example/other/vicidial/", "password": "hunter3"}
    [happened] = warnings_of([ONE, TWO | elsewhere])
    assert PASSWORDS in happened
    assert warnings_of([ONE, TWO | elsewhere | {"username": "v"}]) == []


def test_of_many_clients_only_some_are_named() -> None:
    [happened] = warnings_of([ONE | {"client_id": str(number), "client_name": f"C{number}"} for number in range(9)])
    assert happened.startswith("Sales / C0, Sales / C1, Sales / C2 and 6 more are rows")


def test_each_doubt_says_which_rows_it_is_about() -> None:
    third = ONE | {"client_id": "3", "url": "http://e.example/"}
    rows = parse_rows([ONE, TWO, third])
    usable, _ = usable_sources(rows, Settings())
    [found] = find_warnings(usable, rows)
    assert found.sources == {source.key for source in usable[:2]}


@pytest.mark.parametrize("client_id", ["1E+12", "1.00E+12", "1,00E+12", "1.2e+15"])
def test_an_id_that_a_spreadsheet_has_shortened_is_pointed_out(client_id: str) -> None:
    [happened] = warnings_of([ONE | {"client_id": client_id}])
    assert (
        happened
        == f"the ClientID {client_id} of Sales / One looks like a long number that a spreadsheet has shortened."
    )


@pytest.mark.parametrize("client_id", ["1001", "E12", "12E", "1E+", "A1E+12", "C-1"])
def test_other_ids_are_left_alone(client_id: str) -> None:
    assert warnings_of([ONE | {"client_id": client_id}]) == []


@pytest.mark.parametrize("client_id", ["#N/A", "####", "nan", "NULL", "4-Mar", "Mar-04"])
def test_an_id_that_is_none_is_pointed_out(client_id: str) -> None:
    [happened] = warnings_of([ONE | {"client_id": client_id}])
    assert happened.startswith(f"the ClientID {client_id} of Sales / One looks like ")


@pytest.mark.parametrize("odd", ["\u200b", "\u00ad", "\u2060", "\u00a0x"])
@pytest.mark.parametrize("cell", ["campaign", "client_id", "client_name"])
def test_characters_that_cannot_be_seen_are_pointed_out(cell: str, odd: str) -> None:
    [happened] = warnings_of([ONE | {cell: f"a{odd}b"}])
    assert "characters that cannot be seen" in happened


@pytest.mark.parametrize(
    "odd",
    [
        {"url": "http://d.example/vici\u200bdial/"},
        {"url": "http://d.example/vicidial/call_report_export.php?campaign[]=SALES%E2%80%8B"},
        {"url": "http://d.example/vicidial/call_report_export.php?campaign[]=SALES%20"},
    ],
)
def test_an_address_that_holds_what_cannot_be_seen_is_pointed_out(odd: Row) -> None:
    [happened] = warnings_of([{**ONE, **odd}])
    assert happened.startswith("URL of Sales / One hold blanks or characters that cannot be seen")


def test_so_are_campaigns_and_ingroups_of_a_row() -> None:
    [happened] = warnings_of([ONE | {"dialer_campaigns": "A, B\u200b", "ingroups": "C, D"}])
    assert happened.startswith("dialer_campaigns of Sales / One hold")
    assert warnings_of([ONE | {"dialer_campaigns": "A\nB\r\nC", "ingroups": "C\u00a0 D"}]) == []  # these are separators


@pytest.mark.parametrize("name", ["Müller & Söhne", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "a / b"])
def test_names_of_any_script_are_left_alone(name: str) -> None:
    assert warnings_of([ONE | {"client_name": name}]) == []


def test_blanks_around_cells_of_the_table_are_pointed_out_together() -> None:
    """As somebody may have put them there with SQL; an import leaves them out."""
    padded = {"Campaign": "Sales ", "ClientID": "1", "client_name": "One\u00a0", "url": " http://d.example/vicidial/"}
    rows = [ONE | {"campaign": " Help"}, {"username": "u", "password": "hunter2", **padded}]
    happened = [each for each in warnings_of(rows) if "around" in each]
    assert happened == [
        "Campaign and ClientName and URL of Help / One and Sales / One have blanks around their text in the credentials"
        " table, which are left out when it is read."
    ]


ELSEWHERE = {"url": "http://e.example/vicidial/"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("abc", "ABC"), ("007", "7"), ("a\u200bb", "ab"), ("\u00e9", "e\u0301"), ("7.0", "7"), ("\uff11", "1")],
)
def test_two_spellings_of_an_id_are_pointed_out(one: str, other: str) -> None:
    happened = warnings_of([ONE | {"client_id": one}, ONE | ELSEWHERE | {"client_id": other}])
    assert any("differ only in case" in each for each in happened)


def test_one_id_for_two_names_is_pointed_out_and_for_one_name_is_not() -> None:
    [happened] = warnings_of([ONE, ONE | ELSEWHERE | {"client_name": "Two"}])
    assert happened == "Sales / One and Sales / Two have the same ClientID 1."
    assert warnings_of([ONE, ONE | ELSEWHERE | {"campaign": "Support"}]) == []


def test_a_client_whose_id_has_changed_is_pointed_out() -> None:
    changed = [each for each in warnings_of([ONE, ONE | {"client_id": "1002"}]) if "differ only in ClientID" in each]
    assert changed == [
        "the rows of Sales / One (1) and Sales / One (1002) differ only in ClientID: 1 and 1002. Every call is stored"
        " once for each of them."
    ]


@pytest.mark.parametrize(
    "change", [{"campaign": "Support"}, {"client_name": "Two"}, ELSEWHERE, {"dialer_campaigns": "A"}]
)
def test_another_row_with_another_id_is_no_changed_id(change: dict[str, str]) -> None:
    happened = warnings_of([ONE, ONE | {"client_id": "1002"} | change])
    assert not any("differ only in ClientID" in each for each in happened)


@pytest.mark.parametrize(("value", "count"), [("checked", 1), ("1", 1), ("0", 0), ("", 0)])
def test_a_row_that_reads_the_archive_is_pointed_out(value: str, count: int) -> None:
    url = f"http://d.example/vicidial/call_report_export.php?search_archived_data={value}"
    happened = warnings_of([ONE | {"url": url}])
    assert len(happened) == count
    assert all("archive instead of its live tables" in each for each in happened)


@pytest.mark.parametrize(
    ("row", "happened"),
    [
        (
            ONE | {"url": AGENT, "ingroups": "A", "dialer_campaigns": "n/a"},
            ["dialer_campaigns and ingroups of Sales / One are not used, since the URL asks for one agent."],
        ),
        (
            ONE | {"url": EXPORT + "group[]=A", "ingroups": "B", "dialer_campaigns": "C"},
            ["ingroups of Sales / One are not used, since the URL names them itself."],
        ),
        (ONE | {"url": AGENT, "ingroups": "all"}, []),
        (ONE | {"url": EXPORT + "group[]=A", "dialer_campaigns": "C"}, []),
        (ONE | {"ingroups": "B", "dialer_campaigns": "C"}, []),
    ],
)
def test_a_column_that_is_not_used_is_pointed_out(row: Row, happened: list[str]) -> None:
    assert warnings_of([row]) == happened


def test_what_a_pasted_url_wishes_for_in_vain_is_pointed_out_once_for_rows_that_are_alike() -> None:
    url = EXPORT + "campaign[]={0}&query_hour=09&rec_fields=ALL&custom_fields=NO&user="
    happened = warnings_of([ONE | {"url": url.format("A")}, TWO | {"url": url.format("B")}])
    assert happened == [
        "the URL of Sales / One and Sales / Two holds what is not used: query_hour (all hours are read) and rec_fields"
        " (recordings are not read)."
    ]
    assert warnings_of([ONE | {"url": EXPORT + "query_hour=&end_hour=23&query_date=2026-01-01"}]) == []
