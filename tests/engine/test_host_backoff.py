"""Hosts that did not answer are asked less often, until they answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dialers.unreachable_hosts import UnreachableHosts
from engine.host_backoff import HostBackoff
from engine.skipped_rows import exclude_unreachable
from errors import DialerFailed, DialerUnreachable, Label, WarehouseUnusable
from messages import CampaignOutcome, ClientOutcome, Failure, SourceIdentity
from tests.planning.sources import SETTINGS, source

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SOURCE = source()
HOST = SOURCE.address.origin
HOSTS = {SOURCE.key: HOST}
LONGEST = 4
"""Cycles of a quarter of an hour that a host rests at most."""


def outcome(label: str, *, windows_read: int = 0) -> CampaignOutcome:
    failure = None if label == "completed" else Failure(Label(label), "it failed")
    client = ClientOutcome(
        source=SourceIdentity(SOURCE.key, "Sales", "1", ""), failure=failure,
        windows_read=windows_read,
    )  # fmt: skip
    return CampaignOutcome(job_id="1", campaign="Sales", clients=(client,))


def cycle(folder: Path, label: str, now: datetime, *, windows_read: int = 0) -> bool:
    """Whether the host was asked in it."""
    backoff = HostBackoff(folder)
    asked = not backoff.hosts.find_resting([HOST], QUARTER, now)
    if asked:
        backoff.record([outcome(label, windows_read=windows_read)], HOSTS)
    backoff.save_cycle([SOURCE.address.origin], now)
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
    (path,) = (tmp_path / "hosts").iterdir()
    for content in ("", "{", "[]", '{"origin": "a", "silence": 1, "failures": 2}', '{"origin": "a", "silence": null}'):
        path.write_text(content, encoding="utf-8")
        assert not is_resting(tmp_path)


VALUES = {"cycles": 5, "since": NOON.isoformat(), "asked_at": NOON.isoformat(), "label": "dialer unreachable"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"cycles": "5"}, {"label": 5}, {"since": "2026-03-02T12:00:00"}, {"asked_at": "2026-03-02T12:00:00"},
        {"asked_at": "today"}, {"since": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_with_values_that_make_no_sense_asks_everybody(tmp_path: Path, wrong: dict[str, object]) -> None:
    write_failures(tmp_path, VALUES | wrong)
    assert not is_resting(tmp_path)
    assert asked_in(tmp_path, ["dialer unreachable"] * 3) == [0, 1, 2]


@pytest.mark.parametrize("died", ["2026-03-02T12:00:00", "today", 5])
def test_a_death_at_no_time_at_all_leaves_nobody_alone(tmp_path: Path, died: object) -> None:
    write_death(tmp_path, died)
    assert not is_alone(tmp_path)


def write_failures(folder: Path, failures: dict[str, object]) -> None:
    UnreachableHosts(folder).note_cycle(HOST, {DialerUnreachable.label}, NOON)
    (path,) = (folder / "hosts").iterdir()
    path.write_text(json.dumps({"origin": HOST, "silence": None, "failures": failures}), encoding="utf-8")


def write_death(folder: Path, died: object) -> None:
    (folder / "short-of-memory.json").write_text(json.dumps({"Sales": died}), encoding="utf-8")


def is_resting(folder: Path) -> bool:
    return bool(UnreachableHosts(folder).find_resting([HOST], QUARTER, NOON))


def is_alone(folder: Path, campaign: str = "Sales", now: datetime = NOON) -> bool:
    return HostBackoff(folder).campaigns_alone([campaign], now) == {campaign}


@pytest.mark.parametrize("far", ["2026-03-03T12:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_clock_that_was_wrong_for_a_while_makes_nobody_rest(tmp_path: Path, far: str) -> None:
    write_failures(tmp_path, VALUES)
    write_death(tmp_path, NOON.isoformat())
    assert (is_resting(tmp_path), is_alone(tmp_path)) == (True, True)
    write_failures(tmp_path, VALUES | {"asked_at": far})
    write_death(tmp_path, far)
    assert (is_resting(tmp_path), is_alone(tmp_path)) == (False, False)


@pytest.mark.parametrize("shift", [-3650, -1, -0.02, 0.02, 1, 3650])
@pytest.mark.parametrize("at", [5, 6, 8, 9, 12])
def test_a_clock_that_is_set_makes_nobody_rest_longer(tmp_path: Path, shift: float, at: int) -> None:
    """In each of these cycles it would rest for up to four, and rests no longer from the moment of the change."""
    label = DialerUnreachable.label
    asked = []
    for number in range(24):
        moment = NOON + number * QUARTER + (timedelta(days=shift) if number >= at else timedelta())
        if cycle(tmp_path, label, moment):
            asked.append(number)
    rests = {later: later - earlier for earlier, later in pairwise(asked)}
    assert max(rest - max(at - (later - rest), 0) for later, rest in rests.items() if later >= at) <= LONGEST
    assert asked[-1] > 18


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_forgiven_during_a_cycle_stays_forgiven(tmp_path: Path, asked: bool) -> None:
    write_failures(tmp_path, VALUES)
    write_death(tmp_path, NOON.isoformat())
    backoff = HostBackoff(tmp_path)
    UnreachableHosts(tmp_path).forget([HOST])
    if asked:
        backoff.record([outcome("dialer unreachable")], HOSTS)
    backoff.save_cycle([HOST], NOON)
    cycles = [json.loads(path.read_text())["failures"]["cycles"] for path in (tmp_path / "hosts").iterdir()]
    assert cycles == ([1] if asked else [])
    assert is_alone(tmp_path)
    backoff = HostBackoff(tmp_path)
    (tmp_path / "short-of-memory.json").unlink()
    backoff.save_cycle([HOST], NOON)
    assert not is_alone(tmp_path)


def test_whoever_forgives_in_vain_is_told(tmp_path: Path) -> None:
    write_failures(tmp_path, VALUES)
    (path,) = (tmp_path / "hosts").iterdir()
    path.unlink()
    path.mkdir()
    with pytest.raises(WarehouseUnusable, match="hosts"):
        UnreachableHosts(tmp_path).forget([HOST])


def test_a_row_with_the_wrong_scheme_does_not_make_the_right_one_rest(tmp_path: Path) -> None:
    assert asked_in(tmp_path, [DialerUnreachable.label] * 5) == [0, 1, 2, 3]
    right = source(address=replace(SOURCE.address, scheme="http"), source_key="1" * 32)
    assert right.host == SOURCE.host
    backoff, now = HostBackoff(tmp_path), NOON + 4 * QUARTER
    assert list(backoff.hosts.find_resting([HOST, right.address.origin], QUARTER, now)) == [HOST]
    asked, unread = exclude_unreachable(backoff, [SOURCE, right], SETTINGS, now)
    assert (asked, [outcome.clients[0].source.key for outcome in unread]) == ([right], [SOURCE.key])


def test_a_host_that_no_row_names_is_forgotten(tmp_path: Path) -> None:
    asked_in(tmp_path, [DialerUnreachable.label] * 5)
    backoff = HostBackoff(tmp_path)
    backoff.save_cycle([], NOON)
    assert list((tmp_path / "hosts").iterdir()) == []


def test_a_campaign_that_ran_out_of_memory_stays_alone_for_a_day(tmp_path: Path) -> None:
    backoff = HostBackoff(tmp_path)
    backoff.record([CampaignOutcome(job_id="1", campaign="Sales", short_of_memory=True)], {})
    backoff.save_cycle([], NOON)
    assert is_alone(tmp_path, now=NOON + timedelta(hours=23))
    assert not is_alone(tmp_path, now=NOON + timedelta(hours=25))
    assert not is_alone(tmp_path, "Support")
    HostBackoff(tmp_path).save_cycle([], NOON + timedelta(hours=25))
    assert json.loads((tmp_path / "short-of-memory.json").read_text()) == {}
