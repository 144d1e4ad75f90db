"""Progress of one client: its sealed windows, counts and notices, from which its outcome is made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from data_fetcher import Traffic
from errors import Label
from messages import ClientOutcome, Failure, HourCount, SealedWindow, Source, Window
from reading import notices
from reading.source_runs import Durations
from reading.windows import ReadPiece
from reports import REPORTS
from reports.masks import Masks


@dataclass(slots=True)
class ClientProgress:
    """Everything that reading a client has shown so far."""

    source: Source
    sealed: list[SealedWindow] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    warning: Label | None = None
    """The times of the calls are in doubt, although nothing failed."""
    unread: list[Window] = field(default_factory=list)
    windows_read: int = 0
    read_again: int = 0
    """Windows of another time zone, read in addition to the planned ones."""
    stuck: int = 0
    build: int | None = None
    traffic: Traffic = field(default_factory=Traffic)
    durations: Durations = field(default_factory=Durations)
    _mended: list[date] = field(default_factory=list)

    def add_piece(self, piece: ReadPiece) -> None:
        """Take a piece of a window as soon as it is sealed. A later piece may fail."""
        self.sealed.append(piece.sealed)
        most = REPORTS[self.source.report].MOST_RECORDS
        if piece.sealed.records >= most:
            self.notices.append(notices.record_limit(self.source.host, piece.sealed.window.day, most))

    def finish_window(self, window: Window, pieces: Sequence[ReadPiece]) -> None:
        """Count a window, and note what is wrong with its pieces."""
        if doubts := [(piece.sealed.window, piece.verdict.doubt) for piece in pieces if piece.verdict.doubt]:
            self.notices.append(notices.window_in_doubt(self.source.host, doubts))
        self._mended += [piece.sealed.window.day for piece in pieces if piece.verdict.mended]
        self.windows_read += sum(len(piece.sealed.window.hours) for piece in pieces) >= len(window.hours)

    def note_stuck_calls(self, hours: Sequence[HourCount]) -> None:
        """Count the calls that should have ended long ago. Hours read in this run count as they were shown.

        Args:
            hours: earlier counts of the hours with such calls, the oldest first.
        """
        shown = {
            (count.day, count.hour): count for sealed in self.sealed if not sealed.suspect for count in sealed.hours
        }
        still = [shown.get((count.day, count.hour), count) for count in hours]
        still = [count for count in still if count.in_progress]
        if still:
            self.stuck = sum(count.in_progress for count in still)
            self.notices.append(notices.stuck_calls(self.source.host, still))

    def note_days_in_other_zone(self, days: Collection[date], windows: Sequence[Window]) -> None:
        """Note how many days with calls of another time zone are still to be read.

        Args:
            days: all days with such calls.
            windows: all windows of this run.
        """
        if not days:
            return
        believed = {sealed.window for sealed in self.sealed if sealed.suspect is None}
        unread = {window.day for window in windows if window not in believed}
        left = set(days) - ({window.day for window in believed} - unread)
        self.notices.append(notices.other_zone(self.source.timezone, len(days), len(left)))

    def note_end(self, masks: Masks) -> None:
        """Note once per run what was mended, and what the dialer hides."""
        if self._mended:
            self.notices.append(notices.days_mended(self.source.host, self._mended))
        if hidden := masks.notice(self.source.host, self.source.username):
            self.notices.append(" ".join(hidden))

    def build_outcome(
        self, failure: Failure | None, *, planned: int, seconds: float, clock_gap: timedelta | None
    ) -> ClientOutcome:
        source = self.source
        return ClientOutcome(
            source=source.identity,
            failure=failure,
            warning=self.warning,
            stuck=self.stuck,
            windows_planned=planned + self.read_again,
            windows_read=self.windows_read,
            requests=self.traffic.requests,
            retries=self.traffic.retries,
            bytes_received=self.traffic.bytes_received,
            seconds=round(seconds, 3),
            download_seconds=round(self.durations.download, 3),
            parse_seconds=round(self.durations.parse, 3),
            notices=tuple(self.notices),
            clock_gap=clock_gap,
            build=self.build,
            host=source.host,
        )
