"""CSV files of clients: Excel's own spellings are read, every mistake has its place, and it is all or nothing."""

import codecs
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.csv_files import EXAMPLE, HEADER, OPTIONAL, read_clients, render_template
from credentials.row_problems import find_problems
from credentials.rows import parse_row, source_key
from errors import ImportRefused
from tables import CREDENTIALS

NAMES = "Campaign,URL,Username,Password,ClientName,ClientID"
ANN = "Sales,https://d.example/,report,hunter2,Ann,C1"
BEA = "Sales,https://d.example/,report,hunter2,Bea,C2"


def import_text(path: Path, content: str | bytes) -> list[dict[str, str | None]]:
    file = path / "clients.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_clients(file).rows)


def mistakes(path: Path, content: str | bytes) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        import_text(path, content)
    assert "hunter2" not in str(refused.value)
    assert "clients.csv" in str(refused.value)
    return [line.strip() for line in refused.value.args[1].splitlines()]


def test_a_row_has_every_column_of_the_table_and_its_source(tmp_path: Path) -> None:
    [ann] = import_text(tmp_path, f"{NAMES}\n{ANN}\n")
    assert ann == {column.name: None for column in CREDENTIALS.columns} | {
        "campaign": "Sales", "url": "https://d.example/", "username": "report", "password": "hunter2",
        "client_name": "Ann", "client_id": "C1", "source_key": source_key(ann),
    }  # fmt: skip


def test_the_template_can_be_imported_once_it_is_filled_in(tmp_path: Path) -> None:
    assert mistakes(tmp_path, render_template()) == [
        "line 2: the example of `clients template`; fill it in, or take it out"
    ]
    [example] = import_text(tmp_path, render_template().replace("dialer.example.com", "dialer.client.example"))
    assert find_problems(parse_row(example)) == []
    assert example["ingroups"] is None  # who leaves it as it is restricts nothing
    assert len(EXAMPLE) == len(HEADER + OPTIONAL) == len(CREDENTIALS.columns)


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{NAMES}\n{ANN}\n".encode(),
        f"{NAMES}\r\n{ANN}\r\n".encode(),
        f"{NAMES}\r{ANN}\r".encode(),
        f"{NAMES}\n{ANN}".encode(),
        f"\n\n{NAMES}\n{ANN}\n".replace(",", ";").encode(),
        f"{NAMES}\n{ANN}\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + f"{NAMES}\r\n{ANN}\r\n".replace(",", "\t").encode("utf-16-be"),
        f"{NAMES}\n\n,,,,,\n{ANN}\n\n".encode(),
        f"{NAMES}\n{ANN}\n".replace(",", ";").encode(),
        f"\ufeff{NAMES}\r\n{ANN}\r\n".replace(",", ";").encode(),
        f"{NAMES}\n{ANN}\n".replace(",", "\t").encode(),
        f"{NAMES}\n{ANN}\n".replace("ClientName", "client_name").replace("ClientID", "CLIENT ID").encode(),
        f"sep=;\r\n{NAMES}\r\n{ANN}\r\n".replace(",", ";").encode(),
        f"\ufeffsep=,\n{NAMES}\n{ANN}\n".encode(),
        f'"SEP=,"\n{NAMES}\n{ANN}\n'.encode(),
        f"sep=,,,,,\n\ufeff{NAMES}\n{ANN}\n".encode(),
        f"sep=\t\r\n{NAMES}\r\n{ANN}\r\n".replace(",", "\t").encode("utf-16"),
        f"sep=;\n{NAMES}\n{ANN}\n".encode(),
        f"{NAMES}\n{ANN}\n".replace("URL", "\u200bURL").encode(),
        f"sep=|\n{NAMES}\n{ANN}\n".replace(",", "|").encode(),
        f"{NAMES}\n{ANN}\n".replace(",", "|").encode(),
        f"{NAMES}\n{ANN}\n".encode("utf-16-le"),
        f"{NAMES}\n{ANN}\n".encode("utf-16-be"),
        f"{NAMES}\n{ANN}\n".encode("utf-32"),
        f"{NAMES}\n{ANN}\n".encode("utf-32-be"),
        f"\ufeff\ufeff{NAMES}\n{ANN}\n".encode(),
        f"   \n{NAMES}\n{ANN}\n,,,,,\n\u00a0,,,,,\n\x1a".encode(),
        f"{NAMES}\n{ANN}\n\ufeff{NAMES}\n".encode(),
        f"{NAMES}\n{NAMES.upper()},,\n{ANN}\n".encode(),
        ("\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in (NAMES, ANN)) + "\n").encode(),
    ],
)
def test_every_spelling_of_a_file_is_read_alike(tmp_path: Path, content: bytes) -> None:
    assert import_text(tmp_path, content) == import_text(tmp_path, f"{NAMES}\n{ANN}\n")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04" + bytes(range(256)), "workbook (xlsx, ods)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "Excel workbook (xls"),
        (b"\x09\x08\x08\x00\x00\x05\x10\x00" + bytes(64), "old Excel workbook"),
        (b'ID;PWXL;N;E\r\nC;Y1;X1;K"hunter2"\r\n', "SYLK"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Workbook>hunter2</Workbook>", "spreadsheet in XML"),
        (b"\n<html><table><tr><td>hunter2</td></tr></table></html>", "a web page"),
        (b"%PDF-1.7\nhunter2", "document of another program"),
        (b"{\\rtf1 hunter2}", "document of another program"),
        (b"\x1f\x8b\x08\x00hunter2", "compressed file"),
        (b'[{"Campaign": "hunter2"}]', "is JSON"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name_with_advice(tmp_path: Path, content: bytes, kind: str) -> None:
    [line] = mistakes(tmp_path, content)
    assert kind in line
    assert any(advice in line for advice in ("save it as CSV", "unpack it", "make a CSV file"))


def test_real_workbooks_are_known_by_their_beginning(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "clients.csv", "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    assert "workbook" in mistakes(tmp_path, (tmp_path / "clients.csv").read_bytes())[0]


def test_lines_of_two_encodings_are_each_read_as_they_are(tmp_path: Path) -> None:
    content = f"{NAMES}\n{ANN}\n".replace("Ann", "Müller").encode() + BEA.replace("Bea", "Söhne").encode("cp1252")
    assert [row["client_name"] for row in import_text(tmp_path, content)] == ["Müller", "Söhne"]


def test_the_lines_of_a_file_count_from_its_first_line_on(tmp_path: Path) -> None:
    content = f"sep=,\n{NAMES}\n{ANN}\n{NAMES}\n{BEA.replace('C2', '')}\n"
    assert mistakes(tmp_path, content) == ["line 5, column ClientID: is empty"]


def test_a_header_row_with_another_order_of_columns_is_refused(tmp_path: Path) -> None:
    other = ",".join(reversed(NAMES.split(",")))
    [line] = mistakes(tmp_path, f"{NAMES}\n{ANN}\n{other}\n")
    assert line.startswith("line 3: another header row with its columns in another order")


@pytest.mark.parametrize("row", [f'"{BEA}"', BEA.replace(",", ";")])
def test_a_row_that_came_as_one_cell_is_refused_with_the_cause(tmp_path: Path, row: str) -> None:
    assert mistakes(tmp_path, f"{NAMES}\n{ANN}\n{row}\n") == [
        "line 3: 1 cells instead of 6; other separators than in the header row, or double quotes around the whole line"
    ]


def test_separators_behind_the_last_column_are_no_columns(tmp_path: Path) -> None:
    assert import_text(tmp_path, f"{NAMES},,\n{ANN},,\n") == import_text(tmp_path, f"{NAMES}\n{ANN}\n")


def test_powershell_writes_utf16(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_bytes(f"{NAMES}\n{ANN}\n".replace("Ann", "Müller").encode("utf-16"))
    assert [row["client_name"] for row in read_clients(path).rows] == ["Müller"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("name", ["Müller", "Клиент", "日本"])
def test_wide_letters_without_a_mark_are_known_by_the_header_row(tmp_path: Path, encoding: str, name: str) -> None:
    assert (
        import_text(tmp_path, f"{NAMES}\r\n{ANN.replace('Ann', name)}\r\n".encode(encoding))[0]["client_name"] == name
    )


def test_other_separators_are_named(tmp_path: Path) -> None:
    [line] = mistakes(tmp_path, f"sep=:\n{NAMES}\n{ANN}\n".replace(",", ":"))
    assert "has other separators than comma, semicolon, tab and |" in line


def test_excel_writes_cp1252(tmp_path: Path) -> None:
    content = f"{NAMES}\n{ANN}\n".replace("Ann", "Müller – Söhne").replace(",", ";").encode("cp1252")
    assert import_text(tmp_path, content)[0]["client_name"] == "Müller – Söhne"


def test_quoted_cells_may_hold_anything(tmp_path: Path) -> None:
    quoted = ANN.replace("hunter2", '"p,""w"";1"').replace("Ann", '"Ann, Bea\nand Cem"')
    [row] = import_text(tmp_path, f"{NAMES}\n{quoted}\n")
    assert (row["password"], row["client_name"]) == ('p,"w";1', "Ann, Bea\nand Cem")


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    [row] = import_text(
        tmp_path, "ClientID,Enabled,URL,Campaign,Password,Username,ClientName\nC1,no,https://d.example/,S,p,u,A\n"
    )
    assert (row["client_id"], row["enabled"], row["campaign"], row["username"]) == ("C1", "no", "S", "u")


def test_every_mistake_is_told_with_line_and_column(tmp_path: Path) -> None:
    content = f"""{NAMES},Timezone,MaxConnections
{ANN},UTC,2
Sales,d.example,report,hunter2,Bea,C2,Eastern,many
,https://d.example/,,hunter2,Cem,C3,,
Sales,https://d.example/,report,hunter2,Dan,C4
"""
    assert mistakes(tmp_path, content) == [
        "line 3, column URL: the URL must begin with http:// or https:// and a host name",
        "line 3, column Timezone: is no IANA time zone like America/New_York",
        "line 3, column MaxConnections: must be a whole number from 1 to 50",
        "line 4, column Campaign: is empty",
        "line 4, column Username: is empty",
        "line 5: 6 cells instead of 8",
    ]


def test_a_line_number_counts_the_lines_inside_cells(tmp_path: Path) -> None:
    two_lines = ANN.replace("Ann", '"Ann\nand Bea"')
    assert mistakes(tmp_path, f"{NAMES}\n{two_lines}\n{BEA.replace('C2', '')}\n") == [
        "line 4, column ClientID: is empty"
    ]


def test_the_same_source_twice_is_a_mistake(tmp_path: Path) -> None:
    again = ANN.replace("https://d.example/", "HTTPS://D.example/vicidial").replace("Ann", "Other")
    assert mistakes(tmp_path, f"{NAMES}\n{ANN}\n{BEA}\n{again}\n") == [
        "line 4: the same client, campaign and URL as line 2"
    ]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (NAMES + ",Colour", ["line 1, column 7: 'Colour' is not a column; see `clients template`"]),
        (NAMES.replace(",Username", ",,Username"), ["line 1, column 3: '' is not a column; see `clients template`"]),
        (NAMES.replace(",Password", ""), ["line 1: the column Password is missing"]),
        (NAMES + ",client_id", ["line 1: the column client_id stands there twice"]),
        (
            "Campaign,Colour",
            [
                "line 1, column 2: 'Colour' is not a column; see `clients template`",
                *(f"line 1: the column {name} is missing" for name in HEADER[1:]),
            ],
        ),
        (ANN, ["line 1: is not the header row; see `clients template`"]),
        (NAMES + ANN, ["line 1: is not the header row; see `clients template`"]),
        (
            f"\n{NAMES}\0",
            [
                "line 2, column 6: 'ClientID ' is not a column; see `clients template`",
                "line 2: the column ClientID is missing",
            ],
        ),
    ],
)
def test_a_header_row_that_does_not_fit_is_refused_as_a_whole(tmp_path: Path, header: str, found: list[str]) -> None:
    assert mistakes(tmp_path, f"{header}\n{ANN}\n") == found


@pytest.mark.parametrize("content", [f"{NAMES}\n", f"{NAMES}\n,,,,,\n", f"sep=,\n{NAMES}\n{NAMES}\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    assert mistakes(tmp_path, content) == ["there is no row below the header"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe", b" \r\n\x1a", bytes(64)])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert mistakes(tmp_path, content) == ["the file is empty; see `clients template`"]


@pytest.mark.parametrize(
    "broken",
    ['Sales,"https://d.example/,report', f'{BEA}\nSales,"x"y,report', '"Sa"les,https://d.example/,report,p,Cem,C3'],
)
def test_quotes_that_do_not_match_are_a_mistake(tmp_path: Path, broken: str) -> None:
    found = mistakes(tmp_path, f"{NAMES}\n{ANN}\n{broken}\n")
    assert found[-1].startswith("line ")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="cannot be read: No such file"):
        read_clients(tmp_path / "nowhere.csv")
    with pytest.raises(ImportRefused, match="cannot be read"):
        read_clients(tmp_path)


def test_another_kind_of_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    found = mistakes(tmp_path, bytes(range(256)) * 40)
    assert all(line.startswith("line ") and len(line) < 120 for line in found)


PIECES = st.sampled_from([*',;\t"\r\n\0\x1a\\:ä\ufeff', NAMES, ANN, BEA, "\n\n"]) | st.text(max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    start=st.sampled_from([NAMES, f"{NAMES}\n{ANN}\n", ""]),
    pieces=st.lists(PIECES, max_size=12),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    cut=st.integers(0, 3),
)
def test_any_file_gives_usable_rows_or_a_list_of_mistakes(
    start: str, pieces: list[str], encoding: str, cut: int
) -> None:
    text = start + "".join(pieces)
    content = text.encode(encoding, errors="replace")
    with TemporaryDirectory() as folder:
        try:
            rows = import_text(Path(folder), content[: len(content) - cut])
        except ImportRefused as refused:
            header = next(filter(None, text.splitlines()), "")  # it is shown where most of it is known
            assert "hunter2" not in str(refused) or "hunter2" in header
            assert all(line.isprintable() for line in str(refused).splitlines())
            return
    assert rows
    for row in rows:
        assert find_problems(parse_row(row)) == []


def test_a_password_with_a_byte_that_no_encoding_has_is_refused(tmp_path: Path) -> None:
    assert mistakes(tmp_path, f"{NAMES}\n{ANN}\n".encode().replace(b"hunter2", b"hunter2\x81\xe4")) == [
        "line 2, column Password: has a character that was lost when it was saved or read: write it anew, in a file in"
        " UTF-8"
    ]


def test_lines_and_the_blanks_that_were_left_out_are_known(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(f"{NAMES}\n\n{ANN}\nSales ,https://d.example/\u00a0,report,hunter2,  Bea,C2\n", encoding="utf-8")
    file = read_clients(path)
    assert file.lines == (3, 4)
    assert file.padded == ((), ("Campaign", "ClientName", "URL"))
    assert file.rows[1]["client_name"] == "Bea"


def test_a_row_to_switch_off_needs_only_what_identifies_it(tmp_path: Path) -> None:
    header = "ClientID,Campaign,URL,Enabled"
    [row] = import_text(tmp_path, f"{header}\nC1,Sales,https://d.example/,no\n")
    assert (row["client_id"], row["enabled"], row["password"]) == ("C1", "no", None)
    full = f"{NAMES},Enabled,Timezone"
    [_] = import_text(tmp_path, f"{full}\nSales,https://d.example/,,,,C1,no,Eastern\n")
    assert mistakes(tmp_path, f"{full}\n,https://d.example/,,,,C1,no,\n") == ["line 2, column Campaign: is empty"]


def test_any_other_row_needs_every_column(tmp_path: Path) -> None:
    header = "ClientID,Campaign,URL,Enabled"
    assert mistakes(tmp_path, f"{header}\nC1,Sales,https://d.example/,no\nC2,Sales,https://d.example/,yes\n") == [
        "line 1: the column Username is missing",
        "line 1: the column Password is missing",
        "line 1: the column ClientName is missing",
    ]
    assert mistakes(tmp_path, "Campaign,URL,Enabled\nSales,https://d.example/,no\n") == [
        "line 1: the column ClientID is missing"
    ]
