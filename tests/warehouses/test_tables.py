"""Tables are made once, and what is not ours is never altered by guess."""

from dataclasses import replace

import duckdb
import pytest

from config import Settings
from credentials.rows import source_key
from database import Warehouse, open_warehouse
from errors import TableRefused
from messages import RowsMerged
from tables import CALLS, CREDENTIALS, LEAD_COLUMNS, STATE_TABLES
from tests.warehouses.looking import rows


def columns(settings: Settings, table: str) -> dict[str, str]:
    found = rows(
        settings,
        "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 'vicidial'"
        f" AND table_name = '{table}' ORDER BY column_index",
    )
    return {row["column_name"]: row["comment"] for row in found}


def test_every_table_has_its_columns_with_their_meaning(warehouse: Warehouse, settings: Settings) -> None:
    for table in (CALLS, CREDENTIALS, *STATE_TABLES):
        assert columns(settings, table.name) == {column.name: column.description for column in table.columns}


def test_preparing_again_changes_nothing(warehouse: Warehouse, settings: Settings) -> None:
    before = settings.duckdb_path.stat().st_mtime_ns
    warehouse.prepare()
    assert settings.duckdb_path.stat().st_mtime_ns == before
    assert len(rows(settings, "FROM vicidial.migrations")) == 1


def test_personal_columns_come_only_when_they_are_asked_for(warehouse: Warehouse, settings: Settings) -> None:
    assert not any(name.startswith("lead_") and name != "lead_id" for name in columns(settings, "calls"))
    open_warehouse(replace(settings, include_lead_fields=True)).prepare()
    assert list(columns(settings, "calls"))[-len(LEAD_COLUMNS) :] == [column.name for column in LEAD_COLUMNS]
    warehouse.prepare()


@pytest.mark.parametrize(
    "definition",
    ["CallTime TIMESTAMP, Campaign VARCHAR, Phone VARCHAR", "call_key BIGINT, client_id VARCHAR"],
)
def test_a_strange_output_table_is_refused_with_advice(settings: Settings, definition: str) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    with duckdb.connect(settings.duckdb_path) as db:
        db.execute(f"CREATE SCHEMA vicidial; CREATE TABLE vicidial.calls ({definition})")
    with pytest.raises(TableRefused, match="OUTPUT_TABLE"):
        open_warehouse(settings).prepare()
    assert rows(settings, "SELECT count(*) AS n FROM duckdb_tables()") == [{"n": 1}]


def test_an_operators_own_credentials_table_is_used_as_it_is(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    with duckdb.connect(settings.duckdb_path) as db:
        db.execute(
            "CREATE SCHEMA vicidial; CREATE TABLE vicidial.credentials"
            " (ClientID BIGINT, Campaign VARCHAR, URL VARCHAR, UserName VARCHAR, Password VARCHAR,"
            " Enabled BOOLEAN, notes VARCHAR);"
            " INSERT INTO vicidial.credentials VALUES (7, 'Sales', 'http://d/', 'u', 'p', true, 'mine')"
        )
    warehouse = open_warehouse(settings)
    warehouse.prepare()
    (row,) = warehouse.credential_rows()
    assert (row["ClientID"], row["Enabled"]) == ("7", "true")
    new = dict.fromkeys(CREDENTIALS.names) | {
        "campaign": "Sales", "client_id": "7", "url": "http://d/vicidial/", "username": "u", "password": "new",
    }  # fmt: skip
    assert warehouse.put_credential_rows([new], source_key) == RowsMerged(added=0, changed=1, left=0)
    (row,) = warehouse.credential_rows()
    assert (row["Password"], row["notes"]) == ("new", "mine")


def test_a_credentials_table_without_a_needed_column_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    with duckdb.connect(settings.duckdb_path) as db:
        db.execute("CREATE SCHEMA vicidial; CREATE TABLE vicidial.credentials (campaign VARCHAR, url VARCHAR)")
    with pytest.raises(TableRefused, match="client_id, username, password"):
        open_warehouse(settings).prepare()


def test_importing_again_tells_what_was_added_changed_and_left(warehouse: Warehouse) -> None:
    one, two = (
        dict.fromkeys(CREDENTIALS.names)
        | {"campaign": "Sales", "client_id": str(n), "url": "http://d/", "username": "u", "password": "p"}
        for n in (1, 2)
    )
    put = warehouse.put_credential_rows
    assert put([one], source_key) == RowsMerged(added=1, changed=0, left=0)
    assert put([one | {"password": "q"}, two], source_key) == RowsMerged(added=1, changed=1, left=0)
    assert put([one | {"password": "q"}, two], source_key) == RowsMerged(added=0, changed=0, left=2)
    same_source = one | {"password": "q", "url": "http://d/vicidial/call_report_export.php?query_date=2026-01-01"}
    assert put([same_source], source_key).added == 0
    assert len(warehouse.credential_rows()) == 2
