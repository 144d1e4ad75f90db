"""The calls of a batch: each leg once, exact counts, and nothing written without news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from config import Settings
from tests.warehouses.analyst import calls
from tests.warehouses.conftest import DUCKDB_FIRST, Desk, held
from tests.warehouses.spool_files import DAY, NOON, STATS, Batches, Spool, call, outcome


def bare(number: int, **changed: Any) -> dict[str, Any]:
    """Return the leg of ``call(number)`` from a report without uniqueid and lead."""
    return call(number, **({"uniqueid": None, "report": STATS, "lead_id": None, "term_reason": "AGENT"} | changed))


def test_new_rows_are_inserted_once_and_a_repeat_changes_no_column(desk: Desk) -> None:
    rows = [call(number) for number in range(3)]
    assert desk.counts(outcome(desk.spool.sealed(*rows))) == [(3, 0, 0, 0)]
    before = desk.rows()
    assert desk.counts(outcome(desk.spool.sealed(*rows))) == [(0, 0, 3, 0)]
    assert desk.rows() == before


def test_a_changed_row_takes_the_new_values_and_keeps_what_is_its_own(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1, status="INCALL", length_seconds=None))))
    old = desk.only_call()
    renamed = call(1, client_name="Client 1 Ltd", agent=None)
    assert desk.counts(outcome(desk.spool.sealed(renamed, call(2)))) == [(1, 1, 0, 0)]
    new = next(row for row in desk.rows() if row["call_key"] == old["call_key"])
    assert (new["status"], new["length_seconds"], new["agent"], new["client_name"]) == (
        "SALE",
        30,
        None,
        "Client 1 Ltd",
    )
    assert (new["first_seen_at"], new["campaign"]) == (old["first_seen_at"], old["campaign"])
    assert (new["updated_at"], new["run_id"]) == (NOON + timedelta(minutes=2), "run-2")


@DUCKDB_FIRST
def test_who_ended_the_call_and_the_wrapup_are_never_forgotten(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1, term_reason="CALLER", wrapup_seconds=9))))
    desk.commit(outcome(desk.spool.sealed(call(1, status="DNC"))))
    row = desk.only_call()
    assert (row["status"], row["term_reason"], row["wrapup_seconds"]) == ("DNC", "CALLER", 9)


@DUCKDB_FIRST
def test_rows_of_another_day_are_not_looked_at(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), call(86_400))))
    assert desk.counts(outcome(desk.spool.sealed(call(86_400, status="DNC")))) == [(0, 1, 0, 0)]
    assert [row["status"] for row in desk.rows() if row["call_date"] == DAY] == ["SALE"]


@DUCKDB_FIRST
@pytest.mark.parametrize("order", list(permutations(["export", "stats"])))
def test_two_reports_of_a_leg_make_one_row_and_never_flip(desk: Desk, order: tuple[str, str]) -> None:
    """The report with the uniqueid owns the row. The other adds what it lacks."""
    shown = {"export": call(1), "stats": bare(1, agent_name="Somebody Else")}
    for report in order:
        desk.commit(outcome(desk.spool.sealed(shown[report], source=report)))
    first = desk.only_call()
    assert first["call_key"] == shown["export"]["call_key"]
    assert (first["lead_id"], first["term_reason"], first["agent_name"]) == ("1", "AGENT", "Somebody Else")
    for report in (*order, *order):
        assert desk.counts(outcome(desk.spool.sealed(shown[report], source=report))) == [(0, 0, 1, 0)]
    assert desk.only_call() == first


@DUCKDB_FIRST
@pytest.mark.parametrize("order", list(permutations(["export", "stats"])))
def test_two_reports_under_one_key_that_disagree_never_flip(desk: Desk, order: tuple[str, str]) -> None:
    """Neither shows a uniqueid: the one whose name sorts first owns the row."""
    shown = {"export": call(1, uniqueid=None, status_name="Sale made"), "stats": bare(1, status_name="SALE")}
    for report in order:
        desk.commit(outcome(desk.spool.sealed(shown[report], source=report)))
    first = desk.only_call()
    assert (first["status_name"], first["lead_id"], first["term_reason"]) == ("Sale made", "1", "AGENT")
    for report in (*order, *order):
        assert desk.counts(outcome(desk.spool.sealed(shown[report], source=report))) == [(0, 0, 1, 0)]
    assert desk.only_call() == first


@DUCKDB_FIRST
@pytest.mark.parametrize("export", [call(1), call(1, uniqueid=None)], ids=["uniqueid", "one key"])
@pytest.mark.parametrize("reversed_files", [False, True])
def test_both_reports_in_one_batch_give_the_same_row(desk: Desk, export: dict[str, Any], reversed_files: bool) -> None:
    windows = [desk.spool.sealed(export, source="export"), desk.spool.sealed(bare(1), source="stats")]
    windows = windows[::-1] if reversed_files else windows
    counts = desk.counts(outcome(*windows))
    assert counts == [(0, 1, 0, 0), (1, 0, 0, 0)] if reversed_files else [(1, 0, 0, 0), (0, 1, 0, 0)]
    row = desk.only_call()
    assert (row["call_key"], row["lead_id"], row["term_reason"]) == (export["call_key"], "1", "AGENT")
    assert desk.counts(outcome(*windows)) == [(0, 0, 1, 0), (0, 0, 1, 0)]
    assert desk.only_call() == row


@DUCKDB_FIRST
def test_a_takeover_keeps_campaign_and_first_sight_and_reports_the_overlap(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(bare(1, campaign="FIRST"))))
    old = desk.only_call()
    assert desk.counts(outcome(desk.spool.sealed(call(1)))) == [(0, 1, 0, 1)]
    new = desk.only_call()
    assert (new["campaign"], new["first_seen_at"]) == ("FIRST", old["first_seen_at"])
    assert (new["uniqueid"], new["source_report"]) == ("1.1", "call_report_export")


@DUCKDB_FIRST
def test_a_row_that_is_taken_over_in_the_batch_that_shows_it_again_stays_one(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(bare(1))))
    both = outcome(
        desk.spool.sealed(bare(1, status="DNC"), source="stats"), desk.spool.sealed(call(1), source="export")
    )
    assert [sum(counts[:3]) for counts in desk.counts(both)] == [1, 1]
    assert desk.only_call()["uniqueid"] == "1.1"


def test_a_row_that_was_just_taken_over_is_not_taken_for_another_leg(desk: Desk) -> None:
    phone = "07001"
    first, second = (bare(1, nth=nth, phone=phone, lead_id=None) for nth in (1, 2))
    desk.commit(outcome(desk.spool.sealed(first, source="stats")))
    changed = bare(1, nth=1, phone=phone, status="DNC", lead_id=None)
    windows = [
        desk.spool.sealed(call(1, phone=phone), source="export"),
        desk.spool.sealed(changed, second, source="stats"),
    ]
    for _ in range(2):
        desk.commit(outcome(*windows))
        assert sorted((row["uniqueid"] or "-", row["status"]) for row in desk.rows()) == [
            ("-", "SALE"),
            ("1.1", "SALE"),
        ]


@DUCKDB_FIRST
@pytest.mark.parametrize("exports_first", [True, False])
def test_of_alike_legs_the_nth_belongs_to_the_nth(desk: Desk, exports_first: bool) -> None:
    phone = "07001"
    exports = [call(1, nth=nth, phone=phone, lead_id=f"L{nth}") for nth in (1, 2)]
    stats = [bare(1, nth=nth, phone=phone, wrapup_seconds=nth) for nth in (1, 2, 3)]
    order = [exports, stats] if exports_first else [stats, exports]
    inserted = [desk.counts(outcome(desk.spool.sealed(*rows)))[0][0] for rows in order]
    assert inserted == ([2, 1] if exports_first else [3, 0])
    rows = desk.rows()
    assert sorted(row["lead_id"] or "-" for row in rows) == ["-", "L1", "L2"]
    assert sorted(row["wrapup_seconds"] for row in rows) == [1, 2, 3]
    for again in (exports, stats):
        assert desk.counts(outcome(desk.spool.sealed(*again))) == [(0, 0, len(again), 0)]
    assert desk.rows() == rows


@DUCKDB_FIRST
@pytest.mark.parametrize("stranger", [{"phone": "0"}, {"dialer_campaign": "X"}, {"client_id": "C2"}])
def test_a_leg_that_differs_in_its_identity_is_another_one(desk: Desk, stranger: dict[str, Any]) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1))))
    assert desk.counts(outcome(desk.spool.sealed(bare(1, **stranger)))) == [(1, 0, 0, 0)]


@DUCKDB_FIRST
def test_a_leg_without_a_phone_is_recognised_all_the_same(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1, phone=None))))
    assert desk.counts(outcome(desk.spool.sealed(bare(1, phone=None)))) == [(0, 1, 0, 0)]


@DUCKDB_FIRST
@pytest.mark.parametrize("forgotten", ["export", "stats"])
@pytest.mark.parametrize("order", list(permutations(["export", "stats"])))
def test_a_leg_whose_number_only_one_report_may_show_is_the_only_one_of_its_moment(
    desk: Desk, order: tuple[str, str], forgotten: str
) -> None:
    """`forget` erased the number in one report. The other does not put it back."""
    shown = {"export": call(1), "stats": bare(1)}
    shown[forgotten] |= {"phone": None, "row_hash": "keyed"}
    for report in (*order, *order):
        desk.commit(outcome(desk.spool.sealed(shown[report], source=report)))
        assert len(desk.rows()) == 1
    row = desk.only_call()
    assert (row["phone"], row["uniqueid"], row["term_reason"]) == (shown["export"]["phone"], "1.1", "AGENT")
    for report in order:
        assert desk.counts(outcome(desk.spool.sealed(shown[report], source=report))) == [(0, 0, 1, 0)]
    assert desk.only_call() == row


@DUCKDB_FIRST
def test_where_several_calls_began_together_one_without_a_number_is_none_of_them(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), call(1, nth=2, phone="0800"), call(2, phone=None))))
    nobody = [bare(1, phone=None), bare(2, phone="0801"), bare(2, phone="0802", nth=2)]
    for inserted, there in ((3, 6), (0, 6)):
        assert desk.counts(outcome(desk.spool.sealed(*nobody)))[0][0] == inserted
        assert len(desk.rows()) == there


@DUCKDB_FIRST
def test_two_windows_of_a_source_that_show_a_leg_keep_the_later_read(desk: Desk) -> None:
    late = desk.spool.sealed(call(1, status="SALE"), read_at=NOON + timedelta(minutes=1))
    early = desk.spool.sealed(call(1, status="INCALL"), read_at=NOON)
    assert desk.counts(outcome(late, early)) == [(1, 0, 1, 0)]
    assert desk.only_call()["status"] == "SALE"


def test_two_campaigns_that_show_a_leg_keep_the_first_and_report_it(desk: Desk) -> None:
    sales, alpha = call(1), call(1, campaign="ALPHA")
    both = [outcome(desk.spool.sealed(sales, source="s")), outcome(desk.spool.sealed(alpha, source="a"))]
    assert desk.counts(*both) == [(0, 0, 1, 1), (1, 0, 0, 0)]
    assert desk.only_call()["campaign"] == "ALPHA"
    assert desk.counts(*both) == [(0, 0, 1, 1), (0, 0, 1, 0)]
    changed = call(1, status="DNC")
    assert desk.counts(outcome(desk.spool.sealed(changed, source="s"))) == [(0, 1, 0, 1)]
    assert desk.only_call()["campaign"] == "ALPHA"


@DUCKDB_FIRST
def test_the_campaign_that_the_table_has_wins_over_the_alphabet(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1), source="s")))
    windows = [desk.spool.sealed(call(1, campaign="ALPHA"), source="a"), desk.spool.sealed(call(1), source="s")]
    assert desk.counts(outcome(*windows)) == [(0, 0, 1, 1), (0, 0, 1, 0)]


def test_counts_sum_up_in_a_batch_of_everything(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(*[call(n) for n in range(20)], *[bare(n) for n in range(30, 40)])))
    mixed = [call(n, status="DNC" if n % 3 else "SALE") for n in range(10, 50)]
    windows = [desk.spool.sealed(*mixed), desk.spool.sealed(*[bare(n) for n in range(60)], source="stats")]
    results = desk.commit(outcome(*windows))
    assert [each.inserted + each.updated + each.unchanged for each in results] == [40, 60]
    assert len(desk.rows()) == 60
    legs = {(row["call_time_local"], row["phone"]) for row in desk.rows()}
    assert len(legs) == 60


def test_lead_fields_are_written_where_they_are_asked_for(settings: Settings) -> None:
    batches, personal = Batches(name=settings.dataset_id), replace(settings, include_lead_fields=True)
    plain, wide = Spool(settings.data_dir / "spool"), Spool(settings.data_dir / "more", lead_fields=True)
    with held(settings) as warehouse:
        warehouse.commit(batches.of(outcome(plain.sealed(call(1)))))
    with held(personal) as warehouse:
        warehouse.commit(batches.of(outcome(wide.sealed(call(1, lead_city="Leeds", row_hash="other")))))
    with held(settings) as warehouse:
        (result,) = warehouse.commit(batches.of(outcome(plain.sealed(call(1, status="DNC")))))
    (row,) = calls(settings)
    assert (result.updated, row["lead_city"], row["status"]) == (1, "Leeds", "DNC")


@DUCKDB_FIRST
def test_a_leg_that_only_the_second_report_shows_stays_a_row_of_its_own(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1))))
    others = [bare(2), bare(1, phone="0700999"), bare(1, dialer_campaign="VIP")]
    assert desk.counts(outcome(desk.spool.sealed(bare(1), *others))) == [(3, 1, 0, 0)]
    assert len(desk.rows()) == 4


def test_moments_and_clocks_come_out_as_they_went_in(desk: Desk) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1))))
    row = desk.only_call()
    assert row["call_time"] == datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC)
    assert row["call_time_local"] == datetime(2026, 11, 20, 9, 0, 1)
    assert row["call_date"] == DAY
    assert "source_key" not in row
