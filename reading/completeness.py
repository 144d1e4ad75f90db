"""The decision whether an answer is believed.

A truncated export looks perfect: HTTP 200, cut at a record's end, correctly terminated. The same request may be cut at
the same place again. An answer is therefore believed only if no other evidence contradicts it:

- A report that shows its own end (``user_stats``) is believed, unless it has fewer calls than before. Then it is asked
  again, and believed if it says the same twice.
- An export is believed at once if it shows the last calls that an earlier answer had. A lack elsewhere is counted as a
  shortfall.
- A first read, an answer in doubt before, and an answer without its end are proven by other requests: for the calls
  behind the last one, one half alone, in the format that needs the fewest tables of the dialer.
- An answer that fails its proof is asked for again, then in smaller parts. If nothing helps, its rows are kept, and the
  window stays in doubt. It is read again in every cycle.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from messages import Window
from reading.answers import AnswerReader
from reading.parts import ALL_AT_ONCE, TOO_LARGE, Part
from reading.proofs import (
    CutSize,
    Probe,
    lacks_its_end,
    legs_lacking,
    probes,
    shows_all_of,
    shows_less,
    shows_more,
)
from reading.request_division import RequestDivider
from reading.source_runs import SourceRun
from reading.spooled_answers import SpooledAnswer


class Reason(Enum):
    """A reason to distrust an answer, with its text for people."""

    CUT = "its answer ends before the last call"
    BARE = "its answer ends behind the header row"
    FEWER = "fewer calls than before"
    SILENT = "it has never shown a call of this row, and does not tell its build"
    LONG_RECORD = "a record is longer than MAX_RECORD_KB; its beginning is in the quarantine"
    UNREAD = "it could not be read when the dialer showed other days"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to distrust an answer, and the text that the warehouse keeps of it."""

    reason: Reason
    text: str

    @classmethod
    def from_reason(cls, reason: Reason) -> "Doubt":
        return cls(reason, reason.value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to keep for a window, and the judgement of it."""

    answer: SpooledAnswer
    shortfall: int = 0
    """Legs that an earlier answer showed and this whole one does not."""
    doubt: Doubt | None = None
    """Reason not to believe the answer."""
    mended: Reason | None = None
    """Defect of the first answer. A later one was whole."""

    @property
    def is_cut(self) -> bool:
        """Tell whether a smaller request may be answered whole."""
        return self.doubt is not None and self.doubt.reason in (Reason.CUT, Reason.BARE)


class CompletenessJudge:
    """Judge of the answers of one source."""

    def __init__(self, run: SourceRun, answers: AnswerReader, divider: RequestDivider) -> None:
        self._run = run
        self._behaviour = run.behaviour
        self._report = run.report
        self._answers = answers
        self._divider = divider
        self._is_understood = run.has_shown_calls or run.build is not None
        self._cut_size = CutSize()

    def judge(self, window: Window) -> Verdict:
        """Read a window and decide whether the answer is believed.

        Raises:
            ClientError, TransientError: the window could not be read.
        """
        verdict = self._judge_day(window) if self._report.whole_days_only() else self._judge_export(window)
        if verdict.answer.shortened and not verdict.doubt:
            return replace(verdict, doubt=Doubt.from_reason(Reason.LONG_RECORD))
        return verdict

    def _judge_day(self, window: Window) -> Verdict:
        """Judge a report with an end of its own. A second answer confirms or replaces a shorter one."""
        first = self._answers.ask(window)
        if first.legs_in(window) >= window.known_legs:
            return Verdict(first)
        second = self._answers.ask(window)
        shown = first.legs_in(window), second.legs_in(window)
        if shown[1] >= window.known_legs or first.agrees_with(second, window):
            first.spool.discard()
            return Verdict(second, max(window.known_legs - shown[1], 0))
        best, other = (first, second) if shown[0] > shown[1] else (second, first)
        other.spool.discard()
        text = f"{window.known_legs} calls before, now {shown[0]} and then {shown[1]}"
        return Verdict(best, doubt=Doubt(Reason.FEWER, text))

    def _judge_export(self, window: Window) -> Verdict:
        first = self._answers.ask(window)
        if first.shows_hours_beyond(window):
            self._behaviour.knows_hours = False
        if first.is_bare:
            return self._mend(first, window, Reason.BARE)
        shortfall = legs_lacking(window, first.counts, first.read_at)
        lacks = lacks_its_end(window, first.counts) or (first.parts != ALL_AT_ONCE and bool(shortfall))
        if not (window.first_read or window.doubted or lacks):
            return Verdict(first, shortfall)
        if not first.digest and not window.known_legs:
            return Verdict(first, doubt=None if self._is_understood else Doubt.from_reason(Reason.SILENT))
        if self._ends_too_early(first, window):
            return self._mend(first, window, Reason.CUT)
        return Verdict(first, shortfall)

    def _ends_too_early(self, answer: SpooledAnswer, window: Window) -> bool:
        """Ask for the calls behind the last one of an answer."""
        for probe, parts in self._plan_proofs(answer, window):
            lowest = tuple(replace(part, detail=self._answers.lowest_detail) for part in parts)
            behind = self._answers.ask(replace(window, first_hour=probe.first_hour), lowest)
            behind.spool.discard()
            if behind.is_bare or shows_more(probe, window, answer.counts, behind.counts, answer.read_at):
                self._cut_size.note(answer.largest)
                return True
            if self._cut_size.may_have_cut(behind.largest) and self._cut_size.may_have_cut(answer.largest):
                return True
        self._cut_size.forget_if_passed(answer.largest)
        return False

    def _plan_proofs(self, answer: SpooledAnswer, window: Window) -> Iterator[tuple[Probe, tuple[Part, ...]]]:
        """Yield the proofs of an answer, with the parts to ask for. Each part of an answer could have been cut."""
        halves = self._report.halves(self._run.source)
        if answer.parts != ALL_AT_ONCE:
            for half in halves:
                parts = tuple(part for part in answer.parts if part.half in (None, half))
                yield Probe(half, window.first_hour), parts
            return
        if self._run.without_inbound and len(halves) > 1:
            halves = halves[:1]
        for probe in probes(window, answer.counts, halves):
            part = Part(half=probe.half)
            first_hour = probe.first_hour if self._behaviour.knows_hours else 0
            shows_all = shows_all_of(answer.counts, probe, first_hour)
            yield probe, self._divider.divide_part(part) if shows_all else (part,)

    def _mend(self, first: SpooledAnswer, window: Window, reason: Reason) -> Verdict:
        """Ask again, then in parts. Else keep the rows of the lowest level of detail, and leave the window in doubt."""
        if not window.doubted:
            second = self._answers.ask(window)
            if not second.is_bare and not self._ends_too_early(second, window):
                first.spool.discard()
                return Verdict(second, mended=reason)
            second.spool.discard()
        is_smallest = not self._divider.can_halve(window)
        if not self._behaviour.cuts_small_answers and is_smallest and (finer := self._read_in_parts(window, first)):
            first.spool.discard()
            return Verdict(finer, mended=reason)
        if self._behaviour.cuts_small_answers or not self._divider.can_halve(window):
            lowest = self._answers.ask(window, (Part(detail=self._answers.lowest_detail),))
            if lowest.legs_in(window) > first.legs_in(window):
                lowest.add_files_of(first)
                return Verdict(lowest, doubt=Doubt.from_reason(reason))
            lowest.spool.discard()
        return Verdict(first, doubt=Doubt.from_reason(reason))

    def _read_in_parts(self, window: Window, first: SpooledAnswer) -> SpooledAnswer | None:
        """Read a cut window in parts of fewer calls. None if these are no better."""
        parts = self._divider.smaller_parts(window, ALL_AT_ONCE)
        with suppress(*TOO_LARGE):
            while parts:
                answer = self._answers.ask(window, parts)
                is_less = answer.is_bare or shows_less(answer.counts, first.counts)
                if not is_less and not self._ends_too_early(answer, window):
                    return answer
                answer.spool.discard()
                parts = () if is_less else self._divider.smaller_parts(window, answer.parts)
        return None
