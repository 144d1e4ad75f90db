"""Rows older than the settings keep go, in every table with an age. Nothing else goes."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from database import open_warehouse
from engine.retention import NOTE, delete_old
from tests.warehouses.analyst import execute
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import DAY, NOON, call, outcome
from tests.warehouses.test_batches import everything, hour

NEVER: dict[str, Any] = {"call_days": 0, "quarantine_days": 0, "runs_days": 0}
TABLES = ("calls", "completeness", "quarantine", "runs", "ledger")


def rows_left(desk: Desk) -> dict[str, int]:
    return {table: len(desk.rows(table)) for table in TABLES}


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Commit a call, a short hour, a torn record and a run of DAY, and again ten days later without the hour."""
    desk.commit(outcome(desk.spool.sealed(call(1), hours=(hour(5),), quarantine=["old"])))
    desk.commit(outcome(desk.spool.sealed(hours=(hour(4),), shortfall=1)), committed_at=NOON)
    late = desk.spool.sealed(call(10 * 86_400), source="other", read_at=NOON + timedelta(days=10), quarantine=["new"])
    desk.commit(outcome(late), committed_at=NOON + timedelta(days=10))
    assert rows_left(desk) == {"calls": 2, "completeness": 1, "quarantine": 2, "runs": 3, "ledger": 3}
    return desk


def test_each_table_loses_what_its_setting_does_not_keep(filled: Desk) -> None:
    kept = everything(filled)
    for changed, lost in (
        (NEVER, {}),
        ({"call_days": 10, "quarantine_days": 10, "runs_days": 10}, dict.fromkeys(TABLES, 0)),  # the day itself stays
        ({**NEVER, "call_days": 9}, {"calls": 1, "completeness": 1}),
        ({**NEVER, "quarantine_days": 9}, {"quarantine": 1}),
        ({**NEVER, "runs_days": 9}, {"runs": 2, "ledger": 2}),
    ):
        opened = open_warehouse(replace(filled.settings, **changed))
        assert opened.delete_old(NOON + timedelta(days=10)) == lost
        opened.close()
    assert rows_left(filled) == {"calls": 1, "completeness": 0, "quarantine": 1, "runs": 1, "ledger": 1}
    assert [row["call_date"] for row in filled.rows()] == [DAY + timedelta(days=10)]
    assert filled.rows("hours") == kept["hours"]


def test_it_is_done_once_a_day_said_in_one_line_and_its_failure_is_a_warning(
    filled: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = replace(filled.settings, call_days=9, quarantine_days=9, runs_days=9)
    now = NOON + timedelta(days=10)
    opened = open_warehouse(settings)
    execute(settings, "ALTER TABLE vicidial.ledger RENAME TO ledger_away")
    delete_old(opened, settings, now)
    assert [record.levelname for record in caplog.records if "old" in record.message] == ["WARNING"]
    assert left_of_calls(filled) == 2  # all of it, or nothing
    execute(settings, "ALTER TABLE vicidial.ledger_away RENAME TO ledger")
    caplog.clear()
    delete_old(opened, settings, now)
    (line,) = [record.message for record in caplog.records if "old rows" in record.message]
    assert line.endswith("1 of calls, 1 of completeness, 1 of quarantine, 2 of runs, 2 of ledger")
    filled.commit(outcome(filled.spool.sealed(call(2))))
    delete_old(opened, settings, now)
    assert left_of_calls(filled) == 2
    (settings.data_dir / NOTE).unlink()
    delete_old(opened, settings, now)
    assert left_of_calls(filled) == 1
    opened.close()


def left_of_calls(desk: Desk) -> int:
    return len(desk.rows())
