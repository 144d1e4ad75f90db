"""Every call that a busy day's export shows arrives, and nothing else: compared leg by leg with the dialer's log."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from messages import Window
from reports import REPORTS
from simulated_dialer import Leg, SimulatedDialer, World
from tests.channels import DID_COLUMNS, channel_of_leg
from tests.reports.answers import Answer, read, source
from tests.simulated_dialer.client import REPORT, ask

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)
WHOLE_DAY = Window(day=DAY, first_hour=0, last_hour=23, since=MIDNIGHT, until=MIDNIGHT + timedelta(hours=24))
AFTERNOON = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
"""Calls are waiting, talking and in wrap-up at that moment."""
SHIFTING, CORRECT, UNCLEANED = "250720-1841", "210303-0931", "110701-1200"


@pytest.fixture(scope="module")
def busy_day() -> World:
    return World.busy_day(seed=5)


@pytest.fixture
def world() -> World:
    """A smaller day of the same kind."""
    return World(seed=6, calls_per_hour=250)


def download(world: World, build: str, detail: str = "EXTENDED_2") -> bytes:
    form = REPORTS["call_report_export"].build_form(source(), WHOLE_DAY, detail)
    if int(build[:6]) < 190116:  # such a build cannot be asked for all campaigns without their names
        form = [field for field in form if field[1] != "---ALL---"]
        form += [("campaign[]", name) for name in world.centre.campaigns]
        form += [("group[]", name) for name in world.centre.ingroups]
    asked: dict[str, list[str]] = {}
    for name, value in form:
        asked.setdefault(name, []).append(value)
    with SimulatedDialer(world, build, [REPORT]) as dialer:
        answer = ask(dialer, "call_report_export.php", asked)
    assert answer.header("Content-Type") == "application/octet-stream"
    return answer.body


def visible(world: World, *, in_old_builds: bool = False) -> list[Leg]:
    """The legs of the day that an export shows; builds before 210911 show those of deleted lists and statuses too."""
    shown = {None, "list", "status", "user_group"} if in_old_builds else {None}
    return [leg for leg in world.legs_at(since=DAY, until=DAY) if leg.hidden in shown]


def row_of(leg: Leg, world: World, *, shifted: bool = True) -> dict[str, Any]:
    """The row that a leg must become, said once more in the words of the table."""
    inbound = leg.direction == "inbound"
    nobody = leg.agent_user in ("VDAD", "VDCL")
    talk = None
    if inbound and leg.length_seconds is not None:
        talk = round(max(leg.length_seconds - leg.queue_seconds, 0.0), 2)
    return {
        "direction": leg.direction,
        "call_date": DAY,
        "call_time": datetime.fromtimestamp(leg.epoch, UTC),
        "call_time_local": leg.call_time_local,
        "time_ambiguous": False,
        "lead_id": str(leg.lead_id),
        "vendor_lead_code": leg.vendor_lead_code or None,
        "source_id": leg.source_id or None,
        "phone": leg.phone or None,
        "status": leg.status or None,
        "status_name": leg.status_name or None,
        "ingroup": leg.campaign_id if inbound else None,
        "dialer_campaign": None if inbound else leg.campaign_id,
        "agent": None if nobody else leg.agent_user,
        "agent_name": None if nobody else leg.agent_name or None,
        "user_group": leg.user_group or None,
        "length_seconds": leg.length_seconds,
        "queue_seconds": leg.queue_seconds if inbound else None,
        "talk_seconds": talk,
        "wrapup_seconds": leg.wrapup_seconds + (29 * (leg.copies - 1) if shifted else 0),
        "term_reason": None if inbound and shifted else leg.term_reason or None,
        "list_id": str(leg.list_id),
        "uniqueid": leg.uniqueid,
        **channel_of_leg(leg, world),
    }


def counted(rows: list[dict[str, Any]], names: list[str]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in names) for row in rows)


def assert_the_same(answer: Answer, legs: list[dict[str, Any]]) -> None:
    names = list(legs[0])
    found, wanted = counted(answer.rows, names), counted(legs, names)
    assert (list((wanted - found).items())[:3], list((found - wanted).items())[:3]) == ([], [])
    assert answer.quarantined == []
    assert len({row["call_key"] for row in answer.rows}) == len(legs)
    assert answer.records == len(answer.rows) + answer.duplicates


def test_every_visible_call_of_a_busy_day_arrives_as_the_dialer_logged_it(busy_day: World) -> None:
    legs = visible(busy_day)
    answer = read(download(busy_day, SHIFTING), chunk_records=5_000)
    assert len(legs) > 12_000
    assert_the_same(answer, [row_of(leg, busy_day) for leg in legs])
    assert answer.duplicates == sum(leg.copies - 1 for leg in legs) > 0
    assert answer.hours == Counter((DAY, leg.call_time_local.hour) for leg in legs)
    assert not answer.in_progress


def test_calls_in_progress_arrive_as_they_stand_and_are_counted(busy_day: World) -> None:
    busy_day.now = AFTERNOON
    legs = visible(busy_day)
    answer = read(download(busy_day, SHIFTING), chunk_records=1_000)
    assert_the_same(answer, [row_of(leg, busy_day) for leg in legs])
    in_progress = [leg for leg in legs if leg.length_seconds is None or leg.status in ("QUEUE", "INCALL")]
    assert len(in_progress) > 10
    assert answer.in_progress == Counter((DAY, leg.call_time_local.hour) for leg in in_progress)


def test_a_build_that_shifts_no_column_keeps_every_reason_of_a_hang_up(world: World) -> None:
    legs = visible(world, in_old_builds=True)
    answer = read(download(world, CORRECT), chunk_records=5_000)
    assert_the_same(answer, [row_of(leg, world, shifted=False) for leg in legs])
    assert answer.duplicates == 0


def test_a_build_that_cleans_no_tabs_loses_no_call(world: World) -> None:
    legs = visible(world, in_old_builds=True)
    answer = read(download(world, UNCLEANED, "EXTENDED"), chunk_records=5_000)
    lacking = dict.fromkeys(("term_reason", "wrapup_seconds", *DID_COLUMNS))
    wanted = [row_of(leg, world, shifted=False) | lacking for leg in legs]
    assert_the_same(answer, wanted)


def test_a_call_keeps_its_key_from_the_queue_to_its_disposition(world: World) -> None:
    before = {row["call_key"]: row for row in moment_read(world, AFTERNOON)}
    after = {row["call_key"]: row for row in moment_read(world, AFTERNOON + timedelta(days=2))}
    hidden_since = {leg.uniqueid for leg in world.legs_at(since=DAY, until=DAY) if leg.hidden}
    assert {row["uniqueid"] for key, row in before.items() if key not in after} <= hidden_since
    changed = [key for key in before.keys() & after.keys() if before[key]["row_hash"] != after[key]["row_hash"]]
    assert len(changed) > 3
    for key in changed:
        same = ("uniqueid", "ingroup", "dialer_campaign", "call_time")
        assert [before[key][name] for name in same] == [after[key][name] for name in same]


def moment_read(world: World, moment: datetime) -> list[dict[str, Any]]:
    world.now = moment
    return read(download(world, SHIFTING)).rows


def test_lead_fields_arrive_as_they_were_meant_although_encodings_are_mixed(world: World) -> None:
    legs = visible(world)
    answer = read(download(world, SHIFTING), lead_fields=True)
    wanted = []
    for leg in legs:
        lead = world.lead(leg.lead_id)
        wanted.append(
            {"uniqueid": leg.uniqueid, "ingroup": leg.ingroup or None}
            | {f"lead_{name}": getattr(lead, name) or None for name in ("first_name", "last_name", "address1", "city")}
            | {f"lead_{name}": getattr(lead, name) or None for name in ("postal_code", "email", "alt_phone", "state")}
        )
    assert_the_same(answer, wanted)
