"""A leg is one row, whatever shows it, in whatever order; a repeat that finds nothing new changes no column."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config import Settings
from database import Warehouse
from messages import ClientResult
from tests.warehouses.building import SOURCE, bare, batch, leg, outcome, window
from tests.warehouses.looking import calls

Commit = Callable[..., list[ClientResult]]


@pytest.fixture
def commit(warehouse: Warehouse, settings: Settings) -> Commit:
    def committed(*windows: Sequence[dict[str, Any]]) -> list[ClientResult]:
        return warehouse.commit(batch(outcome(*(window(settings, legs) for legs in windows))))

    return committed


def counts(result: ClientResult) -> tuple[int, int, int]:
    return result.inserted, result.updated, result.unchanged


def test_new_rows_are_inserted_once(commit: Commit, settings: Settings) -> None:
    legs = [leg(), leg(uniqueid="1795181336.1")]
    assert counts(commit(legs)[0]) == (2, 0, 0)
    before = calls(settings)
    assert counts(commit(legs)[0]) == (0, 0, 2)
    assert calls(settings) == before


def test_what_the_dialer_changed_is_updated_and_nothing_else(commit: Commit, settings: Settings) -> None:
    commit([leg(status="INCALL", length_seconds=None), leg(uniqueid="1795181336.1")])
    before = {row["uniqueid"]: row for row in calls(settings)}
    result = commit([leg(status="SALE", agent="2002"), leg(uniqueid="1795181336.1")])
    after = {row["uniqueid"]: row for row in calls(settings)}
    assert counts(result[0]) == (0, 1, 1)
    changed = after["1795181335.924"]
    assert (changed["status"], changed["agent"], changed["length_seconds"]) == ("SALE", "2002", 60)
    assert changed["first_seen_at"] == before["1795181335.924"]["first_seen_at"] < changed["updated_at"]
    assert after["1795181336.1"] == before["1795181336.1"]


def test_a_known_value_can_become_empty_where_its_own_report_shows_it_so(commit: Commit, settings: Settings) -> None:
    commit([leg(agent="2001", term_reason="AGENT", wrapup_seconds=7)])
    commit([leg(agent=None, term_reason=None, wrapup_seconds=None)])
    (row,) = calls(settings)
    assert (row["agent"], row["term_reason"], row["wrapup_seconds"]) == (None, "AGENT", 7)


@pytest.mark.parametrize("first_bare", [True, False])
def test_two_reports_in_turn_give_one_row_with_what_both_know(
    commit: Commit, settings: Settings, *, first_bare: bool
) -> None:
    answers = [[bare()], [leg()]] if first_bare else [[leg()], [bare()]]
    for answer in answers:
        commit(answer)
    (row,) = calls(settings)
    assert (row["uniqueid"], row["agent_name"], row["term_reason"]) == ("1795181335.924", "Kim", "CALLER")
    assert (row["call_key"], row["row_hash"]) == (leg()["call_key"], leg()["row_hash"])
    for answer in answers * 2:
        assert counts(commit(answer)[0]) == (0, 0, 1)
    assert calls(settings) == [row]


def test_two_reports_in_one_batch_give_one_row(commit: Commit, settings: Settings) -> None:
    other = "b" * 32
    results = commit([leg()], [bare(source_key=other)])
    assert [counts(result) for result in results] == [(1, 0, 0), (0, 1, 0)]
    (row,) = calls(settings)
    assert (row["uniqueid"], row["term_reason"]) == ("1795181335.924", "CALLER")
    assert [counts(result) for result in commit([leg()], [bare(source_key=other)])] == [(0, 0, 1), (0, 0, 1)]
    assert calls(settings) == [row]


def test_alike_legs_of_one_second_are_paired_one_to_one(commit: Commit, settings: Settings) -> None:
    commit([bare(number=0), bare(number=1)])
    commit([leg(uniqueid="1795181335.1"), leg(uniqueid="1795181335.2")])
    commit([bare(number=0), bare(number=1)])
    assert [row["uniqueid"] for row in calls(settings)].count(None) == 0
    assert len(calls(settings)) == 2


def test_a_leg_that_only_the_second_report_shows_stays_a_row_of_its_own(commit: Commit, settings: Settings) -> None:
    commit([leg(uniqueid="1795181335.1")])
    later = datetime(2026, 11, 20, 10, 0, 1)
    result = commit([bare(), bare(call_time_local=later), bare(phone="0700999"), bare(ingroup="VIP")])
    assert counts(result[0]) == (3, 1, 0)
    assert len(calls(settings)) == 4


def test_null_phones_and_outbound_legs_are_paired_too(commit: Commit, settings: Settings) -> None:
    outbound = {"direction": "outbound", "ingroup": None, "dialer_campaign": "SURVEY", "phone": None}
    commit([bare(**outbound)])
    commit([leg(**outbound)])
    (row,) = calls(settings)
    assert row["uniqueid"] == "1795181335.924"


def test_two_campaigns_that_show_one_leg_leave_it_where_it_was(commit: Commit, settings: Settings) -> None:
    commit([leg(campaign="Sales")])
    (result,) = commit([leg(campaign="Support", source_key="b" * 32, status="NI")])
    assert (counts(result), result.overlapping) == ((0, 1, 0), 1)
    (row,) = calls(settings)
    assert (row["campaign"], row["status"]) == ("Sales", "NI")


def test_two_campaigns_in_one_batch_keep_the_row_of_the_one_that_the_table_has(
    commit: Commit, settings: Settings
) -> None:
    support = {"campaign": "Support", "source_key": "b" * 32}
    commit([leg(**support)])
    results = commit([leg(), leg(uniqueid="1795181336.7")], [leg(**support), leg(uniqueid="1795181336.7", **support)])
    assert {row["uniqueid"]: row["campaign"] for row in calls(settings)} == {
        "1795181335.924": "Support",
        "1795181336.7": "Sales",
    }
    assert [sum(counts(result)) for result in results] == [2, 2]
    assert [result.overlapping for result in results] == [1, 1]


def test_different_clients_never_share_a_row(commit: Commit, settings: Settings) -> None:
    commit([leg(client_id="1")], [leg(client_id="2", source_key="b" * 32)], [bare(client_id="3", source_key="c" * 32)])
    assert len(calls(settings)) == 3


def test_rows_of_other_days_are_not_looked_at(commit: Commit, settings: Settings) -> None:
    yesterday = leg(call_date=leg()["call_date"] - timedelta(days=1), uniqueid="1795081335.1")
    commit([yesterday])
    commit([leg()])
    assert counts(commit([yesterday])[0]) == (0, 0, 1)
    assert len(calls(settings)) == 2


def test_times_come_out_as_they_went_in(commit: Commit, settings: Settings) -> None:
    commit([leg()])
    (row,) = calls(settings)
    assert row["call_time"] == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert row["call_time_local"] == datetime(2026, 11, 20, 10)
    assert "source_key" not in row
    assert SOURCE not in row.values()
