"""An import says what it changes beyond its rows, and advises nothing that is not needed."""

from pathlib import Path

import pytest

from config import Settings
from credentials.csv_files import read_clients
from credentials.rows import source_key
from database import open_warehouse
from engine.client_imports import ImportReport, import_clients
from errors import ImportRefused
from tests.warehouses.spool_files import Batches, Spool, call, outcome

HEADER = "Campaign,URL,Username,Password,ClientName,ClientID,Timezone,ingroups"
ONE, TWO = "http://one.example/", "http://two.example/"


class Centre:
    """A warehouse of its own, and a file of clients."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder / "data", duckdb_path=folder / "calls.duckdb")
        self.settings.data_dir.mkdir()
        self.path = folder / "clients.csv"
        self.warehouse = open_warehouse(self.settings)

    def import_list(self, names: str) -> ImportReport:
        return self.import_rows(self.row("http://d.example/", names))

    @staticmethod
    def row(url: str, names: str = "", campaign: str = "Sales") -> str:
        return f'{campaign},{url},report,secret,Client 1,1,UTC,"{names}"'

    def import_rows(self, *rows: str, replace: bool = False, header: str = HEADER) -> ImportReport:
        self.path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        with self.warehouse.lease():
            return import_clients(self.warehouse, self.settings, self.path, replace=replace)

    def read(self) -> None:
        """Commit a window of each row of the file, as a cycle does."""
        keys = [source_key(row) for row in read_clients(self.path).rows]
        outcomes = [outcome(Spool(self.settings.data_dir / f"spool-{key}").sealed(call(1), source=key)) for key in keys]
        with self.warehouse.lease():
            self.warehouse.commit(Batches().of(*outcomes))

    def rows_on(self) -> list[str | None]:
        """Return the URLs of the rows that are read."""
        return [row["url"] for row in self.warehouse.reader.credential_rows() if row["enabled"] != "no"]


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [("A,B", "A,B,C", True), ("A,B", "C", True), ("A,B", "ALL", True), ("NONE", "A", True), ("A", "", True),
     ("A,B", "B,A", False), ("A,B", "A", False), ("A", "NONE", False), ("ALL", "A", False), ("", "A", False)],
)  # fmt: skip
def test_a_backfill_is_advised_where_a_row_asks_for_more_than_before(
    tmp_path: Path, before: str, after: str, needed: bool
) -> None:
    centre = Centre(tmp_path)
    centre.import_list(before)
    centre.read()
    notes = centre.import_list(after).notes
    assert any("asks for other campaigns or in-groups than before" in note for note in notes) == needed


def test_a_client_that_was_never_read_needs_no_backfill(tmp_path: Path) -> None:
    """Its first load brings the older calls."""
    centre = Centre(tmp_path)
    centre.import_list("A")
    assert len(centre.import_list("A,B").notes) == 1


def test_a_row_with_another_url_and_other_lists_replaces_the_old_one_when_asked(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.import_rows(centre.row(ONE))
    new = centre.row(TWO, "A", campaign="Sold")
    _, note, *_ = centre.import_rows(new).notes
    assert note == (
        "Sold / Client 1: the row with Campaign Sales for http://one.example/vicidial/ has the same ClientID 1 and is"
        " read too; if this one takes its place, import the file once more with --replace, which switches that one off"
    )
    assert centre.rows_on() == [ONE, TWO]
    centre.read()
    report = centre.import_rows(new, replace=True)
    assert report.notes[:2] == (
        "clients.csv: 0 added, 0 changed, 1 left as they were",
        "Sold / Client 1: the row with Campaign Sales for http://one.example/vicidial/ is switched off; if both are"
        " right, import it again",
    )
    assert centre.rows_on() == [TWO]


def test_a_row_whose_url_gets_a_parameter_is_told_from_the_old_one(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    page = "http://d.example/vicidial/call_report_export.php"
    centre.import_rows(centre.row(f"{page}?campaign[]=A"))
    _, note = centre.import_rows(centre.row(f"{page}?campaign[]=A&status[]=SALE"), replace=True).notes
    assert f"the row with Campaign Sales for {page}?campaign[]=A is switched off" in note


def test_of_two_dialers_of_a_client_none_is_switched_off(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.import_rows(centre.row(ONE), centre.row(TWO))
    assert len(centre.import_rows(centre.row(ONE), centre.row(TWO), replace=True).notes) == 1
    centre.read()
    _, note = centre.import_rows(centre.row(ONE), replace=True).notes
    assert note == (
        "Sales / Client 1: the row with Campaign Sales for http://two.example/vicidial/ is not switched off and is read"
        " too, because both rows have been read, and the client may have two dialers; if it is no longer right, import"
        " it with Enabled no"
    )
    _, note = centre.import_rows(centre.row(ONE)).notes
    assert "import that one with Enabled no (--replace would not switch it off: both rows have been read" in note
    assert centre.rows_on() == [ONE, TWO]


OFF = "Campaign,URL,ClientID,Enabled"


def test_a_row_is_switched_off_by_what_identifies_it_and_keeps_its_other_cells(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.import_rows(centre.row(ONE, "A,B"), centre.row(TWO))
    before = {row["url"]: row for row in centre.warehouse.reader.credential_rows()}
    [note] = centre.import_rows(f"Sales,{ONE}vicidial/,1,No", header=OFF).notes
    assert note == "clients.csv: 0 added, 1 changed, 0 left as they were"
    after = {row["url"]: row for row in centre.warehouse.reader.credential_rows()}
    assert after == before | {ONE: {**before[ONE], "enabled": "No"}}


def test_a_row_can_be_switched_off_that_could_not_be_used(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    row = {
        "campaign": "Sales", "url": "ftp://d.example", "client_id": "1", "username": "u", "password": "p",
        "dialer_campaigns": "n/a", "timezone": "?",
    }  # fmt: skip
    with centre.warehouse.lease():
        centre.warehouse.prepare()
        centre.warehouse.put_credential_rows([row], source_key)
    assert "1 changed" in centre.import_rows("Sales,ftp://d.example,1,no", header=OFF).notes[0]
    [stored] = centre.warehouse.reader.credential_rows()
    assert stored == {**stored, **row, "enabled": "no"}


def test_a_row_to_switch_off_that_is_not_in_the_table_is_refused(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.import_rows(centre.row(ONE))
    with pytest.raises(ImportRefused, match="line 2: the table has no row with this Campaign, URL and ClientID to sw"):
        centre.import_rows(f"Selas,{ONE},1,no", header=OFF)


def test_a_complete_row_may_be_added_switched_off_and_names_those_of_its_client_that_are_read(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    off = f"{HEADER},Enabled"
    assert len(centre.import_rows(centre.row(ONE) + ",no", header=off).notes) == 1
    centre.import_rows(centre.row(ONE))
    _, note = centre.import_rows(centre.row(TWO) + ",no", header=off).notes
    assert note == (
        "Sales / Client 1: this row was not in the table and is added, switched off; the row with Campaign Sales for"
        " http://one.example/vicidial/ has the same ClientID and is still read"
    )
