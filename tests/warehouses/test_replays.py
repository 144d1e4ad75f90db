"""A batch releases records of the quarantine. New calls come in, known ones stay and the records go, all together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from config import Settings
from database import open_warehouse
from errors import BatchRefused
from messages import QuarantinedRecord, SourceIdentity
from tests.warehouses.analyst import execute
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import DAY, NOON, call, digest, outcome
from tests.warehouses.test_batches import everything, missing
from tests.warehouses.test_call_merges import bare


def records(desk: Desk) -> list[str]:
    return sorted(each.record for each in desk.warehouse.reader.quarantine())


def test_released_records_go_with_the_commit_that_brings_their_calls_and_once(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), quarantine=["torn", "short", "odd"])))
    window = desk.spool.sealed(call(2), call(3), hours=(), records=3)
    batch = desk.batches.of(outcome(window), released=(digest("torn"), digest("odd"), digest("never there")))
    (result,) = desk.warehouse.commit(batch)
    assert (result.records, result.inserted, result.unchanged) == (3, 2, 0)
    assert (records(desk), len(desk.rows())) == (["short"], 3)
    desk.commit(outcome(desk.spool.sealed(quarantine=["torn"], hours=())))
    before = everything(desk)
    (again,) = desk.warehouse.commit(batch)
    assert (again.inserted, everything(desk)) == (2, before)


@DUCKDB_FIRST
def test_a_call_that_the_table_has_is_never_made_older(desk: Desk) -> None:
    """This holds for a call with the same key, and for one of the other report with or without uniqueid."""
    desk.commit(outcome(desk.spool.sealed(call(1), call(5, agent=None)), desk.spool.sealed(bare(2), source="stats")))
    before = desk.rows()
    old = [call(number, status="INCALL", length_seconds=None, client_name="Old") for number in (1, 2, 3)]
    states = desk.spool.sealed(*old, hours=())
    latest = desk.spool.sealed(call(3, status="DNC"), read_at=NOON + timedelta(hours=1), hours=())
    stats = desk.spool.sealed(bare(4), bare(5, agent="1"), call(1, report="user_stats", agent="9"), source="stats")
    batch = desk.batches.of(outcome(states, latest, stats), released=(digest("some"),))
    counted = [(each.inserted, each.updated, each.unchanged) for each in desk.warehouse.commit(batch)]
    assert counted == [(1, 0, 3), (1, 0, 2)]
    new = [row for row in desk.rows() if row not in before]
    assert sorted((row["phone"], row["status"]) for row in new) == [("07003", "DNC"), ("07004", "SALE")]
    assert len(desk.rows()) == len(before) + 2


@DUCKDB_FIRST
def test_known_calls_alone_change_nothing_and_their_records_go(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), quarantine=["torn"])))
    before = desk.rows()
    batch = desk.batches.of(outcome(desk.spool.sealed(call(1, status="INCALL"))), released=(digest("torn"),))
    (result,) = desk.warehouse.commit(batch)
    assert (result.inserted, result.updated, result.unchanged) == (0, 0, 1)
    assert (desk.rows(), records(desk)) == (before, [])


@DUCKDB_FIRST
def test_what_fails_leaves_the_quarantine_as_it_was(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(quarantine=["torn"])))
    before = everything(desk)
    bad = missing(desk.spool.sealed(call(1)))
    with pytest.raises(BatchRefused):
        desk.warehouse.commit(desk.batches.of(outcome(bad), released=(digest("torn"),)))
    assert everything(desk) == before


@DUCKDB_FIRST
def test_a_record_that_stays_gets_its_new_reason_and_was_not_seen_again(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(quarantine=["torn", "short"])))
    execute(desk.settings, "UPDATE vicidial.quarantine SET reason = 'old', header = 'h' WHERE record = 'torn'")
    torn = next(each for each in desk.warehouse.reader.quarantine() if each.record == "torn")
    assert torn == QuarantinedRecord(
        record_hash=digest("torn"),
        source=SourceIdentity("source-1", "SALES", "C1", "Client One"), report="call_report_export",
        reason="old", record="torn", window_day=DAY, header="h", first_seen_at=NOON,
        last_seen_at=NOON, run_id="run-1",
    )  # fmt: skip
    stays = desk.spool.sealed(quarantine=["torn"], hours=())
    desk.warehouse.commit(desk.batches.of(outcome(stays), released=(digest("short"),)))
    assert desk.warehouse.reader.quarantine() == [replace(torn, reason="too few fields")]


@DUCKDB_FIRST
def test_campaigns_and_ingroups_are_those_of_the_days(desk: Desk) -> None:
    inbound = call(2, direction="inbound", ingroup="SUPPORT", dialer_campaign=None)
    other = call(3, client_id="C2", dialer_campaign="OUT2")
    desk.commit(outcome(desk.spool.sealed(call(1), inbound, other, call(86_400, dialer_campaign="OUT3"))))
    assert desk.warehouse.reader.call_groups([DAY]) == {("C1", "OUT1"), ("C1", "SUPPORT"), ("C2", "OUT2")}
    assert desk.warehouse.reader.call_groups([DAY, DAY + timedelta(days=1)]) >= {("C1", "OUT3")}
    assert desk.warehouse.reader.call_groups([]) == set()


def test_hashes_of_calls_are_found_by_key_and_day(desk: Desk) -> None:
    one, late = bare(1), call(86_400)
    desk.commit(outcome(desk.spool.sealed(one), desk.spool.sealed(late, call(2), source="s")))
    keys = [one["call_key"], late["call_key"], "unknown"]
    assert desk.warehouse.reader.call_hashes(keys, [DAY]) == {one["call_key"]: one["row_hash"]}
    assert set(desk.warehouse.reader.call_hashes(keys, [DAY, DAY + timedelta(days=1)])) == set(keys[:2])
    assert desk.warehouse.reader.call_hashes([], [DAY]) == desk.warehouse.reader.call_hashes(keys, []) == {}


def test_nothing_is_read_of_a_warehouse_that_is_not_made(unprepared: Settings) -> None:
    unmade = open_warehouse(unprepared)
    assert unmade.reader.quarantine() == []
    assert unmade.reader.call_groups([DAY]) == set()
    assert unmade.reader.call_hashes(["k"], [DAY]) == {}
    unmade.close()
