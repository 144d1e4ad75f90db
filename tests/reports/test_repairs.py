"""Damaged records get their fields back where the values leave no doubt; the others are kept as they came."""

import pytest

from tables import CHANNEL_COLUMNS
from tests.reports.answers import INBOUND, OUTBOUND, export, header, read, record, recorded

UNCLEANED = "export_110124_extended.txt"
"""A build that cleans no tabs: in list descriptions, in comments and in agents' names."""


def test_every_damaged_record_of_a_build_that_cleans_no_tabs_is_put_right() -> None:
    answer = read(recorded(UNCLEANED), lead_fields=True)
    damaged = [record for record in recorded(UNCLEANED).split(b"\r\n")[1:-1] if record.count(b"\t") != 38]
    assert len(damaged) == 8
    assert (len(answer.rows), answer.quarantined, answer.duplicates) == (16, [], 0)
    names = ("direction", "phone", "status", "status_name", "agent", "agent_name", "lead_id", "length_seconds")
    shown = {row["lead_id"]: tuple(row[name] for name in names) for row in answer.rows}
    assert shown["12581"] == (
        "outbound", "7662641781", "NA", "No Answer AutoDial", None, None, "12581", 32,
    )  # a tab in the description, two in the comments  # fmt: skip
    assert shown["16491"] == (
        "outbound", "9184300949", "N", "No Answer", "1009", "Ivo Tab\there", "16491", 530,
    )  # a tab in the agent's name and one in the description  # fmt: skip
    comments = [row["lead_comments"] for row in answer.rows if row["lead_comments"]]
    assert comments.count("tab\there and\ttwo") == 5
    assert {row["lead_country_code"] for row in answer.rows} == {"USA"}
    assert {row["user_group"] for row in answer.rows} == {"AGENTS", "CLOSERS", None}


@pytest.mark.parametrize("newer", ["standard", "extended_2", "extended_3", "extended_4"])
def test_builds_14_years_apart_agree_about_the_same_call(newer: str) -> None:
    old = {row["call_time_local"]: row for row in read(recorded(UNCLEANED), lead_fields=True).rows}
    new = {row["call_time_local"]: row for row in read(recorded(f"export_250720_{newer}.txt"), lead_fields=True).rows}
    common = old.keys() & new.keys()
    assert len(common) >= 2
    for at in common:
        differs = {name for name in old[at] if old[at][name] != new[at][name]}
        assert differs <= {"uniqueid", "wrapup_seconds", "term_reason", "row_hash", "call_key", *CHANNEL_COLUMNS}
        assert "call_key" not in differs or newer != "standard"


@pytest.mark.parametrize("columns", ["standard", "extended_2", "extended_3", "extended_4"])
@pytest.mark.parametrize("tabs", ["a\tb", "\t", "a\t", "\ta", "1\t2\t3", "a\t\t\t\tb", "tab and\nnewline\there"])
@pytest.mark.parametrize("direction", [OUTBOUND, INBOUND], ids=["outbound", "inbound"])
def test_tabs_in_a_list_description_move_nothing(columns: str, tabs: str, direction: dict[str, str]) -> None:
    if columns == "extended_4":
        direction = direction | {"called_since_last_reset": "", "term_reason": ""}
    [sound] = read(export(record(direction, columns), columns=columns)).rows
    damaged = read(export(record(direction, columns, list_description=tabs), columns=columns))
    assert damaged.only == sound


@pytest.mark.parametrize("column", ["list_name", "comments", "full_name"])
@pytest.mark.parametrize("direction", [OUTBOUND, INBOUND], ids=["outbound", "inbound"])
def test_tabs_in_the_usual_texts_move_nothing(column: str, direction: dict[str, str]) -> None:
    others = [record(direction, uniqueid="1.1"), record(direction, uniqueid="1.2")]
    answer = read(export(*others, record(direction, **{column: "with\ttwo\ttabs"})))
    [repaired] = [row for row in answer.rows if row["uniqueid"] == direction["uniqueid"]]
    [sound] = read(export(record(direction))).rows
    if column == "full_name" and direction is INBOUND:
        assert repaired.pop("agent_name") == "with\ttwo\ttabs"
        del sound["agent_name"], sound["row_hash"], repaired["row_hash"]
    assert repaired == sound


@pytest.mark.parametrize("column", ["vendor_lead_code", "source_id"])
def test_a_record_that_leaves_doubt_is_quarantined_as_it_came(column: str) -> None:
    """A tab between two free texts may belong to either of them."""
    damaged = record(OUTBOUND, **{column: "x\ty"})
    answer = read(export(damaged, record(OUTBOUND, uniqueid="1.1"), record(INBOUND)))
    assert answer.values("status") == [("NA",), ("SALE",)]
    reason = f"{len(header()) + 1} fields instead of {len(header())}, and their values leave doubt"
    assert answer.quarantined == [(damaged.removesuffix(b"\r\n").decode(), reason)]
    assert (answer.records, answer.duplicates) == (3, 0)


@pytest.mark.parametrize("count", [1, 2, 40, 58])
def test_a_record_with_too_few_fields_is_quarantined(count: int) -> None:
    short = b"\t".join(record(OUTBOUND).removesuffix(b"\r\n").split(b"\t")[:count])
    answer = read(export(short + b"\r\n", record(INBOUND)))
    assert [kept for kept, _ in answer.quarantined] == [short.decode()]
    assert len(answer.rows) == 1


def test_a_record_with_far_too_many_fields_is_quarantined() -> None:
    answer = read(export(record(OUTBOUND, list_description="\t" * 13), record(INBOUND)))
    assert (len(answer.quarantined), len(answer.rows)) == (1, 1)
    assert answer.quarantined[0][1].startswith("72 fields instead of 59")


def test_a_tab_between_lead_texts_keeps_the_call_and_leaves_out_what_is_in_doubt() -> None:
    """Which of the names and address lines it belongs to cannot be told; what stands beside them can."""
    others = [record(OUTBOUND, uniqueid="1.1")]
    answer = read(export(*others, record(OUTBOUND, last_name="Le\te")), lead_fields=True)
    assert answer.quarantined == []
    [row] = [row for row in answer.rows if row["uniqueid"] == OUTBOUND["uniqueid"]]
    assert (row["phone"], row["lead_id"], row["status_name"]) == ("0312345678", "17", "No Answer AutoDial")
    assert (row["lead_gender"], row["lead_country_code"]) == ("F", "USA")
    assert [row[f"lead_{name}"] for name in ("last_name", "city", "postal_code")] == [None, None, None]


CHANNEL = {
    "caller_code": "Y1120082855000001683", "server_ip": "10.10.10.15", "hangup_cause": "16", "dialstatus": "ANSWER",
    "channel": "SIP/carrier1-9e93e563", "dial_time": "7", "answered_time": "35", "cpd_result": "Voice",
    "did_pattern": "3125551000", "did_id": "6", "did_description": "DID for SALES_IN",
}  # fmt: skip


@pytest.mark.parametrize("columns", ["extended_2", "extended_3", "extended_4"])
@pytest.mark.parametrize("damage", ["list_description", "list_name", "comments", "full_name", "did_description"])
def test_the_channel_of_a_repaired_record_is_that_of_a_sound_one(columns: str, damage: str) -> None:
    call = OUTBOUND | CHANNEL
    if columns == "extended_4":
        call |= {"called_since_last_reset": "", "term_reason": ""}
    others = [record(call, columns, uniqueid="1.1"), record(call, columns, uniqueid="1.2")]
    answer = read(export(*others, record(call, columns, **{damage: "with\ttwo\ttabs"}), columns=columns))
    [repaired] = [row for row in answer.rows if row["uniqueid"] == call["uniqueid"]]
    [sound] = read(export(record(call, columns), columns=columns)).rows
    described: dict[str, str | None] = {"did_description": "with\ttwo\ttabs"} if damage == "did_description" else {}
    if columns == "extended_3" and described:  # the tabs may belong to the texts of the number behind it as well
        described = {"did_description": None}
    names = list(CHANNEL_COLUMNS)
    assert {name: repaired[name] for name in names} == {name: sound[name] for name in names} | described
    assert sound["did_pattern"] == "3125551000"


def test_a_tab_between_texts_of_the_channel_keeps_the_call_and_leaves_out_what_is_in_doubt() -> None:
    """It may belong to the result of dialling or to the name of the channel."""
    others = [record(OUTBOUND | CHANNEL, uniqueid="1.1")]
    answer = read(export(*others, record(OUTBOUND | CHANNEL, dialstatus="ANS\tWER")))
    assert answer.quarantined == []
    [row] = [row for row in answer.rows if row["uniqueid"] == OUTBOUND["uniqueid"]]
    assert (row["status"], row["hangup_cause"], row["dialstatus"]) == ("NA", 16, None)
    assert (row["dial_seconds"], row["did_description"]) == (7, "DID for SALES_IN")


def test_a_lead_id_is_never_left_empty_by_a_repair() -> None:
    answer = read(export(record(OUTBOUND, uniqueid="1.1"), record(OUTBOUND, owner="house\t")))
    assert answer.values("lead_id") == [("17",), ("17",)]
