"""Tables in BigQuery are made with descriptions and options. Tables of somebody else are never altered."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from google.cloud import bigquery

from config import Settings
from database import open_warehouse
from errors import LocationDiffers, OldTable, TableRefused, WarehouseUnusable
from shutdown import Stop
from tables import CALLS, CLASSIC, CREDENTIALS, LEAD_COLUMNS, LEASES, RUNS, STATE_TABLES, Table
from tests.bigquery.emulators import Emulator
from tests.warehouses.analyst import execute, rows, table
from tests.warehouses.bigquery.conftest import PATIENT, brief
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.tables import BigQueryTables
from warehouses.sql.migrations import MIGRATION_PLAN, MigrationPlan
from warehouses.sql.view_columns import VIEWS

NEXT = MIGRATION_PLAN.numbers[-1] + 1
"""Number of a migration that the program does not have."""
OURS = {"calls": CALLS, "credentials": CREDENTIALS, **{each.name: each for each in (*STATE_TABLES, LEASES)}}


@pytest.fixture
def settings(emulator: Emulator, tmp_path: Path) -> Settings:
    return brief(emulator, tmp_path / "data", dataset_id=emulator.new_dataset(), **PATIENT)


@pytest.fixture
def client(emulator: Emulator) -> bigquery.Client:
    return emulator.client()


def prepared(settings: Settings) -> None:
    warehouse = open_warehouse(settings)
    try:
        warehouse.prepare()
    finally:
        warehouse.close()


def found(client: bigquery.Client, settings: Settings, name: str) -> bigquery.Table:
    return client.get_table(f"{settings.project_id}.{settings.dataset_id}.{name}")


def test_tables_are_made_with_descriptions_and_options(settings: Settings, client: bigquery.Client) -> None:
    prepared(settings)
    for name, ours in OURS.items():
        made = found(client, settings, name)
        assert (made.description, made.labels["program"]) == (ours.description, "vicidial-to-warehouse")
        columns = {
            field.name: (field.mode == "REQUIRED", field.description) for field in made.schema if field.field_type
        }
        assert columns == {column.name: (column.required, column.description) for column in ours.columns}
    calls = found(client, settings, "calls")
    assert calls.time_partitioning is not None
    assert (calls.time_partitioning.type_, calls.time_partitioning.field) == ("DAY", "call_date")
    assert calls.clustering_fields == ["campaign", "client_id"]
    assert not calls.require_partition_filter
    assert found(client, settings, "hours").time_partitioning.field == "day"


def test_a_dataset_is_made_where_the_setting_says(settings: Settings, client: bigquery.Client) -> None:
    prepared(replace(settings, bigquery_location="EU"))
    assert client.get_dataset(settings.dataset_id).location == "EU"
    prepared(settings)
    with pytest.raises(LocationDiffers, match="is in EU"):
        prepared(replace(settings, bigquery_location="US"))


def test_options_are_for_a_new_table_and_a_difference_is_logged(
    settings: Settings, client: bigquery.Client, caplog: pytest.LogCaptureFixture
) -> None:
    strict = replace(settings, bigquery_require_partition_filter=True, bigquery_partition_expiry_days=400)
    prepared(strict)
    made = found(client, settings, "calls")
    assert made.require_partition_filter
    assert made.time_partitioning.expiration_ms == 400 * 86_400_000
    with caplog.at_level(logging.WARNING):
        prepared(settings)
    assert "BIGQUERY_REQUIRE_PARTITION_FILTER" in caplog.text
    assert "BIGQUERY_PARTITION_EXPIRY_DAYS" in caplog.text
    kept = found(client, settings, "calls")
    assert (kept.require_partition_filter, kept.time_partitioning.expiration_ms) == (True, 400 * 86_400_000)


def test_preparing_again_changes_nothing(settings: Settings, client: bigquery.Client) -> None:
    prepared(settings)
    names = (*OURS, *(f"calls_{view.name}" for view in VIEWS))
    before = {name: found(client, settings, name).etag for name in names}
    prepared(settings)
    assert {name: found(client, settings, name).etag for name in names} == before
    assert sorted(row["number"] for row in table(settings, "migrations")) == [*MIGRATION_PLAN.numbers]


@pytest.mark.parametrize(("changed", "name"), [(RUNS, "runs"), (CALLS, "legs")])
def test_a_table_of_an_older_version_gets_its_new_columns_once(
    settings: Settings, client: bigquery.Client, changed: Table, name: str
) -> None:
    """The table of calls has the name of OUTPUT_TABLE."""
    added = ("bytes_billed", "download_seconds") if changed is RUNS else ("list_id", "uniqueid")
    settings = replace(settings, output_table="legs")
    prepared(settings)
    for column in added:
        execute(settings, f"ALTER TABLE vicidial.{name} DROP COLUMN {column}")
    with pytest.raises(TableRefused, match=f"{added[0]} is missing; {added[1]} is missing"):
        prepared(settings)
    service = BigQueryService(settings, Stop())
    names = BigQueryNames(settings, service.connection)
    plan = MigrationPlan(added_columns={**MIGRATION_PLAN.added_columns, NEXT: (changed, added)})
    for _ in range(2):
        BigQueryTables(settings, service, names, plan).make()
    service.close()
    assert [field.name for field in found(client, settings, name).schema][-2:] == [*added]
    assert sorted(row["number"] for row in table(settings, "migrations")) == [*MIGRATION_PLAN.numbers, NEXT]


def test_a_dataset_of_a_newer_version_is_left_alone(settings: Settings) -> None:
    prepared(settings)
    execute(settings, "INSERT INTO vicidial.migrations (number, applied_at) VALUES (99, CURRENT_TIMESTAMP())")
    with pytest.raises(WarehouseUnusable, match="newer version"):
        prepared(settings)


def test_lead_columns_come_with_the_setting_and_stay(settings: Settings, client: bigquery.Client) -> None:
    prepared(settings)
    prepared(replace(settings, include_lead_fields=True))
    names = [field.name for field in found(client, settings, "calls").schema]
    assert names[-len(LEAD_COLUMNS) :] == [column.name for column in LEAD_COLUMNS]
    prepared(settings)


def test_tables_may_have_other_datasets(settings: Settings, client: bigquery.Client, emulator: Emulator) -> None:
    """They are named ``dataset.table`` or ``project.dataset.table``, and their owner has made the datasets."""
    secrets, shared = emulator.new_dataset(), emulator.new_dataset()
    for name in (secrets, shared):
        client.create_dataset(name)
    elsewhere = replace(
        settings, credentials_table=f"{secrets}.clients", output_table=f"{emulator.project}.{shared}.legs"
    )
    prepared(elsewhere)
    names = {name: {each.table_id for each in client.list_tables(name)} for name in (secrets, shared)}
    views = {f"legs_{view.name}" for view in VIEWS}
    assert names == {secrets: {"clients"}, shared: {"legs", "legs_classic", *views}}
    assert "calls" not in {each.table_id for each in client.list_tables(settings.dataset_id)}
    warehouse = open_warehouse(elsewhere)
    assert warehouse.describe() == f"{emulator.project}.{secrets}.clients"
    assert warehouse.reader.credential_rows() == []
    warehouse.close()


OLD_SHAPE = (
    "CREATE TABLE vicidial.calls (CallTime TIMESTAMP, Campaign STRING, ClientName STRING, ClientID STRING,"
    " LeadID STRING, Phone STRING, Status STRING, Ingroup STRING, Length INT64, HashValue STRING)"
)


def test_a_table_of_an_older_program_is_recognised_and_left_alone(settings: Settings, client: bigquery.Client) -> None:
    client.create_dataset(settings.dataset_id)
    execute(settings, OLD_SHAPE)
    with pytest.raises(OldTable, match="_classic"):
        prepared(settings)
    assert len(found(client, settings, "calls").schema) == len(CLASSIC)
    prepared(replace(settings, output_table="legs"))
    assert rows(settings, "SELECT * FROM vicidial.legs_classic LIMIT 1") == []


FOREIGN: dict[str, tuple[str, str]] = {
    "another type": (
        "CREATE TABLE vicidial.ledger (batch_id INT64, run_id STRING, committed_at TIMESTAMP)",
        "batch_id",
    ),
    "a column that demands a value": (
        "CREATE TABLE vicidial.ledger (batch_id STRING, run_id STRING, committed_at TIMESTAMP, boss STRING NOT NULL)",
        "boss must have a value",
    ),
    "a view": ("CREATE VIEW vicidial.ledger AS SELECT 1 AS batch_id", "view"),
    "a table in the place of the view": ("CREATE TABLE vicidial.calls_classic (x STRING)", "it is a table"),
    "credentials that lack a column": ("CREATE TABLE vicidial.credentials (Campaign STRING)", "it lacks"),
}


@pytest.mark.parametrize(("statement", "told"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_table_is_refused(settings: Settings, client: bigquery.Client, statement: str, told: str) -> None:
    client.create_dataset(settings.dataset_id)
    execute(settings, statement)
    with pytest.raises(TableRefused, match=told):
        prepared(settings)


def test_an_operators_own_credentials_are_read_and_changed_in_their_spelling(
    settings: Settings, client: bigquery.Client
) -> None:
    client.create_dataset(settings.dataset_id)
    execute(
        settings,
        "CREATE TABLE vicidial.credentials (Campaign STRING, ClientID INT64, url STRING, UserName STRING,"
        " Password STRING, Enabled BOOL, Note STRING)",
    )
    execute(
        settings,
        "INSERT INTO vicidial.credentials VALUES ('Sales', 7, 'http://d/', 'u', 'p', TRUE, 'ours'),"
        " ('Other', 8, 'http://e/', 'u', 'p', NULL, NULL)",
    )
    prepared(settings)
    warehouse = open_warehouse(settings)
    row: dict[str, str | None] = dict.fromkeys(CREDENTIALS.names) | {
        "campaign": "Sales", "client_id": "7", "url": "http://d/", "username": "u", "password": "new", "enabled": "no",
    }  # fmt: skip
    new = {**row, "client_id": "9", "enabled": None}
    merged = warehouse.put_credential_rows([row, new], lambda each: f"{each['client_id']} {each['campaign']}")
    assert (merged.added, merged.changed, merged.left) == (1, 1, 0)
    stored = {each["ClientID"]: each for each in table(settings, "credentials")}
    assert (stored[7]["Password"], stored[7]["Enabled"], stored[7]["Note"]) == ("new", False, "ours")
    assert (stored[8]["Password"], stored[9]["Password"], stored[9]["Enabled"]) == ("p", "new", None)
    texts = {each["ClientID"]: each["Enabled"] for each in warehouse.reader.credential_rows()}
    assert texts == {"7": "false", "8": None, "9": None}
    with pytest.raises(TableRefused, match="no column for timezone"):
        warehouse.put_credential_rows([{**row, "timezone": "UTC"}], str)
    left = [each.table_id for each in client.list_tables(settings.dataset_id) if "staging" in each.table_id]
    assert left == []
    warehouse.close()


def test_credentials_may_be_a_view(settings: Settings, client: bigquery.Client) -> None:
    client.create_dataset(settings.dataset_id)
    execute(
        settings,
        "CREATE VIEW vicidial.credentials AS SELECT 'Sales' AS campaign, '1' AS client_id, 'http://d/' AS url,"
        " 'u' AS username, 'p' AS password",
    )
    prepared(settings)
    warehouse = open_warehouse(settings)
    assert [each["campaign"] for each in warehouse.reader.credential_rows()] == ["Sales"]
    with pytest.raises(TableRefused, match="it is a view"):
        warehouse.put_credential_rows([dict.fromkeys(CREDENTIALS.names)], str)
    warehouse.close()


def test_reading_makes_nothing(settings: Settings, client: bigquery.Client) -> None:
    warehouse = open_warehouse(settings)
    assert (warehouse.reader.credential_rows(), warehouse.reader.watermarks(), warehouse.reader.account_refusals()) == (
        [],
        {},
        [],
    )
    warehouse.close()
    assert settings.dataset_id not in {each.dataset_id for each in client.list_datasets()}
