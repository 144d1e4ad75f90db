"""Reading of one window of one source: in pieces that the dialer can answer, each judged and sealed in the spool."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dialers.visibility import explain_failure
from errors import DialerFailed, TransientError
from messages import HourCount, SealedWindow, Window
from reading.answers import AnswerReader
from reading.completeness import CompletenessJudge, Doubt, Reason, Verdict
from reading.parts import TOO_LARGE, Part
from reading.request_division import RequestDivider
from reading.source_runs import SourceRun
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from reports.legs import INBOUND
from reports.utc_offsets import Offsets


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """A piece of a window in the spool, and the judgement of its answer."""

    sealed: SealedWindow
    verdict: Verdict


class WindowReader:
    """Reader of the windows of one source, one after the other."""

    def __init__(self, run: SourceRun) -> None:
        self._run = run
        self._behaviour = run.behaviour
        self._divider = RequestDivider(run)
        self._answers = AnswerReader(run, self._divider)
        self._judge = CompletenessJudge(run, self._answers, self._divider)

    @property
    def offsets(self) -> Offsets:
        """Return the offsets from UTC of all calls so far."""
        return self._answers.offsets

    @property
    def knows_hours(self) -> bool:
        """Tell whether the dialer answers the hours of a request, not the whole day."""
        return self._behaviour.knows_hours

    @property
    def has_separate_days(self) -> bool:
        """Tell whether each request is about a whole day. An unread day then leaves no gap in another."""
        return self._run.report.whole_days_only()

    def read(self, window: Window) -> Iterator[ReadPiece]:
        """Read a window and seal it in the spool, in pieces if the dialer cannot answer it at once.

        Raises:
            ClientError, TransientError: a piece of the window could not be read. The sealed pieces stay.
        """
        self._prove_login(window)
        failure: TransientError | None = None
        mended: Reason | None = None
        complete = True
        waiting = deque(self._divider.split_window(window))
        while waiting:
            piece = waiting.popleft()
            try:
                verdict = self._judge.judge(piece)
            except TOO_LARGE as exc:
                smaller = self._divide_failed(piece, exc)
                if not smaller:
                    failure, complete = failure or exc, False
                    if self._behaviour.is_size_no_cause or not self._divider.may_divide_hours:
                        break
                waiting.extendleft(reversed(smaller))
                continue
            if smaller := self._divide_cut(piece, verdict):
                mended = verdict.doubt.reason if verdict.doubt else None
                waiting.extendleft(replace(half, first_read=True) for half in reversed(smaller))  # each is proven
                continue
            self._note_answer(piece, verdict)
            complete = complete and verdict.doubt is None
            mended = mended or verdict.mended
            is_last = complete and not waiting
            yield self._seal(replace(verdict, mended=mended if is_last else None), piece, ends_plan=is_last)
            if waiting and not self._run.may_go_on():
                break
        if failure:
            raise failure

    def look_at(self, window: Window) -> None:
        """Ask for a window and keep only the offset of its calls."""
        self._answers.ask(window).spool.discard()

    def seal_unread(self, window: Window) -> SealedWindow:
        """Seal an unreadable window as one in doubt, without any call."""
        verdict = Verdict(self._answers.start_answer(window), doubt=Doubt.from_reason(Reason.UNREAD))
        return self._seal(verdict, window, ends_plan=False).sealed

    def _prove_login(self, window: Window) -> None:
        """Ask for one hour, if the dialer did not answer an earlier run and the reason could not be known.

        Raises:
            ClientError, TransientError: the dialer refuses the login, or does not answer that either.
        """
        if self._run.dialer.was_unanswered and not self._run.report.whole_days_only():
            hour = replace(window, last_hour=window.first_hour)
            self._answers.ask(hour, (Part(detail=self._answers.lowest_detail),)).spool.discard()

    def _divide_failed(self, piece: Window, exc: TransientError) -> tuple[Window, ...]:
        """Divide an unreadable piece. None if the size of the request is not the cause."""
        self._behaviour.has_failed = self._behaviour.has_failed or isinstance(exc, DialerFailed)
        self._refuse_empty_choice(exc)
        smaller = self._divider.halve(piece)
        if not smaller:
            self._behaviour.unreadable_hours += 1
        return smaller

    def _refuse_empty_choice(self, exc: TransientError) -> None:
        """Raise an error if the login sees nothing of the row's choice. Smaller requests would not help."""
        if isinstance(exc, DialerFailed) and self._run.report.NAME == CALL_REPORT_EXPORT:
            names = self._run.names
            choices = names.choices if names.were_asked_now else names.refresh_now()
            cause = explain_failure(self._run.source, choices) if choices else None
            if cause:
                raise cause

    def _divide_cut(self, piece: Window, verdict: Verdict) -> tuple[Window, ...]:
        """Divide a piece with a cut answer, and discard the answer. None if the answer is kept."""
        if not verdict.is_cut or self._behaviour.cuts_small_answers:
            return ()
        smaller = self._divider.halve(piece)
        if smaller:
            verdict.answer.spool.discard()
        return smaller

    def _note_answer(self, piece: Window, verdict: Verdict) -> None:
        self._behaviour.unreadable_hours = 0
        if verdict.is_cut:
            self._behaviour.cuts_small_answers = True
        else:
            self._divider.note_whole_answer(piece)

    def _seal(self, verdict: Verdict, window: Window, *, ends_plan: bool) -> ReadPiece:
        sealed = self._build_sealed_window(verdict, window, ends_plan=ends_plan)
        verdict.answer.spool.seal(sealed)
        return ReadPiece(sealed, verdict)

    def _build_sealed_window(self, verdict: Verdict, window: Window, *, ends_plan: bool) -> SealedWindow:
        answer, source = verdict.answer, self._run.source
        return SealedWindow(
            source=source.identity,
            report=source.report,
            timezone=source.timezone,
            window=window,
            read_at=answer.read_at,
            call_files=tuple(answer.spool.call_files),
            quarantine_files=tuple(answer.spool.quarantine_files),
            hours=tuple(
                HourCount(
                    day=window.day,
                    hour=hour,
                    legs=answer.legs[at],
                    in_progress=answer.in_progress[at],
                    inbound=answer.counts.of[INBOUND][hour],
                )
                for hour in (range(24) if self._run.report.whole_days_only() else window.hours)
                for at in [(window.day, hour)]
            ),
            records=answer.records,
            rows=answer.rows,
            duplicates=answer.duplicates,
            quarantined=answer.quarantined,
            first_day=min(answer.days, default=None),
            last_day=max(answer.days, default=None),
            shortfall=verdict.shortfall,
            suspect=verdict.doubt.text if verdict.doubt else None,
            mended=verdict.mended.value if verdict.mended else None,
            ends_plan=ends_plan,
            backfill_id=self._run.backfill_id,
        )
