"""call_key says which leg it is and lives as long as the leg; row_hash says whether anything shown of it changed."""

from typing import Any

import pytest

from messages import DialerAddress
from tests.reports.answers import INBOUND, OUTBOUND, export, read, record, recorded, source

STANDARD = "standard"
LATER: dict[str, Any] = {
    "status": "INCALL", "status_name": "Lead Being Called", "user": "2002", "full_name": "Ned Closer", "lead_id": "99",
    "length_in_sec": "", "user_group": "", "vendor_lead_code": "", "list_id": "999", "wrapup_time": "0",
    "called_since_last_reset": "N", "term_reason": "N", "phone_number_dialed": "0999",
}  # fmt: skip
"""What may differ between two looks at the same leg."""


def key(values: dict[str, Any], /, columns: str = "extended_2", **changes: Any) -> str:
    return str(read(export(record(values, columns, **changes), columns=columns)).only["call_key"])


@pytest.mark.parametrize("change", [{name: value} for name, value in LATER.items()] + [LATER], ids="+".join)
@pytest.mark.parametrize("values", [OUTBOUND, INBOUND], ids=["outbound", "inbound"])
def test_a_leg_keeps_its_key_whatever_becomes_of_it(values: dict[str, Any], change: dict[str, Any]) -> None:
    assert key(values | change) == key(values)


@pytest.mark.parametrize(
    "change",
    [
        {"uniqueid": "1772467200.19"}, {"campaign_id": "VIP_ES"}, {"call_date": "2026-03-02 11:00:01"},
        {"alt_dial": "MAIN"},
    ],
)  # fmt: skip
def test_another_leg_has_another_key(change: dict[str, Any]) -> None:
    assert key(INBOUND, **change) != key(INBOUND)


def test_another_client_has_other_keys() -> None:
    content = export(record(INBOUND))
    assert read(content, source(client_id="C2")).only["call_key"] != read(content).only["call_key"]


def test_the_same_client_has_the_same_keys_from_every_source() -> None:
    content = export(record(INBOUND))
    other = source(
        campaign="Other",
        source_key="1" * 32,
        timezone="UTC",
        address=DialerAddress(scheme="https", hostname="second.example"),
    )
    assert read(content, other).only["call_key"] == read(content).only["call_key"]


def test_texts_cannot_run_into_each_other() -> None:
    one, other = {"uniqueid": "1772463600.1", "campaign_id": "2A"}, {"uniqueid": "1772463600.12", "campaign_id": "A"}
    assert key(OUTBOUND, **one) != key(OUTBOUND, **other)


def test_a_key_never_changes_from_one_version_of_the_program_to_the_next() -> None:
    """Every row of every warehouse would be inserted a second time."""
    assert key(OUTBOUND) == "9ae0936fe3f7e7518e68d3cc8bfdafe9"
    assert key(INBOUND) == "76bb574f2225c37f5b50f4a3311b9f60"
    assert key(OUTBOUND, STANDARD) == "ee415e76217b99452dbaf24651db5f66"
    assert row_hash(OUTBOUND) == "2674c4d0373fb563059413a1abeb53f0"


def test_rows_have_the_hash_of_the_version_without_channel_columns() -> None:
    """Rows of that version would be written again for nothing. The commit fills what they lack."""
    assert row_hash(INBOUND) == "374de76d17602e3e36ba0ce2ffc67365"
    assert row_hash(OUTBOUND, STANDARD) == "8c92d6cadbea9683590a05843a99b672"
    assert row_hash(INBOUND, STANDARD) == "8084b82204e9c918a02bf1644379634a"
    stats = read(recorded("user_stats_250720.csv"), source("user_stats"))
    assert stats.rows[0]["row_hash"] == "0cef35b1fb43a09adaeb09205dedbb42"


# Without uniqueid


def test_equal_legs_without_uniqueid_are_counted() -> None:
    legs = [record(OUTBOUND, STANDARD, status=status) for status in ("NA", "B", "AA")]
    answer = read(export(*legs, columns=STANDARD))
    assert [row["status"] for row in answer.rows] == ["NA", "B", "AA"]
    assert len({row["call_key"] for row in answer.rows}) == 3
    later = [record(OUTBOUND, STANDARD, status=status) for status in ("SALE", "B", "AA", "A")]
    again = read(export(*later, columns=STANDARD))
    assert [row["call_key"] for row in again.rows][:3] == [row["call_key"] for row in answer.rows]
    assert len({row["call_key"] for row in again.rows}) == 4


def test_records_without_uniqueid_that_are_alike_in_everything_are_copies() -> None:
    """The join with the agent's log makes them, and STANDARD does not show the wrap-up time in which they differ."""
    answer = read(export(*[record(INBOUND, STANDARD)] * 3, columns=STANDARD))
    assert (len(answer.rows), answer.duplicates, answer.records) == (1, 2, 3)
    other = record(INBOUND, STANDARD, status="NI")
    with_copies = read(export(*[record(INBOUND, STANDARD)] * 3, other, columns=STANDARD))
    without = read(export(record(INBOUND, STANDARD), other, columns=STANDARD))
    assert with_copies.rows == without.rows


def test_records_without_uniqueid_that_differ_in_their_channel_alone_are_copies() -> None:
    leg = INBOUND | {"uniqueid": ""}
    answer = read(export(record(leg), record(leg, hangup_cause="16", did_pattern="0312")))
    assert (answer.duplicates, answer.quarantined) == (1, [])
    assert (answer.only["hangup_cause"], answer.only["did_pattern"]) == (16, "0312")


@pytest.mark.parametrize(
    "change", [{"phone_number_dialed": "1"}, {"campaign_id": "X"}, {"call_date": "2026-03-02 11:00:01"}]
)
def test_other_legs_without_uniqueid_have_other_keys(change: dict[str, Any]) -> None:
    assert key(INBOUND, STANDARD, **change) != key(INBOUND, STANDARD)


@pytest.mark.parametrize("change", [{"status": "NI"}, {"user": "2002"}, {"lead_id": "18"}, {"length_in_sec": ""}])
def test_a_leg_without_uniqueid_keeps_its_key(change: dict[str, Any]) -> None:
    assert key(INBOUND, STANDARD, **change) == key(INBOUND, STANDARD)


# row_hash


def row_hash(
    values: dict[str, Any], /, columns: str = "extended_2", *, lead_fields: bool = False, **changes: Any
) -> str:
    answer = export(record(values, columns, **changes), columns=columns)
    return str(read(answer, lead_fields=lead_fields).only["row_hash"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "NI"), ("status_name", "x"), ("user", "2002"), ("full_name", "Ned"), ("lead_id", "18"),
        ("length_in_sec", "101"), ("length_in_sec", ""), ("alt_dial", "12.51"), ("wrapup_time", "10"),
        ("user_group", ""), ("vendor_lead_code", "2"), ("source_id", ""), ("list_id", "102"),
        ("phone_number_dialed", "1"), ("term_reason", "CALLER"),
    ],
)  # fmt: skip
def test_a_row_has_another_hash_when_anything_shown_of_it_changes(name: str, value: Any) -> None:
    assert row_hash(INBOUND | {name: value}) != row_hash(INBOUND)


@pytest.mark.parametrize(
    "change",
    [
        {"called_count": "2"}, {"modify_date": "2026-03-03 10:00:00"}, {"term_reason": "N"}, {"rank": "7"},
        {"first_name": "Bea"}, {"comments": "called back"}, {"list_description": "new"}, {"channel": "SIP/1"},
        {"server_ip": "10.0.0.1"}, {"caller_code": "V1120082855000001683"}, {"hangup_cause": "16"},
        {"dialstatus": "BUSY"}, {"dial_time": "7"}, {"answered_time": "0"},
        {"did_pattern": "0312"}, {"did_id": "6"}, {"did_description": "Sales"},
        {"caller_code": "V1", "cpd_result": "Voice"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_row_keeps_its_hash_when_only_something_changes_that_is_not_shown(change: dict[str, Any]) -> None:
    """Nor does it change with the columns of its channel, which a dialer may show for a day only."""
    assert row_hash(INBOUND, **change) == row_hash(INBOUND)


def test_the_agents_name_does_not_count_where_there_is_no_agent() -> None:
    assert row_hash(OUTBOUND, user="VDCL", full_name="Inbound No Agent") == row_hash(OUTBOUND)


def test_lead_fields_count_only_where_they_are_stored() -> None:
    for name in ("first_name", "comments", "postal_code"):
        assert row_hash(INBOUND, lead_fields=True, **{name: "x"}) != row_hash(INBOUND, lead_fields=True)


def test_our_own_names_for_a_client_do_not_change_a_hash() -> None:
    content = export(record(INBOUND))
    other = source(campaign="Other", client_name="Renamed", source_key="1" * 32)
    assert read(content, other).only["row_hash"] == read(content).only["row_hash"]


def test_another_time_zone_of_the_dialer_rewrites_its_rows() -> None:
    content = export(record(INBOUND))
    assert read(content, source(timezone="UTC")).only["row_hash"] != read(content).only["row_hash"]


def test_reading_twice_gives_the_same_rows() -> None:
    whole = recorded("export_250720_extended_2.txt")
    assert read(whole).rows == read(whole).rows
