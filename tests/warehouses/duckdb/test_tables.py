"""Missing tables are made. A table of somebody else is refused, or taken as it is, never altered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from config import Settings
from database import Warehouse, open_warehouse
from errors import TableRefused, WarehouseError, WarehouseUnusable
from messages import RowsMerged
from tables import CALLS, CREDENTIALS, LEAD_COLUMNS, RUNS, STATE_TABLES, Table
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import call, outcome
from warehouses.duckdb.tables import DuckDBTables
from warehouses.sql.migrations import MIGRATION_PLAN, MigrationPlan

OWN_CREDENTIALS = (
    "CREATE TABLE vicidial.credentials (Campaign TEXT, ClientID INT, url TEXT, UserName TEXT, Password TEXT"
)
SECRET = "Tr0ub4dor&3"
NEXT = MIGRATION_PLAN.numbers[-1] + 1
"""Number of a migration that the program does not have."""


@pytest.fixture
def made_by_hand(settings: Settings) -> Callable[[str], Warehouse]:
    def make(statement: str) -> Warehouse:
        settings.data_dir.mkdir(exist_ok=True)
        with duckdb.connect(str(settings.duckdb_path)) as db:
            db.execute(f"CREATE SCHEMA IF NOT EXISTS vicidial; {statement}")
        return open_warehouse(settings)

    return make


def columns(settings: Settings, table: str) -> dict[str, tuple[bool, str | None]]:
    with duckdb.connect(str(settings.duckdb_path), read_only=True) as db:
        query = "SELECT column_name, is_nullable, comment FROM duckdb_columns() WHERE table_name = ?"
        return {name: (nullable, comment) for name, nullable, comment in db.execute(query, [table]).fetchall()}


def client(**fields: Any) -> dict[str, str | None]:
    known = dict.fromkeys(CREDENTIALS.names) | {
        "campaign": "SALES", "client_id": "1", "url": "https://d/", "username": "u", "password": SECRET,
    }  # fmt: skip
    return known | fields


def key_of(row: Any) -> str:
    return f"{row['client_id']} {row['campaign']} {row['url'].lower()}"


def test_nothing_is_there_before_it_is_made(settings: Settings) -> None:
    warehouse = open_warehouse(settings)
    assert (warehouse.reader.credential_rows(), warehouse.reader.watermarks(), warehouse.reader.account_refusals()) == (
        [],
        {},
        [],
    )
    assert not settings.duckdb_path.exists()


def test_every_table_is_made_with_what_it_means(desk: Desk) -> None:
    for table in (CALLS, CREDENTIALS, *STATE_TABLES):
        made = {column.name: (not column.required, column.description) for column in table.columns}
        assert columns(desk.settings, table.name) == made
    assert sorted(row["number"] for row in desk.rows("migrations")) == [*MIGRATION_PLAN.numbers]


def test_preparing_again_writes_nothing(desk: Desk) -> None:
    before = desk.settings.duckdb_path.stat().st_mtime_ns
    desk.warehouse.prepare()
    assert desk.settings.duckdb_path.stat().st_mtime_ns == before


def test_another_output_table_is_made_when_the_setting_changes(desk: Desk) -> None:
    warehouse = open_warehouse(replace(desk.settings, output_table="legs"))
    warehouse.prepare()
    warehouse.commit(desk.batches.of(outcome(desk.spool.sealed(call(1)))))
    assert (len(desk.rows("legs")), desk.rows()) == (1, [])


def test_lead_columns_come_with_the_setting_and_stay(desk: Desk) -> None:
    leads = {column.name for column in LEAD_COLUMNS}
    assert not leads & columns(desk.settings, "calls").keys()
    open_warehouse(replace(desk.settings, include_lead_fields=True)).prepare()
    desk.warehouse.prepare()
    assert leads <= columns(desk.settings, "calls").keys()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CREATE TABLE vicidial.calls (call_key TEXT, n INT)", "client_id is missing"),
        ("CREATE TABLE vicidial.ledger (batch_id TEXT, run_id INT, committed_at TIMESTAMPTZ)", "run_id is INTEGER"),
        ("CREATE VIEW vicidial.ledger AS SELECT 'b' batch_id, 'r' run_id, now() committed_at", "it is a view"),
        (OWN_CREDENTIALS.replace(", Password TEXT", ")"), "it lacks password"),
        (OWN_CREDENTIALS + ", client_id TEXT)", "it has client_id twice"),
    ],
)
def test_a_foreign_table_is_refused_and_untouched(
    made_by_hand: Callable[[str], Warehouse], settings: Settings, statement: str, why: str
) -> None:
    warehouse = made_by_hand(statement)
    before = settings.duckdb_path.read_bytes()
    with pytest.raises(TableRefused, match=why):
        warehouse.prepare()
    assert settings.duckdb_path.read_bytes() == before


def test_an_analysts_further_column_is_tolerated_unless_it_needs_a_value(desk: Desk) -> None:
    with duckdb.connect(str(desk.settings.duckdb_path)) as db:
        db.execute("ALTER TABLE vicidial.calls ADD COLUMN note TEXT")
    desk.warehouse.prepare()
    assert desk.counts(outcome(desk.spool.sealed(call(1)))) == [(1, 0, 0, 0)]
    assert desk.only_call()["note"] is None
    with duckdb.connect(str(desk.settings.duckdb_path)) as db:
        db.execute("UPDATE vicidial.calls SET note = 'mine'")
    desk.commit(outcome(desk.spool.sealed(call(1, status="DNC"))))
    assert desk.only_call()["note"] == "mine"
    with duckdb.connect(str(desk.settings.duckdb_path)) as db:
        db.execute("ALTER TABLE vicidial.calls ALTER COLUMN note SET NOT NULL")
    with pytest.raises(TableRefused, match="note must have a value"):
        desk.warehouse.prepare()


@pytest.mark.parametrize(("changed", "name"), [(RUNS, "runs"), (CALLS, "legs")])
def test_a_table_of_an_older_version_gets_its_new_columns_once(desk: Desk, changed: Table, name: str) -> None:
    """The table of calls has the name of OUTPUT_TABLE."""
    added = ("bytes_billed", "download_seconds") if changed is RUNS else ("list_id", "uniqueid")
    settings = replace(desk.settings, output_table="legs")
    tables = DuckDBTables(
        settings, MigrationPlan(added_columns={**MIGRATION_PLAN.added_columns, NEXT: (changed, added)})
    )
    open_warehouse(settings).prepare()
    before = columns(settings, name)
    with duckdb.connect(str(settings.duckdb_path)) as db:
        for column in added:
            db.execute(f"ALTER TABLE vicidial.{name} DROP COLUMN {column}")
        assert not tables.are_ready(db)
        tables.make(db)
        assert tables.are_ready(db)
        tables.make(db)
    assert columns(settings, name) == before
    assert sorted(row["number"] for row in desk.rows("migrations")) == [*MIGRATION_PLAN.numbers, NEXT]


def test_a_column_that_no_migration_adds_is_missed(desk: Desk) -> None:
    with duckdb.connect(str(desk.settings.duckdb_path)) as db:
        db.execute("ALTER TABLE vicidial.runs DROP COLUMN bytes_billed")
    with pytest.raises(TableRefused, match="bytes_billed is missing"):
        desk.warehouse.prepare()


def test_a_file_of_a_newer_version_is_left_alone(desk: Desk) -> None:
    with duckdb.connect(str(desk.settings.duckdb_path)) as db:
        db.execute("INSERT INTO vicidial.migrations VALUES (999, now())")
    with pytest.raises(WarehouseUnusable, match="newer version"):
        desk.warehouse.prepare()


def test_an_operators_own_credentials_table_is_read_and_updated_in_its_spelling(
    made_by_hand: Callable[[str], Warehouse],
) -> None:
    warehouse = made_by_hand(
        f"{OWN_CREDENTIALS}, Enabled BOOLEAN, Note TEXT);"
        " INSERT INTO vicidial.credentials VALUES ('SALES', 1, 'HTTPS://D/', 'u', 'old', true, 'mine')"
    )
    warehouse.prepare()
    merged = warehouse.put_credential_rows([client(enabled="true"), client(client_id="2")], key_of)
    assert merged == RowsMerged(added=1, changed=1, left=0)
    assert warehouse.reader.credential_rows() == [
        {"Campaign": "SALES", "ClientID": "1", "url": "https://d/", "UserName": "u", "Password": SECRET,
         "Enabled": "true", "Note": "mine"},
        {"Campaign": "SALES", "ClientID": "2", "url": "https://d/", "UserName": "u", "Password": SECRET,
         "Enabled": None, "Note": None},
    ]  # fmt: skip
    again = warehouse.put_credential_rows([client(enabled="true"), client(client_id="2")], key_of)
    assert again == RowsMerged(added=0, changed=0, left=2)


def test_a_view_will_do_for_the_credentials(made_by_hand: Callable[[str], Warehouse]) -> None:
    warehouse = made_by_hand(
        "CREATE VIEW vicidial.credentials AS SELECT 'SALES' Campaign, 1 ClientID, 'u' url, 'n' UserName, 'p' Password"
    )
    warehouse.prepare()
    assert warehouse.reader.credential_rows() == [
        {"Campaign": "SALES", "ClientID": "1", "url": "u", "UserName": "n", "Password": "p"}
    ]
    with pytest.raises(TableRefused, match="it is a view"):
        warehouse.put_credential_rows([client()], key_of)


def test_a_value_without_a_column_is_refused_rather_than_lost(made_by_hand: Callable[[str], Warehouse]) -> None:
    warehouse = made_by_hand(f"{OWN_CREDENTIALS})")
    warehouse.prepare()
    with pytest.raises(TableRefused, match="no column for timezone"):
        warehouse.put_credential_rows([client(timezone="Europe/Berlin")], key_of)


def test_all_rows_are_taken_or_none_and_no_value_is_told(made_by_hand: Callable[[str], Warehouse]) -> None:
    warehouse = made_by_hand(f"{OWN_CREDENTIALS})")
    warehouse.prepare()
    with pytest.raises(WarehouseError) as refused:
        warehouse.put_credential_rows([client(), client(client_id="Tr0ub")], key_of)
    assert "Tr0ub" not in str(refused.value)
    assert warehouse.reader.credential_rows() == []
