"""Two calls are never one row and one call is never two, whatever their keys, and a second read changes nothing."""

from itertools import permutations
from typing import Any

import pytest

from tests.warehouses.conftest import DUCKDB_FIRST, ONLY_DUCKDB, Desk
from tests.warehouses.spool_files import STATS, call, digest, outcome

ARCHIVE = "call_report_export_archive"
FIRST = call(1, phone="5551110001", lead_id="1", agent="1001", status="SALE")
MASKED = "XXXXXXXXXX"
UNCHANGED = (0, 0, 1, 0)


def other(**changed: Any) -> dict[str, Any]:
    """A call of another dialer, or of another agent, that has the key of FIRST."""
    return call(1, **({"phone": "5552220002", "lead_id": "22", "agent": "7001", "status": "NI"} | changed))


def withheld(agent: str, lead: str | None, **changed: Any) -> dict[str, Any]:
    """Return a call of a moment without number and uniqueid. Each agent's answer counts from one."""
    shown = {"direction": "inbound", "ingroup": "IN", "dialer_campaign": None, "phone": None, "report": STATS}
    return call(1, uniqueid=None, agent=agent, lead_id=lead, **(shown | changed))


def leads(desk: Desk) -> list[Any]:
    return sorted(str(row["lead_id"]) for row in desk.rows())


def commit(desk: Desk, *rows: dict[str, Any], together: bool = False) -> list[tuple[int, int, int, int]]:
    """Commit each row from a source of its own, in one batch or in one batch each. Return the counts of each."""
    shown = ("phone", "lead_id", "agent", "source_report")
    sealed = [desk.spool.sealed(row, source=digest(*(row[name] for name in shown))) for row in rows]
    if not together:
        return [counts for window in sealed for counts in desk.counts(outcome(window))]
    campaigns = {
        window.source.campaign: [each for each in sealed if each.source.campaign == window.source.campaign]
        for window in sealed
    }
    return desk.counts(*(outcome(*windows) for windows in campaigns.values()))


CALLS_OF_ONE_KEY = {
    "two dialers": [FIRST, other()],
    "two campaigns": [FIRST, other(campaign="OTHER")],
    "one lead id": [FIRST, other(lead_id="1")],
    "one agent": [FIRST, other(agent="1001")],
    "without agents": [FIRST | {"agent": None}, other(agent=None)],
    "three dialers": [FIRST, other(), other(phone="5553330003", lead_id="33", agent="8001")],
    "nobody took either, and no number": [
        call(1, direction="inbound", phone=None, lead_id=lead, agent=None) for lead in ("1", "22")
    ],
    "one number withheld": [
        call(1, direction="inbound", phone=phone, lead_id=phone or "1") for phone in (None, "5552220002")
    ],
    "masked": [FIRST | {"phone": MASKED}, other(phone=MASKED)],
    "last four digits": [FIRST | {"phone": "0001"}, other(phone="0002")],
    "the same last digits": [FIRST | {"phone": "0001"}, other(phone="0001")],
    "hashes": [FIRST | {"phone": "a" * 32}, other(phone="b" * 32)],
    "withheld numbers": [withheld("6001", "11"), withheld("6002", "22")],
    "withheld numbers of one lead": [withheld("6001", "11"), withheld("6002", "11")],
    "withheld numbers of a lead that is not shown": [withheld("6001", None), withheld("6002", None)],
    "three withheld numbers of one lead": [withheld("6001", "11"), withheld("6002", "11"), withheld("6003", "11")],
    "three withheld numbers": [withheld("6001", "11"), withheld("6002", "22"), withheld("6003", "33")],
}

ON_BOTH = {"two campaigns", "three dialers", "withheld numbers"}
"""Each way through the statements once in the emulator, which is slow; which rows differ is the same expression."""
QUICK = {"two dialers", "three dialers", "masked", "the same last digits", "withheld numbers", "one number withheld"}
"""One of each kind in every run of the tests on DuckDB."""


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        pytest.param(
            warehouse,
            rows,
            id=f"{warehouse}-{name}",
            marks=[pytest.mark.slow] * (warehouse == "bigquery" or name not in QUICK),
        )
        for name, rows in CALLS_OF_ONE_KEY.items()
        for warehouse in (("duckdb", "bigquery") if name in ON_BOTH else ("duckdb",))
    ],
    indirect=["settings"],
)
def test_two_calls_with_one_key_are_two_rows_in_any_order(
    desk: Desk, rows: list[dict[str, Any]], together: bool
) -> None:
    rows = [row | {"row_hash": f"{number:032}"} for number, row in enumerate(rows)]
    assert len({row["call_key"] for row in rows}) == 1
    assert {counts[:3] for counts in commit(desk, *rows, together=together)} == {(1, 0, 0)}
    before = desk.rows()
    assert sorted(row["row_hash"] for row in before) == [row["row_hash"] for row in rows]
    assert len({row["call_key"] for row in before}) == len(rows)
    for order, again in ((rows, not together), (rows[::-1], together)):
        assert set(commit(desk, *order, together=again)) == {UNCHANGED}
    assert desk.rows() == before


@DUCKDB_FIRST
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("changes", [{"status": "DNC"}, {"lead_id": "77"}, {"agent": "9009"}, {"phone": MASKED}])
def test_a_change_of_either_reaches_its_own_row(desk: Desk, changes: dict[str, Any], together: bool) -> None:
    commit(desk, FIRST, other())
    keys = {row["call_key"] for row in desk.rows()}
    changed = other(**({"agent": "7001"} | changes)) | {"row_hash": "c" * 32}
    commit(desk, FIRST, changed, together=together)
    found = {row["row_hash"]: row for row in desk.rows()}
    assert {row["call_key"] for row in found.values()} == keys
    assert set(found) == {FIRST["row_hash"], "c" * 32}
    assert found["c" * 32]["phone"] == "5552220002"
    assert desk.counts(outcome(desk.spool.sealed(changed))) == [UNCHANGED]


@DUCKDB_FIRST
def test_both_leave_the_dialer_in_any_order_and_come_back(desk: Desk) -> None:
    """A number in a row of equal legs stands for another one where one of them is hidden for a while."""
    legs = [withheld(f"60{number}", str(number)) for number in range(3)]
    numbered = [leg | {"call_key": f"{number:032}", "row_hash": f"{number:032}"} for number, leg in enumerate(legs)]
    desk.commit(outcome(desk.spool.sealed(*numbered)))
    before = desk.rows()
    later = [leg | {"call_key": f"{number:032}"} for number, leg in enumerate(numbered[1:])]
    assert desk.counts(outcome(desk.spool.sealed(*later))) == [(0, 0, 2, 0)]
    assert desk.rows() == before


@ONLY_DUCKDB
@pytest.mark.parametrize(
    "changes",
    [
        {"lead_id": "99"}, {"agent": "2002"}, {"lead_id": None}, {"phone": None}, {"phone": "15551110001"},
        {"phone": "0001"}, {"phone": "XXXXXX0001"}, {"phone": "a" * 32}, {"status": "DNC", "agent": "2002"},
        {"lead_id": "99", "agent": None}, {"client_name": "Renamed", "agent_name": "New Name"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    "leg",
    [
        pytest.param(FIRST, id="outbound"),
        pytest.param(FIRST | {"direction": "inbound"}, id="inbound", marks=pytest.mark.slow),
    ],
)
def test_a_call_stays_one_row_whatever_becomes_of_it(desk: Desk, leg: dict[str, Any], changes: dict[str, Any]) -> None:
    """It may be switched to another lead, get its agent late, or be stored in another PHONE_MODE from now on."""
    changed = leg | changes | {"row_hash": "c" * 32}
    commit(desk, leg)
    assert commit(desk, changed) == [(0, 1, 0, 0)]
    assert desk.only_call()["row_hash"] == "c" * 32


@ONLY_DUCKDB
def test_a_lost_key_of_hashes_doubles_nothing(desk: Desk) -> None:
    commit(desk, FIRST | {"phone": "a" * 32})
    assert commit(desk, FIRST | {"phone": "b" * 32, "row_hash": "c" * 32}) == [(0, 1, 0, 0)]


@ONLY_DUCKDB
def test_two_calls_never_change_one_row_that_hides_its_number(desk: Desk) -> None:
    """Either of them could be the call of that row: the first one is, and the other is a call of its own."""
    commit(desk, FIRST | {"phone": MASKED, "row_hash": "b" * 32})
    same = {"lead_id": "1", "agent": "1001", "row_hash": "c" * 32}
    commit(desk, FIRST, other(campaign="OTHER", **same), together=True)
    assert sorted(row["phone"] for row in desk.rows()) == ["5551110001", "5552220002"]


@DUCKDB_FIRST
def test_a_record_that_leaves_the_quarantine_never_hides_behind_another_call(desk: Desk) -> None:
    commit(desk, FIRST)
    batch = desk.batches.of(outcome(desk.spool.sealed(other())), released=("0" * 32,))
    desk.warehouse.commit(batch)
    assert leads(desk) == ["1", "22"]


# Masks


PERSONAL = {"phone": "5551110001", "vendor_lead_code": "V-17", "source_id": "S1"}
MASKS = {"phone": MASKED, "vendor_lead_code": "XXXX", "source_id": "XX"}


@DUCKDB_FIRST
@pytest.mark.parametrize("masks", [MASKS, {"phone": "XXXXXXXX01"}, {"phone": MASKED, "status": "DNC"}], ids=str)
def test_a_mask_never_replaces_what_is_known(desk: Desk, masks: dict[str, str]) -> None:
    commit(desk, FIRST | PERSONAL)
    masked = FIRST | PERSONAL | masks | {"row_hash": "c" * 32}
    assert commit(desk, masked) == [(0, 1, 0, 0)]
    row = desk.only_call()
    assert {name: row[name] for name in PERSONAL} == PERSONAL
    assert row["status"] == masks.get("status", "SALE")
    assert commit(desk, masked) == [UNCHANGED]
    assert commit(desk, FIRST | PERSONAL | {"phone": "5551110001", "row_hash": "d" * 32}) == [(0, 1, 0, 0)]


@DUCKDB_FIRST
def test_what_has_always_been_masked_is_stored_as_shown_and_gives_way(desk: Desk) -> None:
    commit(desk, FIRST | MASKS)
    assert {name: desk.only_call()[name] for name in MASKS} == MASKS
    commit(desk, FIRST | MASKS | {"phone": "XXXXXXXXX1", "row_hash": "c" * 32})
    assert desk.only_call()["phone"] == "XXXXXXXXX1"
    commit(desk, FIRST | PERSONAL | {"row_hash": "d" * 32})
    assert {name: desk.only_call()[name] for name in PERSONAL} == PERSONAL


@DUCKDB_FIRST
@pytest.mark.parametrize("order", list(permutations(["known", "masked"])))
def test_a_call_without_uniqueid_stays_one_row_when_its_number_is_masked(desk: Desk, order: tuple[str, str]) -> None:
    shown = {
        "known": call(1, uniqueid=None, phone="5551110001", call_key="1" * 32),
        "masked": call(1, uniqueid=None, phone=MASKED, call_key="2" * 32),
    }
    first, second = (shown[name] for name in order)
    commit(desk, first)
    assert commit(desk, second) == [(0, 1, 0, 0)]
    assert desk.only_call()["phone"] == "5551110001"
    assert commit(desk, second) == [UNCHANGED]


def test_masked_calls_of_one_moment_find_their_rows_by_lead(desk: Desk) -> None:
    """Their keys are counted through the answer, where they had the number before."""
    known = [call(1, uniqueid=None, phone=f"555000000{lead}", lead_id=str(lead)) for lead in range(3)]
    desk.commit(outcome(desk.spool.sealed(*known)))
    masked = [
        leg
        | {"phone": MASKED, "call_key": f"{number:032}", "status": f"S{leg['lead_id']}", "row_hash": f"{number:032}"}
        for number, leg in enumerate(reversed(known))
    ]
    assert desk.counts(outcome(desk.spool.sealed(*masked))) == [(0, 3, 0, 0)]
    assert {(row["phone"], row["status"]) for row in desk.rows()} == {
        (f"555000000{lead}", f"S{lead}") for lead in range(3)
    }


@DUCKDB_FIRST
def test_a_withheld_number_is_no_mask(desk: Desk) -> None:
    """Two dialers show calls of one moment, group and lead id without uniqueid. One caller shows no number."""
    rows = [
        call(1, uniqueid=None, phone=phone, lead_id="7", call_key=str(at) * 32)
        for at, phone in enumerate((None, "555"))
    ]
    for row in rows:
        assert desk.counts(outcome(desk.spool.sealed(row))) == [(1, 0, 0, 0)]
    assert len(desk.rows()) == 2


@DUCKDB_FIRST
@pytest.mark.parametrize("order", list(permutations(["export", "stats"])))
def test_a_masked_number_of_one_report_is_no_other_call(desk: Desk, order: tuple[str, str]) -> None:
    shown = {
        "export": call(1, phone=MASKED),
        "stats": call(1, uniqueid=None, report=STATS, phone="5551110001", lead_id=None),
    }
    commit(desk, *(shown[name] for name in order))
    assert desk.only_call()["uniqueid"] == "1.1"


# A uniqueid that changes at hang-up


IN_PROGRESS = call(1, uniqueid="1795000000.417", status="INCALL", length_seconds=None)
ENDED = call(1, uniqueid="1795000000.901", status="SALE")


def test_a_uniqueid_that_changes_at_hang_up_leaves_one_row(desk: Desk) -> None:
    commit(desk, IN_PROGRESS, call(2))
    first_seen = next(row for row in desk.rows() if row["uniqueid"] == "1795000000.417")["first_seen_at"]
    assert commit(desk, ENDED) == [(0, 1, 0, 0)]
    row = next(row for row in desk.rows() if row["uniqueid"] != "2.1")
    assert (row["uniqueid"], row["status"], row["length_seconds"]) == ("1795000000.901", "SALE", 30)
    assert (row["call_key"], row["first_seen_at"]) == (ENDED["call_key"], first_seen)
    assert desk.counts(outcome(desk.spool.sealed(ENDED, call(2)))) == [(0, 0, 2, 0)]


@ONLY_DUCKDB
@pytest.mark.parametrize(
    "changes",
    [
        {"uniqueid": "1795000001.901"}, {"lead_id": "99"}, {"phone": "5552220002"}, {"direction": "inbound"},
        {"dialer_campaign": "OTHER"}, {"client_id": "C2"}, {"uniqueid": "other-1795000000.901"},
    ],
    ids=str,
)  # fmt: skip
def test_another_call_is_never_taken_for_one_whose_uniqueid_has_changed(desk: Desk, changes: dict[str, Any]) -> None:
    commit(desk, IN_PROGRESS)
    assert commit(desk, call(1, **({"uniqueid": "1795000000.901", "status": "SALE"} | changes))) == [(1, 0, 0, 0)]


@DUCKDB_FIRST
def test_two_calls_that_are_shown_together_stay_two(desk: Desk) -> None:
    commit(desk, IN_PROGRESS)
    assert desk.counts(outcome(desk.spool.sealed(IN_PROGRESS, ENDED))) == [(1, 0, 1, 0)]
    assert desk.counts(outcome(desk.spool.sealed(ENDED))) == [UNCHANGED]
    assert len(desk.rows()) == 2


# The archive


LIVE = call(1, status="SALE", vendor_lead_code=None)
ARCHIVED = call(1, status="INCALL", length_seconds=None, report=ARCHIVE, vendor_lead_code="V-1")


@DUCKDB_FIRST
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("order", list(permutations([LIVE, ARCHIVED])), ids=["live first", "archive first"])
def test_a_live_image_always_wins_over_one_of_the_archive(
    desk: Desk, order: tuple[dict[str, Any], ...], together: bool
) -> None:
    commit(desk, *order, together=together)
    before = desk.only_call()
    assert (before["status"], before["length_seconds"]) == ("SALE", 30)
    assert (before["vendor_lead_code"], before["source_report"]) == ("V-1", "call_report_export")
    for again in permutations([LIVE, ARCHIVED]):
        assert set(commit(desk, *again)) == {UNCHANGED}
    assert desk.only_call() == before


@DUCKDB_FIRST
@pytest.mark.parametrize("order", list(permutations(["live", "archive"])))
def test_an_agents_live_calls_win_over_the_archive_as_well(desk: Desk, order: tuple[str, str]) -> None:
    shown = {
        "live": call(1, uniqueid=None, report=STATS, status="SALE"),
        "archive": call(1, report=ARCHIVE, status="INCALL"),
    }
    for name in (*order, *order):
        commit(desk, shown[name])
    row = desk.only_call()
    assert (row["uniqueid"], row["status"]) == ("1.1", "SALE")
