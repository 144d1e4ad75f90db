"""Every SQL text that is sent to BigQuery, as it was sent, is read by Google's own parser with our tables."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from google.api_core.exceptions import BadRequest

from config import Settings
from messages import CallChoice, PhoneForms, RefusedAccount, RunEnd
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
from tests.bigquery.emulators import Emulator
from tests.bigquery.googlesql import analyse
from tests.bigquery.proxy import FaultProxy
from tests.warehouses.analyst import rows, table
from tests.warehouses.conftest import held
from tests.warehouses.spool_files import DAY, NOON, STATS, Batches, Spool, call, outcome
from tests.warehouses.test_batches import hour, read_until
from tests.warehouses.test_call_merges import bare
from warehouses.bigquery.staging import staging_columns

pytestmark = pytest.mark.slow
PARAMETERS = {
    "batch_id": "STRING", "run_id": "STRING", "owner": "STRING", "holder": "STRING", "backfill_id": "STRING",
    "generation": "INT64", "lease_seconds": "INT64", "seconds": "INT64", "number": "INT64", "billed": "INT64",
    "commit_seconds": "FLOAT64", "digits": "STRING", "phone_hash": "STRING", "short": "STRING", "key_id": "STRING",
    "first": "DATE", "last": "DATE", "client": "STRING", "campaign": "STRING", "newest": "INT64",
    "source_keys": "ARRAY<STRING>", "now": "TIMESTAMP",
    "since": "TIMESTAMP", "fingerprints": "ARRAY<STRING>", "keys": "ARRAY<STRING>",
}  # fmt: skip
KEYS = ("campaign", "client_id", "url", "username")
PROCEDURES = 20
"""Fewer different texts than these would mean that the round below has left something out."""


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Settings:
    """Build settings for both tests here. They reach the emulator directly."""
    return Settings(
        warehouse="bigquery",
        bigquery_emulator_host=emulator.url,
        project_id=emulator.project,
        dataset_id=emulator.new_dataset(kept=True),
        data_dir=tmp_path_factory.mktemp("googlesql"),
        cycle_interval=timedelta(seconds=30),
        bigquery_require_partition_filter=True,
        call_days=30,
    )


@pytest.fixture(scope="module")
def sent(by_hand: Settings, emulator: Emulator) -> set[str]:
    """Do everything once, and return all statements sent to BigQuery."""
    with FaultProxy(emulator.url) as proxy:
        everything(replace(by_hand, bigquery_emulator_host=proxy.url), by_hand)
        return {seen.statement for seen in proxy.seen if seen.statement}


@pytest.mark.usefixtures("sent")
def test_where_queries_must_name_days_commits_do_and_the_old_view_works(by_hand: Settings) -> None:
    with pytest.raises(BadRequest, match="filter"):
        rows(by_hand, "SELECT phone FROM vicidial.calls")
    assert len(rows(by_hand, "SELECT Phone, CallTime FROM vicidial.calls_classic")) == len(table(by_hand, "calls")) > 3


def everything(settings: Settings, by_hand: Settings) -> None:
    """Ask everything of a warehouse once, with rows for every branch of the commit."""
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
        warehouse.reader.call_groups([DAY, NOON.date()])
        warehouse.reader.call_hashes(["key"], [DAY, NOON.date()])
        chosen = CallChoice(first=DAY, last=DAY, client="C1", campaign="SALES", newest=2)
        assert sum(batch.num_rows for batch in warehouse.reader.calls(chosen)) == 2
        assert list(warehouse.reader.call_days(chosen)) == [DAY]
        assert warehouse.reader.first_day_read(["source-1"]) == DAY
        assert warehouse.reader.days_read(chosen, ["source-1"]) == {DAY}
        assert len(warehouse.reader.quarantine()) == len(("torn", "short"))
        warehouse.reader.hours(DAY)
        warehouse.reader.backfill_progress("b")
        warehouse.end_backfill("b")
        warehouse.forget_refusals([refused])
        warehouse.end_run(RunEnd(run_id="run", seconds=1.5, commit_seconds=0.5))
        warehouse.reader.overview(NOON)
        warehouse.reader.forgotten_numbers()
        warehouse.forget(PhoneForms(digits="07001", phone_hash="h", short="7001", key_id="k"), NOON)
        warehouse.delete_old(NOON - timedelta(days=400))
        list(warehouse.checks())
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
        on_the_way = staging_columns(lead_fields=True)
        mine = (Column("is_new", BOOL, ""), *was, *texts)
        tables[f"{dataset}.{name}"] = mine if name.startswith("staging_credentials_") else on_the_way
    return tables


def test_every_statement_is_googlesql(by_hand: Settings, sent: set[str]) -> None:
    alike = [re.sub(r"staging_(?!credentials)[\w-]+", "staging_0", statement) for statement in sent]
    one_of_each = {re.sub(r"DATE '[0-9-]+'", "?", statement): statement for statement in sorted(alike)}
    assert len(one_of_each) >= PROCEDURES
    for statement in one_of_each.values():
        parameters = dict(PARAMETERS)
        if "@commit_seconds" in statement:
            parameters["seconds"] = "FLOAT64"
        analyse(statement, catalog(by_hand, statement), parameters)


def test_the_columns_on_the_way_are_those_of_their_targets() -> None:
    columns = staging_columns(lead_fields=True)
    by_name = {column.name: column.type for column in columns}
    assert len(by_name) == len(columns)
    for target in (CALLS, *STATE_TABLES):
        shared = {column.name: column.type for column in target.columns if column.name in by_name}
        assert {name: by_name[name] for name in shared} == shared
    assert (by_name["place"], by_name["kind"], by_name["seen_at"]) == (INT64, STRING, TIMESTAMP)
