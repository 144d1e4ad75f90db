"""A warehouse of a version without the columns of the channel gets them, and its rows fill when they are read again."""

from typing import Any

from tables import ARCHIVED, CALLS, CHANNEL_COLUMNS
from tests.warehouses.analyst import execute
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import EXPORT, NOON, STATS, call, outcome
from tests.warehouses.test_call_merges import bare
from warehouses.sql.migrations import MIGRATION_PLAN

CHANNEL: dict[str, Any] = {
    "caller_code": "Y1120082855000001683", "server_ip": "10.10.10.15", "hangup_cause": 16, "dialstatus": "ANSWER",
    "dial_seconds": 7, "answered_seconds": 35, "cpd_result": "Voice", "did_pattern": "3125551000", "did_id": "6",
    "did_description": "Sales",
}  # fmt: skip
NOTHING = dict.fromkeys(CHANNEL)
ADDING = 2
"""Number of the migration."""


def make_older(desk: Desk) -> None:
    """Leave the tables as an older version made them."""
    for name in CHANNEL_COLUMNS:
        execute(desk.settings, f"ALTER TABLE vicidial.calls DROP COLUMN {name}")
    execute(desk.settings, f"DELETE FROM vicidial.migrations WHERE number = {ADDING}")


def channel(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in CHANNEL_COLUMNS}


def test_the_migration_adds_these_columns_for_ever() -> None:
    """A column of a later version needs a migration of its own, because this one runs once."""
    added = MIGRATION_PLAN.find_added_columns(ADDING)
    assert added is not None
    assert [column.name for column in added[1]] == [
        "caller_code", "server_ip", "hangup_cause", "dialstatus", "dial_seconds", "answered_seconds", "cpd_result",
        "did_pattern", "did_id", "did_description",
    ]  # fmt: skip
    assert added[0] is CALLS


def test_rows_of_an_older_version_fill_once_when_they_are_read_again(desk: Desk) -> None:
    stats = call(2, report=STATS, uniqueid=None)
    desk.commit(outcome(desk.spool.sealed(call(1), call(3)), desk.spool.sealed(stats)))
    before = {row["call_key"]: row for row in desk.rows()}
    make_older(desk)
    desk.warehouse.prepare()
    assert {row["call_key"]: row for row in desk.rows()} == before  # nothing is rewritten

    again = call(1) | CHANNEL
    for counts in ([(0, 1, 0, 0), (0, 0, 1, 0)], [(0, 0, 1, 0), (0, 0, 1, 0)]):
        windows = desk.spool.sealed(again), desk.spool.sealed(stats, source="stats")
        assert desk.counts(outcome(*windows)) == counts
        after = {row["call_key"]: row for row in desk.rows()}
        changed = after.pop(again["call_key"])
        assert channel(changed) == CHANNEL
        assert changed["first_seen_at"] == before[again["call_key"]]["first_seen_at"]
        assert after == {key: row for key, row in before.items() if key != again["call_key"]}


def test_the_status_of_an_older_version_lacks_what_its_tables_lack(desk: Desk) -> None:
    """It is looked at before the first cycle of the new version adds the columns."""
    desk.commit(outcome(desk.spool.sealed(call(1))))
    whole = desk.warehouse.reader.overview(NOON)
    for name in ("build", "clock_gap_seconds"):
        execute(desk.settings, f"ALTER TABLE vicidial.runs DROP COLUMN {name}")
    assert desk.warehouse.reader.overview(NOON) == whole


@DUCKDB_FIRST
def test_what_is_known_of_a_channel_stays_when_the_dialer_shows_it_no_more(desk: Desk) -> None:
    """It empties its logs of channels every night, long before those of calls. Each case is a call of its own."""
    cases = [*([name] for name in CHANNEL), list(CHANNEL)]
    desk.commit(outcome(desk.spool.sealed(*(call(number) | CHANNEL for number in range(len(cases))))))
    later = [call(number, status="DNC") | CHANNEL | dict.fromkeys(lost) for number, lost in enumerate(cases)]
    assert desk.counts(outcome(desk.spool.sealed(*later))) == [(0, len(cases), 0, 0)]
    assert [(row["status"], channel(row)) for row in desk.rows()] == [("DNC", CHANNEL)] * len(cases)


@DUCKDB_FIRST
def test_what_changes_of_a_channel_is_taken_over(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1) | CHANNEL)))
    new = CHANNEL | {"hangup_cause": 17, "did_description": "Support"}
    assert desk.counts(outcome(desk.spool.sealed(call(1) | new))) == [(0, 1, 0, 0)]
    assert channel(desk.only_call()) == new


@DUCKDB_FIRST
def test_a_call_is_written_when_its_channel_fills_and_not_when_it_vanishes(desk: Desk) -> None:
    """Each column is empty in a call of its own."""
    without = [call(number) | CHANNEL | {name: None} for number, name in enumerate(CHANNEL)]
    complete = [call(number) | CHANNEL for number in range(len(CHANNEL))]
    desk.commit(outcome(desk.spool.sealed(*without)))
    assert desk.counts(outcome(desk.spool.sealed(*complete))) == [(0, len(CHANNEL), 0, 0)]
    filled = desk.rows()
    assert [channel(row) for row in filled] == [CHANNEL] * len(CHANNEL)
    for quiet in (complete, without, [call(number) for number in range(len(CHANNEL))]):
        assert desk.counts(outcome(desk.spool.sealed(*quiet))) == [(0, 0, len(CHANNEL), 0)]
        assert desk.rows() == filled


@DUCKDB_FIRST
def test_the_archive_fills_the_channel_of_a_live_call_once(desk: Desk) -> None:
    """Its rows have the same hash, and change nothing that the live row has."""
    desk.commit(outcome(desk.spool.sealed(call(1) | {"hangup_cause": 17})))
    archived = call(1) | CHANNEL | {"source_report": f"{EXPORT}{ARCHIVED}"}
    for updated in (1, 0):
        assert desk.counts(outcome(desk.spool.sealed(archived))) == [(0, updated, 1 - updated, 0)]
        row = desk.only_call()
        assert (row["source_report"], channel(row)) == (EXPORT, CHANNEL | {"hangup_cause": 17})


@DUCKDB_FIRST
def test_a_code_that_must_not_come_back_is_no_news(desk: Desk) -> None:
    """A masked number beside an erased one: the code would never be stored, and the call written in each cycle."""
    desk.commit(outcome(desk.spool.sealed(call(1, phone=None))))
    before = desk.only_call()
    masked = call(1, phone="XXXXXXX001", row_hash=before["row_hash"]) | {"caller_code": "V1"}
    assert desk.counts(outcome(desk.spool.sealed(masked))) == [(0, 0, 1, 0)]
    assert desk.only_call() == before


def test_a_report_without_channels_takes_nothing_away_and_gets_what_the_other_shows(desk: Desk) -> None:
    both = call(1) | CHANNEL, bare(1)
    for first, second in (both, both[::-1]):
        desk.commit(outcome(desk.spool.sealed(first, source="one")), outcome(desk.spool.sealed(second, source="two")))
        assert channel(desk.only_call()) == CHANNEL
    desk.commit(outcome(desk.spool.sealed(bare(2), source="stats")))
    assert desk.counts(outcome(desk.spool.sealed(call(2) | CHANNEL))) == [(0, 1, 0, 0)]
    desk.commit(outcome(desk.spool.sealed(bare(2, status="DNC"), source="stats")))
    assert [channel(row) for row in desk.rows()] == [CHANNEL, CHANNEL]
