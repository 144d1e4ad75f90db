"""A cut is one at the end of an answer: no cut passes, and nothing that is whole is taken for one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from messages import HourCount, Window
from reading.proofs import Counts, CutSize, lacks_its_end, legs_lacking, probes, shows_more
from reports.legs import INBOUND, OUTBOUND

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
LATER = MIDNIGHT + timedelta(days=3)
HALVES = (OUTBOUND, INBOUND)
Places = list[tuple[str, int]]
"""Calls of a day in the order of an answer: half and hour of each."""


def in_order(calls: Places) -> Places:
    return sorted(calls, key=lambda call: (call[0] == INBOUND, call[1]))


answers = st.lists(st.tuples(st.sampled_from(HALVES), st.integers(0, 23)), min_size=1, max_size=40).map(in_order)


def counts_of(calls: Places) -> Counts:
    counts = Counts(DAY)
    for half, hour in calls:
        counts.of[half][hour] += 1
    return counts


def hours_of(calls: Places) -> tuple[HourCount, ...]:
    counts = counts_of(calls)
    return tuple(
        HourCount(
            day=DAY, hour=hour, legs=counts.of[OUTBOUND][hour] + counts.of[INBOUND][hour], in_progress=0,
            inbound=counts.of[INBOUND][hour],
        )
        for hour in range(24)
    )  # fmt: skip


def window(calls: Places = ()) -> Window:  # type: ignore[assignment] # nothing is known then
    until = MIDNIGHT + timedelta(days=1)
    known = hours_of(calls) if calls else ()
    return Window(day=DAY, first_hour=0, last_hour=23, since=MIDNIGHT, until=until, known=known, known_legs=len(calls))


def is_found_cut(shown: Places, whole: Places, *, behind_is_cut_to: int = 1000) -> bool:
    """Ask a dialer for each proof as the reader does; it may cut the proof, too."""
    first = counts_of(shown)
    for probe in probes(window(), first, HALVES):
        behind = [call for call in whole if call[0] == probe.half and call[1] >= probe.first_hour]
        if shows_more(probe, window(), first, counts_of(behind[:behind_is_cut_to]), LATER):
            return True
    return False


@given(answers, st.data())
def test_every_cut_is_found_by_what_lies_behind_it(whole: Places, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(whole) - 1))
    assert is_found_cut(whole[:kept], whole)


@given(answers)
def test_a_whole_answer_is_never_taken_for_a_cut_one(whole: Places) -> None:
    assert not is_found_cut(whole, whole)
    assert not lacks_its_end(window(whole), counts_of(whole))


@given(answers, st.data())
def test_a_cut_between_the_halves_is_found_although_its_proof_is_cut_as_well(
    whole: Places, data: st.DataObject
) -> None:
    outbound = [call for call in whole if call[0] == OUTBOUND]
    if len(outbound) < len(whole):
        kept = data.draw(st.integers(0, len(outbound)))
        assert is_found_cut(whole[:kept], whole, behind_is_cut_to=data.draw(st.integers(1, 5)))


@given(answers, answers, st.data())
def test_new_calls_before_the_cut_do_not_hide_it(known: Places, new: Places, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(known) - 1))
    last = known[kept]
    before = [call for call in in_order([*known[:kept], *new]) if in_order([call, last])[0] == call and call != last]
    assert lacks_its_end(window(known), counts_of(before))


@given(answers, st.data())
def test_what_is_missing_in_the_middle_is_no_cut_and_is_counted(whole: Places, data: st.DataObject) -> None:
    earlier = [call for call in whole if call != whole[-1]]
    if earlier:
        gone = data.draw(st.sampled_from(earlier))
        shown = [call for call in whole if call != gone]
        assert not lacks_its_end(window(whole), counts_of(shown))
        assert legs_lacking(window(whole), counts_of(shown), LATER) == whole.count(gone)


def test_calls_of_later_hours_prove_what_comes_before_them() -> None:
    """A dialer that knows no hours shows the whole day for any of them."""
    shown = counts_of([(OUTBOUND, 9), (INBOUND, 14)])
    assert list(probes(replace(window(), last_hour=11), shown, HALVES)) == []
    assert [probe.half for probe in probes(replace(window(), last_hour=14), shown, HALVES)] == [INBOUND]
    assert [probe.half for probe in probes(replace(window(), last_hour=8), counts_of([(OUTBOUND, 9)]), HALVES)] == [
        INBOUND
    ]


def test_the_running_hour_proves_nothing() -> None:
    running = MIDNIGHT + timedelta(hours=23, minutes=30)
    shown = counts_of([(OUTBOUND, 9), (INBOUND, 10)])
    for hour, proves in ((22, True), (23, False)):
        (probe,) = probes(window(), shown, HALVES)
        behind = counts_of([(INBOUND, 10), (INBOUND, hour)])
        assert shows_more(probe, window(), shown, behind, running) is proves


def test_an_answer_about_as_large_as_one_that_was_cut_proves_nothing() -> None:
    size = CutSize()
    assert not size.may_have_cut(100)
    size.note(0)
    assert not size.may_have_cut(0)
    size.note(110)
    size.note(100)
    size.note(105)
    assert [size.may_have_cut(records) for records in (79, 80, 100, 125, 126)] == [False, True, True, True, False]
    size.forget_if_passed(125)
    assert size.may_have_cut(100)
    size.forget_if_passed(126)
    assert not size.may_have_cut(100)
