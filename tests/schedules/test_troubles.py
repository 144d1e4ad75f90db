"""Who is asked less, and when as usual again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.unread import without_resting
from errors import DialerFailed, DialerUnreachable, WarehouseUnusable
from messages import CampaignOutcome, ClientOutcome
from schedules.troubles import Troubles
from tests.schedules.sources import SETTINGS, source

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SOURCE = source()
HOST = SOURCE.origin
HOSTS = {SOURCE.source_key: HOST}


def outcome(label: str, *, windows_read: int = 0) -> CampaignOutcome:
    failure = None if label == "completed" else "it failed"
    client = ClientOutcome(
        source_key=SOURCE.source_key, campaign="Sales", client_id="1", client_name="", failure=failure, label=label,
        windows_read=windows_read,
    )  # fmt: skip
    return CampaignOutcome(job_id="1", campaign="Sales", clients=(client,))


def cycle(folder: Path, label: str, now: datetime, *, windows_read: int = 0) -> bool:
    """Whether the host was asked in it."""
    troubles = Troubles.read(folder)
    asked = not troubles.resting([SOURCE], QUARTER, now)
    if asked:
        troubles.note([outcome(label, windows_read=windows_read)], HOSTS)
    troubles.settle([SOURCE.origin], now)
    return asked


def asked_in(folder: Path, labels: list[str], *, first: int = 0, windows_read: int = 0) -> list[int]:
    """Numbers of the cycles in which the host was asked; a cycle is some seconds late, as in life."""
    late = timedelta(seconds=2)
    return [
        number
        for number, label in enumerate(labels, first)
        if cycle(folder, label, NOON + number * QUARTER + (number % 2) * late, windows_read=windows_read)
    ]


def test_three_failures_in_a_row_make_it_rest_up_to_an_hour(tmp_path: Path) -> None:
    label = DialerUnreachable.label
    assert asked_in(tmp_path, [label] * 20) == [0, 1, 2, 3, 5, 9, 13, 17]


def test_the_first_answer_ends_it(tmp_path: Path) -> None:
    label = DialerUnreachable.label
    assert asked_in(tmp_path, [label] * 5) == [0, 1, 2, 3]
    assert asked_in(tmp_path, ["completed", label, label, label], first=5) == [5, 6, 7, 8]


@pytest.mark.parametrize("label", [DialerFailed.label, "login rejected", "stopped"])
def test_who_answers_at_all_is_no_trouble(tmp_path: Path, label: str) -> None:
    assert asked_in(tmp_path, [label] * 8) == list(range(8))


def test_who_answers_now_and_then_is_no_trouble(tmp_path: Path) -> None:
    assert asked_in(tmp_path, [DialerUnreachable.label] * 8, windows_read=1) == list(range(8))


def test_a_file_that_is_lost_or_broken_asks_everybody(tmp_path: Path) -> None:
    asked_in(tmp_path, [DialerUnreachable.label] * 5)
    for content in ("", "{", "[]", '{"hosts": {"a": 1}, "died_at": {}}', '{"hosts": {"a": {}}, "died_at": {}}'):
        (tmp_path / "troubles.json").write_text(content, encoding="utf-8")
        assert Troubles.read(tmp_path).hosts == {}


VALUES = {"cycles": 5, "since": NOON.isoformat(), "asked_at": NOON.isoformat(), "label": "dialer unreachable"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"cycles": "5"}, {"label": 5}, {"since": "2026-03-02T12:00:00"}, {"asked_at": "2026-03-02T12:00:00"},
        {"asked_at": "today"}, {"since": 5}, {"died": "2026-03-02T12:00:00"}, {"died": "today"}, {"died": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_with_values_that_make_no_sense_asks_everybody(tmp_path: Path, wrong: dict[str, object]) -> None:
    died = wrong.get("died", NOON.isoformat())
    values = VALUES | {name: value for name, value in wrong.items() if name != "died"}
    given(tmp_path, {"hosts": {HOST: values}, "died_at": {"Sales": died}})
    troubles = Troubles.read(tmp_path)
    assert troubles.resting([SOURCE], QUARTER, NOON) == {}
    assert not troubles.alone("Sales", NOON)
    assert asked_in(tmp_path, ["dialer unreachable"] * 3) == [0, 1, 2]


def given(folder: Path, content: dict[str, object]) -> None:
    (folder / "troubles.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("far", ["2026-03-03T12:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_clock_that_was_wrong_for_a_while_makes_nobody_rest(tmp_path: Path, far: str) -> None:
    given(tmp_path, {"hosts": {HOST: VALUES}, "died_at": {"Sales": NOON.isoformat()}})
    right = Troubles.read(tmp_path)
    assert (len(right.resting([SOURCE], QUARTER, NOON)), right.alone("Sales", NOON)) == (1, True)
    given(tmp_path, {"hosts": {HOST: VALUES | {"asked_at": far}}, "died_at": {"Sales": far}})
    wrong = Troubles.read(tmp_path)
    assert (len(wrong.resting([SOURCE], QUARTER, NOON)), wrong.alone("Sales", NOON)) == (0, False)


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_forgiven_during_a_cycle_stays_forgiven(tmp_path: Path, asked: bool) -> None:
    given(tmp_path, {"hosts": {HOST: VALUES}, "died_at": {"Sales": NOON.isoformat()}})
    troubles = Troubles.read(tmp_path)
    Troubles.read(tmp_path).forgive([HOST])
    if asked:
        troubles.note([outcome("dialer unreachable")], HOSTS)
    troubles.settle([HOST], NOON)
    left = Troubles.read(tmp_path)
    assert [trouble.cycles for trouble in left.hosts.values()] == ([1] if asked else [])
    assert left.alone("Sales", NOON)
    troubles = Troubles.read(tmp_path)
    troubles.path.unlink()
    troubles.settle([HOST], NOON)
    assert not troubles.alone("Sales", NOON)


def test_whoever_forgives_in_vain_is_told(tmp_path: Path) -> None:
    given(tmp_path, {"hosts": {HOST: VALUES}, "died_at": {}})
    troubles = Troubles.read(tmp_path)
    troubles.path.unlink()
    troubles.path.mkdir()
    with pytest.raises(WarehouseUnusable, match=r"troubles\.json"):
        troubles.forgive([HOST])


def test_a_row_with_the_wrong_scheme_does_not_make_the_right_one_rest(tmp_path: Path) -> None:
    assert asked_in(tmp_path, [DialerUnreachable.label] * 5) == [0, 1, 2, 3]
    right = source(dialer_url=SOURCE.dialer_url.replace("https", "http"), source_key="1" * 32)
    assert right.host == SOURCE.host
    troubles, now = Troubles.read(tmp_path), NOON + 4 * QUARTER
    assert list(troubles.resting([SOURCE, right], QUARTER, now)) == [HOST]
    asked, unread = without_resting(troubles, [SOURCE, right], SETTINGS, now)
    assert (asked, [outcome.clients[0].source_key for outcome in unread]) == ([right], [SOURCE.source_key])


def test_a_host_that_no_row_names_is_forgotten(tmp_path: Path) -> None:
    asked_in(tmp_path, [DialerUnreachable.label] * 5)
    troubles = Troubles.read(tmp_path)
    troubles.settle([], NOON)
    assert Troubles.read(tmp_path).hosts == {}


def test_a_campaign_that_ran_out_of_memory_stays_alone_for_a_day(tmp_path: Path) -> None:
    troubles = Troubles.read(tmp_path)
    troubles.note([CampaignOutcome(job_id="1", campaign="Sales", short_of_memory=True)], {})
    troubles.settle([], NOON)
    later = Troubles.read(tmp_path)
    assert later.alone("Sales", NOON + timedelta(hours=23))
    assert not later.alone("Sales", NOON + timedelta(hours=25))
    assert not later.alone("Support", NOON)
    later.settle([], NOON + timedelta(hours=25))
    assert Troubles.read(tmp_path).died_at == {}
