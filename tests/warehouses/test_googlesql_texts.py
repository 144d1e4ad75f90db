"""Every SQL text that is sent to BigQuery, as it was sent, is read by Google's own parser with our tables."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest

from config import Settings
from messages import PhoneForms, RefusedAccount, RunEnd
from tables import (
    BOOL,
    CALLS,
    CREDENTIALS,
    INT64,
    LEAD_COLUMNS,
    LEASES,
    MIGRATIONS,
    STATE_TABLES,
    STRING,
    TIMESTAMP,
    Column,
)
from tests.bigquery.googlesql import analyse
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.running import Emulator
from tests.warehouses.conftest import held
from tests.warehouses.looking import execute, rows, table
from tests.warehouses.spool_files import DAY, NOON, STATS, Batches, Spool, call, outcome
from tests.warehouses.test_batches import hour, read_until
from tests.warehouses.test_call_merges import bare
from warehouses.bigquery_staging import staged_columns

PARAMETERS = {
    "batch_id": "STRING", "run_id": "STRING", "owner": "STRING", "holder": "STRING", "backfill_id": "STRING",
    "generation": "INT64", "lease_seconds": "INT64", "seconds": "INT64", "number": "INT64", "billed": "INT64",
    "commit_seconds": "FLOAT64", "digits": "STRING", "phone_hash": "STRING", "short": "STRING", "key_id": "STRING",
    "now": "TIMESTAMP", "since": "TIMESTAMP", "fingerprints": "ARRAY<STRING>", "keys": "ARRAY<STRING>",
}  # fmt: skip
KEYS = ("campaign", "client_id", "url", "username")
PROCEDURES = 20
"""Fewer different texts than these would mean that the round below has left something out."""


@pytest.fixture
def settings(tmp_path: Path, emulator: Emulator, proxy: FaultProxy) -> Settings:
    return Settings(
        warehouse="bigquery",
        bigquery_emulator_host=proxy.url,
        project_id=emulator.project,
        dataset_id=emulator.new_dataset(),
        data_dir=tmp_path,
        cycle_interval=timedelta(seconds=30),
        bigquery_require_partition_filter=True,
        call_days=30,
    )


def test_where_queries_must_name_days_commits_do_and_the_old_view_works(settings: Settings, emulator: Emulator) -> None:
    by_hand = replace(settings, bigquery_emulator_host=emulator.url)
    everything(settings, by_hand)
    with pytest.raises(BadRequest, match="filter"):
        rows(by_hand, "SELECT phone FROM vicidial.calls")
    assert len(rows(by_hand, "SELECT Phone, CallTime FROM vicidial.calls_classic")) == len(table(by_hand, "calls")) > 3


def everything(settings: Settings, by_hand: Settings) -> None:
    """All that the program asks of a warehouse, with rows for every branch of the commit."""
    batches, spool = Batches(name=settings.dataset_id), Spool(settings.data_dir / "spool")
    refused = RefusedAccount(host="h", username="u", salt="s", fingerprint="f", refused_at=NOON, reason="BAD")
    row: dict[str, str | None] = {**dict.fromkeys(CREDENTIALS.names, "x"), "max_connections": "2"}
    with held(settings) as warehouse:
        warehouse.put_credential_rows([row], lambda each: f"{each['client_id']}")
        warehouse.put_credential_rows([{**row, "password": "y"}], lambda each: f"{each['client_id']}")
        export, stats = spool.sealed(call(1), call(2)), spool.sealed(bare(2), bare(3), source="stats")
        first = outcome(export, stats, refused=(refused,))
        warehouse.commit(batches.of(first, watermarks=(read_until(1),)))
        short = spool.sealed(call(1, status="DNC"), hours=(hour(0),), shortfall=2, quarantine=["torn"], backfill_id="b")
        batch = batches.of(outcome(short, spool.sealed(call(1), source="other")))
        warehouse.commit(batch)
        warehouse.commit(batch)
        warehouse.commit(batches.of())
        old, older = spool.sealed(call(1), call(7), bare(8)), spool.sealed(bare(1), call(7), source="stats")
        warehouse.commit(batches.of(outcome(old, older, spool.sealed(quarantine=["short"])), released=("hash",)))
        warehouse.commit(batches.of(outcome(spool.sealed(call(1))), released=("another",)))
        warehouse.call_groups([DAY, NOON.date()])
        warehouse.call_hashes(["key"], [DAY, NOON.date()])
        assert len(warehouse.quarantined()) == len(("torn", "short"))
        warehouse.hours(DAY)
        warehouse.backfilled("b")
        warehouse.end_backfill("b")
        warehouse.forget_refusals([refused])
        warehouse.end_run(RunEnd(run_id="run", seconds=1.5, commit_seconds=0.5))
        warehouse.overview(NOON)
        warehouse.forgotten()
        warehouse.forget(PhoneForms(digits="07001", phone_hash="h", short="7001", key_id="k"), NOON)
        warehouse.delete_old(NOON - timedelta(days=400))
        list(warehouse.checks())
    execute(by_hand, "ALTER TABLE vicidial.runs DROP COLUMN bytes_billed")
    execute(by_hand, "DELETE FROM vicidial.migrations WHERE number = 2")
    with held(replace(settings, include_lead_fields=True, bigquery_lease=timedelta(seconds=3))) as warehouse:
        wide = Spool(settings.data_dir / "wide", lead_fields=True)
        warehouse.commit(batches.of(outcome(wide.sealed(call(9, report=STATS)))))


def catalog(settings: Settings, statement: str) -> dict[str, tuple[Column, ...]]:
    """Our tables under the names that the statement uses, those on the way too."""
    dataset = f"{settings.project_id}.{settings.dataset_id}"
    tables = {f"{dataset}.{table.name}": table.columns for table in (CREDENTIALS, *STATE_TABLES, LEASES, MIGRATIONS)}
    tables[f"{dataset}.calls"] = CALLS.columns if "ADD COLUMN" in statement else CALLS.columns + LEAD_COLUMNS
    was = tuple(Column(f"was_{name}", STRING, "") for name in KEYS)
    texts = tuple(Column(name, STRING, "") for name in CREDENTIALS.names)
    for name in re.findall(rf"`{re.escape(dataset)}\.(staging_[\w-]+)`", statement):
        on_the_way = staged_columns(lead_fields=True)
        mine = (Column("is_new", BOOL, ""), *was, *texts)
        tables[f"{dataset}.{name}"] = mine if name.startswith("staging_credentials_") else on_the_way
    return tables


def test_every_statement_is_googlesql(settings: Settings, proxy: FaultProxy, emulator: Emulator) -> None:
    everything(settings, replace(settings, bigquery_emulator_host=emulator.url))
    sent = {seen.statement for seen in proxy.seen if seen.statement}
    kinds = {re.sub(r"staging_[\w-]+|DATE '[0-9-]+'", "?", statement) for statement in sent}
    assert len(kinds) >= PROCEDURES
    for statement in sorted(sent):
        parameters = dict(PARAMETERS)
        if "@commit_seconds" in statement:
            parameters["seconds"] = "FLOAT64"
        analyse(statement, catalog(settings, statement), parameters)


def test_the_columns_on_the_way_are_those_of_their_targets() -> None:
    columns = staged_columns(lead_fields=True)
    by_name = {column.name: column.type for column in columns}
    assert len(by_name) == len(columns)
    for target in (CALLS, *STATE_TABLES):
        shared = {column.name: column.type for column in target.columns if column.name in by_name}
        assert {name: by_name[name] for name in shared} == shared
    assert (by_name["place"], by_name["kind"], by_name["seen_at"]) == (INT64, STRING, TIMESTAMP)
