"""The comparison of a storm finds each kind of fault."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from simulated_dialer import Leg
from tests.storms.plans import ON_BIGQUERY, PHASES, plan_events
from tests.storms.truth import Findings, compare, history_faults

TEN = datetime(2026, 3, 2, 10)
LEGS = [
    Leg(direction="inbound", call_time_local=TEN, campaign_id="IN", lead_id=7, uniqueid=name, status="SALE")
    for name in ("1.1", "1.2")
]
ROWS: list[dict[str, Any]] = [
    {
        "client_id": "1", "direction": "inbound", "uniqueid": leg.uniqueid, "call_time_local": TEN, "ingroup": "IN",
        "dialer_campaign": None, "status": "SALE", "length_seconds": 0, "agent": None, "lead_id": "7", "phone": None,
        "run_id": "r1",
    }
    for leg in LEGS
]  # fmt: skip
RUNS: list[dict[str, Any]] = [{"run_id": "r1", "source_key": "s", "job_id": "0", "client_id": "1", "inserted": 2}]
LEDGER = [{"batch_id": "b1", "run_id": "r1"}]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (ROWS, {}),
        (ROWS[:1], {"lost": 1}),
        ([*ROWS, ROWS[0]], {"doubled": 1}),
        ([ROWS[0] | {"length_seconds": 5}, ROWS[1]], {"stale": 1}),
        ([*ROWS, ROWS[0] | {"uniqueid": "1.3"}], {"unexpected": 1}),
        ([*ROWS, ROWS[0] | {"uniqueid": "hidden"}], {}),
    ],
)
def test_rows_are_compared_with_the_legs_of_the_dialer(rows: list[dict[str, Any]], wrong: dict[str, int]) -> None:
    found = compare(rows, {"1": LEGS}, {"1": {("inbound", "hidden", TEN, "IN")}})
    found.examples.clear()
    assert asdict(found) == asdict(Findings(rows=len(rows))) | wrong


@pytest.mark.parametrize(
    ("calls", "runs", "ledger", "said"),
    [
        (ROWS, RUNS, LEDGER, []),
        (ROWS, RUNS, LEDGER * 2, ["ledger has 2 rows for batch b1"]),
        (ROWS, [*RUNS, RUNS[0] | {"inserted": 0}], LEDGER, ["runs has 2 rows for ('r1', 's', '0')"]),
        (ROWS[:1], RUNS, LEDGER, ["client 1 has 1 rows, and 2 were counted as inserted"]),
        (ROWS, RUNS, [], ["run r1 wrote, and is not in the ledger"]),
    ],
)
def test_books_are_balanced(
    calls: list[dict[str, Any]], runs: list[dict[str, Any]], ledger: list[dict[str, Any]], said: list[str]
) -> None:
    assert history_faults(calls, runs, ledger) == said


def test_a_seed_makes_the_same_storm_with_every_event_as_often_as_the_others() -> None:
    events = plan_events(7, 10 * len(ON_BIGQUERY), ON_BIGQUERY)
    assert events == plan_events(7, 10 * len(ON_BIGQUERY), ON_BIGQUERY)
    assert events != plan_events(8, 10 * len(ON_BIGQUERY), ON_BIGQUERY)
    assert {name: sum(event.name == name for event in events) for name in ON_BIGQUERY} == dict.fromkeys(ON_BIGQUERY, 10)
    assert {event.phase for event in events} == set(PHASES)
