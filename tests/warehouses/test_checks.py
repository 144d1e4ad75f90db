"""A check tells what there is and what is missing, for each kind of warehouse, and changes nothing."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from database import Warehouse, open_warehouse
from errors import WarehouseUnusable
from messages import Finding
from tables import LEASES, STATE_TABLES
from tests.warehouses.analyst import execute, rows
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import call, outcome
from warehouses.folder_checks import check_free_space, check_writable

LASTING = ("calls", "credentials", *(table.name for table in STATE_TABLES))
FULL = {
    "duckdb": ["data folder", "file", "tables", "credentials", "change data", "disk space", "lease"],
    "bigquery": [
        "data folder", "disk space", "account", "dataset", "query", "credentials", "tables", "make a table",
        "load a file", "change data", "drop a table", "lease",
    ],
}  # fmt: skip


def found(settings: Settings) -> list[Finding]:
    opened = open_warehouse(settings)
    try:
        return list(opened.checks())
    finally:
        opened.close()


def detail(findings: list[Finding], name: str) -> str:
    (one,) = [each for each in findings if each.name == name]
    return one.detail


def tables_of(settings: Settings) -> list[dict[str, Any]]:
    return rows(
        settings,
        f"SELECT table_name FROM {'' if settings.warehouse == 'duckdb' else 'vicidial.'}INFORMATION_SCHEMA.TABLES"
        " ORDER BY table_name",
    )


def test_all_is_well_with_a_warehouse_that_is_in_use(desk: Desk) -> None:
    findings = found(desk.settings)
    assert [each.name for each in findings] == FULL[desk.settings.warehouse]
    assert [each for each in findings if not each.ok] == []
    assert detail(findings, "tables") == "all as they should be"
    assert detail(findings, "lease").startswith("held by process ")
    assert detail(findings, "credentials").endswith("credentials has 0 rows")


def test_a_check_counts_the_credentials_and_shows_nothing_of_them(desk: Desk) -> None:
    names = "campaign, client_id, url, username, password"
    execute(
        desk.settings,
        f"INSERT INTO vicidial.credentials ({names}) VALUES ('S', 'C', 'http://d', 'u-marked', 'p-marked')",
    )
    findings = found(desk.settings)
    assert detail(findings, "credentials").endswith("credentials has 1 row")
    assert "marked" not in repr(findings)


def test_a_check_changes_nothing(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), quarantine=["torn"])))
    lasting = (*LASTING, LEASES.name) if desk.settings.warehouse == "bigquery" else LASTING
    before = {table: desk.rows(table) for table in lasting}, tables_of(desk.settings)
    files = sorted(path for path in desk.settings.data_dir.rglob("*"))
    assert all(each.ok for each in found(desk.settings))
    assert ({table: desk.rows(table) for table in lasting}, tables_of(desk.settings)) == before
    assert sorted(path for path in desk.settings.data_dir.rglob("*")) == files


def test_an_empty_warehouse_says_what_will_be_made_and_stays_empty(unprepared: Settings) -> None:
    settings = unprepared
    findings = found(settings)
    assert [each for each in findings if not each.ok] == []
    place = "file" if settings.warehouse == "duckdb" else "dataset"
    assert "is made by the first run" in detail(findings, place)
    assert "is made by the first run" in detail(findings, "data folder")
    assert not settings.data_dir.exists()
    assert detail(found(settings), place) == detail(findings, place)


@DUCKDB_FIRST
@pytest.mark.parametrize("what", ["TABLE ledger", "TABLE credentials", "VIEW calls_classic"])
def test_what_a_warehouse_lacks_is_made_by_the_next_run_and_not_by_a_check(
    settings: Settings, warehouse: Warehouse, what: str
) -> None:
    execute(settings, f"DROP {what.replace(' ', ' vicidial.')}")
    before = tables_of(settings)
    findings = found(settings)
    assert [each for each in findings if not each.ok] == []
    assert "made by the next run" in detail(findings, "tables")
    assert ("is made by the first run" in detail(findings, "credentials")) == (what == "TABLE credentials")
    assert tables_of(settings) == before


def test_nobody_holds_a_warehouse_that_was_given_back(settings: Settings) -> None:
    opened = open_warehouse(settings)
    with opened.lease():
        opened.prepare()
    opened.close()
    assert detail(found(settings), "lease") == "no daemon or command holds the warehouse"


@DUCKDB_FIRST
@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        ("CallTime STRING, HashValue STRING", "a view <OUTPUT_TABLE>_classic has exactly those columns"),
        ("call_key STRING", "An existing table is never altered by guess"),
    ],
)
def test_a_table_of_somebody_else_is_told_with_what_to_do(
    settings: Settings, warehouse: Warehouse, columns: str, advice: str
) -> None:
    execute(settings, f"CREATE TABLE vicidial.other ({columns})")
    findings = found(dataclasses.replace(settings, output_table="other"))
    (failed,) = [each for each in findings if not each.ok]
    assert (failed.name, failed.unusable) == ("tables", False)
    assert advice in failed.advice


def test_a_data_folder_that_cannot_be_written_to_is_a_row_of_its_own(settings: Settings, warehouse: Warehouse) -> None:
    file = settings.data_dir / "file"
    file.write_text("x", encoding="utf-8")
    findings = found(dataclasses.replace(settings, data_dir=file, duckdb_path=settings.duckdb_path))
    assert [(each.name, each.unusable) for each in findings if not each.ok] == [("data folder", True)]


def test_a_folder_is_tried_where_it_will_be(tmp_path: Path) -> None:
    assert check_writable("The folder", tmp_path).endswith("can be written to")
    assert check_writable("The folder", tmp_path / "a" / "b").endswith("is made by the first run")
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseUnusable):
        check_writable("The folder", tmp_path / "file" / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path) -> None:
    assert "MB on the disk of" in check_free_space(tmp_path, tmp_path / "not there yet")
    with pytest.raises(WarehouseUnusable, match=r"only .* MB are free"):
        check_free_space(tmp_path, least=10**18)
