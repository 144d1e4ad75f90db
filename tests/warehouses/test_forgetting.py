"""A number that is to be forgotten leaves every table, in whatever form it is stored, and its calls stay."""

from typing import Any

from database import open_warehouse
from messages import PhoneForms
from tests.warehouses.analyst import execute
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import NOON, call, outcome
from tests.warehouses.test_call_merges import bare

DIGITS, HASH = "5551234567", "0f" * 16
NUMBER = PhoneForms(digits=DIGITS, phone_hash=HASH, short="4567", key_id="key-1")


def test_it_leaves_calls_and_quarantine_and_is_remembered(desk: Desk) -> None:
    for name in ("lead_alt_phone", "lead_last_name", "lead_comments"):
        execute(desk.settings, f"ALTER TABLE vicidial.calls ADD COLUMN {name} {text_of(desk)}")
    forms = (DIGITS, "555-123-4567", HASH, "4567", None)
    theirs = [
        call(number, phone=phone, vendor_lead_code=DIGITS, source_id="S", caller_code="V1")
        for number, phone in enumerate(forms, start=2)
    ]
    records = [f"a\t{DIGITS}\tb", "other"]
    desk.commit(outcome(desk.spool.sealed(call(1, phone="5559999999"), *theirs, quarantine=records)))
    alt_phone = f"CASE WHEN lead_id = '{len(forms) + 1}' THEN '(555) 123-4567' END"
    lead = f"lead_last_name = 'Miller', lead_comments = 'x', lead_alt_phone = {alt_phone}"
    execute(desk.settings, f"UPDATE vicidial.calls SET {lead} WHERE true")
    before = {row["lead_id"]: row for row in desk.rows()}

    assert desk.warehouse.reader.forgotten_numbers() == {}
    assert desk.warehouse.forget(NUMBER, NOON) == {"forgotten": 1, "calls": 5, "quarantine": 1}
    after = {row["lead_id"]: row for row in desk.rows()}
    assert after.pop("1") == before.pop("1")
    emptied = (
        "phone",
        "vendor_lead_code",
        "source_id",
        "caller_code",
        "lead_alt_phone",
        "lead_last_name",
        "lead_comments",
    )
    for lead, row in after.items():
        gone = dict.fromkeys(emptied) | {"row_hash": "", "updated_at": NOON}
        assert row == before[lead] | gone
    assert [row["record"] for row in desk.rows("quarantine")] == ["other"]
    assert desk.warehouse.reader.forgotten_numbers() == {HASH: "key-1"}
    assert desk.warehouse.forget(NUMBER, NOON) == {"forgotten": 0, "calls": 0, "quarantine": 0}


def text_of(desk: Desk) -> str:
    return "VARCHAR" if desk.settings.warehouse == "duckdb" else "STRING"


def test_a_warehouse_of_an_older_version_gets_what_it_lacks(desk: Desk) -> None:
    """The next run makes the table for the hashes. The lead's columns may never be there."""
    desk.commit(outcome(desk.spool.sealed(call(1, phone=DIGITS))))
    execute(desk.settings, "DROP TABLE vicidial.forgotten")
    assert desk.warehouse.reader.forgotten_numbers() == {}
    opened = open_warehouse(desk.settings)
    opened.prepare()
    assert opened.forget(NUMBER, NOON)["calls"] == 1
    opened.close()


@DUCKDB_FIRST
def test_a_re_read_changes_a_forgotten_call_once_and_finds_it_again(desk: Desk) -> None:
    """One call stays one without its number, from either report."""
    export, stats = call(1, phone=DIGITS), bare(1, phone=DIGITS)
    desk.commit(outcome(desk.spool.sealed(export)))
    desk.warehouse.forget(NUMBER, NOON)
    blank: dict[str, Any] = {"phone": None, "row_hash": "keyed"}
    assert desk.counts(outcome(desk.spool.sealed(export | blank))) == [(0, 1, 0, 0)]
    assert desk.counts(outcome(desk.spool.sealed(export | blank))) == [(0, 0, 1, 0)]
    assert desk.counts(outcome(desk.spool.sealed(stats | blank, source="stats")))[0][0] == 0
    assert desk.only_call()["phone"] is None
    masked: dict[str, Any] = {"phone": "4567", "row_hash": "of another mode"}
    both = desk.spool.sealed(export | masked), desk.spool.sealed(stats | masked, source="stats")
    assert desk.counts(outcome(*both)) == [(0, 1, 0, 0), (0, 0, 1, 0)]
    assert desk.only_call()["phone"] == "4567"


@DUCKDB_FIRST
def test_a_forgotten_call_stays_so_when_the_dialer_shows_a_mask_in_place_of_its_number(desk: Desk) -> None:
    """No worker can tell that the number behind a mask is forgotten."""
    theirs, other = (
        call(number, phone=phone, vendor_lead_code="V", caller_code="V1")
        for number, phone in ((1, DIGITS), (2, "5559999999"))
    )
    desk.commit(outcome(desk.spool.sealed(theirs, other)))
    desk.warehouse.forget(NUMBER, NOON)
    for mask in ("XXXXXXXXXX", "XXXXXX4567"):
        seen: dict[str, Any] = {"phone": mask, "row_hash": mask, "status": mask[-4:]}
        desk.commit(outcome(desk.spool.sealed(theirs | seen, other | seen)))
        shown = ("phone", "vendor_lead_code", "caller_code", "status")
        stored = {row["lead_id"]: tuple(row[name] for name in shown) for row in desk.rows()}
        assert stored == {"1": (None, None, None, mask[-4:]), "2": ("5559999999", "V", "V1", mask[-4:])}
