"""The form of the export page is asked for once a day and login, whatever comes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dialers.export_form import Choices
from dialers.export_form_cache import CachedChoices
from errors import DialerUnreachable, LoginRejected, ReportUnknown, RequestCancelled, SyncError
from tests.dialers.sources import source

FIRST, SECOND = Choices(("A", "Ä"), ("X",)), Choices(("A",), ())
ROW = source("http://127.0.0.1:9/vicidial/")


class Form:
    """A form that offers one thing after the other, and counts."""

    def __init__(self, *offers: Choices | SyncError | None) -> None:
        self.offers = list(offers)
        self.asked = 0

    def __call__(self) -> Choices | None:
        self.asked += 1
        offer = self.offers[min(self.asked, len(self.offers)) - 1]
        if isinstance(offer, SyncError):
            raise offer
        return offer


def make_older(folder: Path, change: Callable[[float], float]) -> None:
    (path,) = (folder / "choices").glob("*.json")
    known = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(known | {"asked_at": change(known["asked_at"])}), encoding="utf-8")


def test_names_are_remembered_for_a_day_and_shared_by_rows_of_one_login(tmp_path: Path) -> None:
    form = Form(FIRST, SECOND)
    for row in (ROW, ROW, replace(ROW, identity=replace(ROW.identity, key="1" * 32))):
        assert CachedChoices(tmp_path, row, form).refresh_daily() == FIRST
    assert form.asked == 1
    assert CachedChoices(tmp_path, replace(ROW, username="other"), form).refresh_daily() == SECOND
    made = CachedChoices(tmp_path, source("http://127.0.0.2:9/vicidial/"), form)
    assert made.refresh_daily() == SECOND
    assert form.asked == 3


@pytest.mark.parametrize("age", [lambda at: at - 90_000, lambda at: at + 90_000])
def test_names_of_another_day_are_asked_for_again_whichever_way_the_clock_went(
    tmp_path: Path, age: Callable[[float], float]
) -> None:
    form = Form(FIRST, SECOND)
    assert CachedChoices(tmp_path, ROW, form).refresh_daily() == FIRST
    make_older(tmp_path, age)
    later = CachedChoices(tmp_path, ROW, form)
    assert (later.refresh_daily(), later.before, form.asked) == (SECOND, FIRST, 2)


def test_where_calls_are_missing_names_count_for_an_hour_only(tmp_path: Path) -> None:
    form = Form(FIRST, SECOND)
    assert CachedChoices(tmp_path, ROW, form).refresh_hourly() == FIRST
    assert CachedChoices(tmp_path, ROW, form).refresh_hourly() == FIRST
    make_older(tmp_path, lambda at: at - 4_000)
    assert CachedChoices(tmp_path, ROW, form).refresh_daily() == FIRST
    assert CachedChoices(tmp_path, ROW, form).refresh_hourly() == SECOND


@pytest.mark.parametrize("offer", [None, DialerUnreachable("h", "x"), ReportUnknown("h", "x")])
def test_a_form_that_does_not_come_is_not_asked_for_again_the_same_day(tmp_path: Path, offer: SyncError | None) -> None:
    form = Form(offer, FIRST)
    assert CachedChoices(tmp_path, ROW, form).refresh_daily() is None
    assert CachedChoices(tmp_path, ROW, form).refresh_daily() is None
    assert form.asked == 1


def test_a_day_without_a_form_does_not_make_the_names_before_forgotten(tmp_path: Path) -> None:
    form = Form(FIRST, None, SECOND)
    for _ in range(3):
        last = CachedChoices(tmp_path, ROW, form)
        last.refresh_daily()
        make_older(tmp_path, lambda at: at - 90_000)
    assert (last.choices, last.before) == (SECOND, FIRST)


@pytest.mark.parametrize("error", [LoginRejected("h", "u", "NAME"), RequestCancelled("h")])
def test_a_refused_login_and_the_end_of_the_run_are_no_matter_of_the_form(tmp_path: Path, error: SyncError) -> None:
    with pytest.raises(type(error)):
        CachedChoices(tmp_path, ROW, Form(error)).refresh_daily()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"asked_at": "x", "now": 3, "before": null}', b"\xff"])
def test_a_damaged_file_costs_one_request(tmp_path: Path, content: bytes) -> None:
    CachedChoices(tmp_path, ROW, Form(FIRST)).refresh_daily()
    (path,) = (tmp_path / "choices").glob("*.json")
    path.write_bytes(content)
    assert CachedChoices(tmp_path, ROW, Form(SECOND)).refresh_daily() == SECOND


def test_each_row_is_told_once_and_again_when_it_or_the_names_change(tmp_path: Path) -> None:
    form = Form(FIRST, SECOND)
    rows = [
        ROW,
        ROW,
        replace(ROW, identity=replace(ROW.identity, key="1" * 32)),
        replace(ROW, parameters=(("group[]", "X"),)),
    ]
    told = []
    for row in rows:
        names = CachedChoices(tmp_path, row, form)
        names.refresh_daily()
        told.append(names.mark_compared())
    make_older(tmp_path, lambda at: at - 90_000)
    names = CachedChoices(tmp_path, rows[-1], form)
    names.refresh_daily()
    assert [*told, names.mark_compared()] == [True, False, True, True, True]
