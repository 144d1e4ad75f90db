"""A spoiled id never makes two clients one: the file is refused, unless its names say that they are one."""

from pathlib import Path

import pytest

from credentials.csv_files import read_clients
from credentials.id_conflicts import find_id_conflicts
from credentials.rows import Row

HEADER = "Campaign,URL,Username,Password,ClientName,ClientID,Enabled"
SPOILED = ["1.23E+11", "1E+12", '"1,23E+11"', "1.5e+15", "1.23E11", "1234567890123450", "#N/A", "####", "nan", "4-Mar"]


def told(folder: Path, *rows: tuple[str, str, str, str], stored: tuple[Row, ...] = ()) -> list[str]:
    """Rows of host, ClientName, ClientID, Enabled."""
    lines = [f"Sales,http://{host}/,u,hunter2,{name},{client},{on}" for host, name, client, on in rows]
    path = folder / "clients.csv"
    path.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    found = list(find_id_conflicts(stored, read_clients(path)))
    assert "hunter2" not in str(found)
    return found


def row(host: str, name: str, client: str, **others: str) -> Row:
    return {
        "Campaign": "Sales", "URL": f"http://{host}/", "Username": "u", "Password": "p", "ClientName": name,
        "ClientID": client,
    } | others  # fmt: skip


@pytest.mark.parametrize("client", SPOILED)
def test_two_names_of_a_spoiled_id_are_refused_with_their_lines(tmp_path: Path, client: str) -> None:
    [line] = told(tmp_path, ("d", "One", client, ""), ("e", "One", client, ""), ("f", "Two", client, ""))
    assert line.startswith("  line 4, column ClientID: a spreadsheet has shortened or spoiled it, and line 2 has the")


@pytest.mark.parametrize("client", SPOILED)
def test_so_is_one_that_the_table_has_for_another_name(tmp_path: Path, client: str) -> None:
    stored = row("d", "One", client.strip('"'), Enabled="no")
    [line] = told(tmp_path, ("e", "Two", client, ""), stored=(stored,))
    assert "line 2, column ClientID" in line
    assert "the row of Sales / One in the table has the same one" in line


@pytest.mark.parametrize("client", ["1001", "1230000000000", "123456789012345", "AE12", "1-4", "N-A"])
def test_other_ids_may_have_two_names(tmp_path: Path, client: str) -> None:
    assert told(tmp_path, ("d", "One", client, ""), ("e", "Two", client, "")) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("d", "One", "1E+12", ""), ("e", "ONE ", "1E+12", "")),
        (("d", "One", "1E+12", ""), ("e", "Two", "1E+13", "")),
        (("d", "One", "1E+12", ""), ("e", "Two", "1E+12", "no")),
        (("d", "One", "1E+12", ""), ("e", "", "1E+12", "")),
    ],
)
def test_what_merges_nobody_is_taken(
    tmp_path: Path, one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert told(tmp_path, one, other) == []


def test_rows_that_stand_in_the_table_already_can_be_imported_again(tmp_path: Path) -> None:
    stored = (row("d", "One", "1E+12"), row("e", "Two", "1E+12"))
    assert told(tmp_path, ("d", "One", "1E+12", ""), ("e", "Two", "1E+12", ""), stored=stored) == []
    assert told(tmp_path, ("e", "Two", "1E+12", ""), stored=stored) == []


def test_a_client_can_be_given_another_name(tmp_path: Path) -> None:
    assert told(tmp_path, ("d", "New", "1E+12", ""), stored=(row("d", "One", "1E+12"),)) == []
