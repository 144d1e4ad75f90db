"""Who is asked less, and when as usual again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errors import DialerFailed, DialerUnreachable
from messages import CampaignOutcome, ClientOutcome
from schedules.troubles import Troubles
from tests.schedules.sources import source

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SOURCE = source()
HOSTS = {SOURCE.source_key: SOURCE.host}


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
    troubles.settle([SOURCE.host], now)
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
