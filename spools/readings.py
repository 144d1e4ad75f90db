"""Reads one window of one source into the spool, and believes no answer that other evidence contradicts.

A truncated export looks perfect: HTTP 200, cut at a record's end, correctly terminated, and the same request may be cut
at the same place again. So a first read, and an answer whose end is missing, is proven by another request: for what
lies behind its last call, one half alone, in the format that needs the fewest tables of the dialer.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import xxhash

from config import Settings
from data_fetcher import Dialer
from errors import AnswerBroken, DialerFailed, DialerTimeout, ReportUnknown, TransientError, full_disk_named
from frames import Frame
from messages import Credential, HourCount, SealedWindow, Window
from reports import REPORTS, Chunk
from reports.copies import counted_once
from reports.legs import INBOUND
from reports.texts import kept_as_it_came
from spools.files import WindowSpool, spool_directory
from spools.phones import Phones
from spools.proofs import Counts, lacks_its_end, legs_lacking, probes, shows_more
from spools.sizes import WindowSizes, halves_of
from utils import utc_now


@dataclass(slots=True)
class Durations:
    """Where the seconds of one source went."""

    download: float = 0.0
    parse: float = 0.0

    @contextmanager
    def counted(self, phase: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            setattr(self, phase, getattr(self, phase) + time.monotonic() - began)


@dataclass(slots=True)
class Reading:
    """One answer, typed and spooled."""

    spool: WindowSpool
    read_at: datetime
    digest: str = ""
    header: str = ""
    records: int = 0
    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    legs: Counter[tuple[date, int]] = field(default_factory=Counter)
    in_progress: Counter[tuple[date, int]] = field(default_factory=Counter)
    days: list[date] = field(default_factory=list)
    counts: Counts = field(default_factory=lambda: Counts(date.min))

    def add(self, chunk: Chunk) -> None:
        self.records += chunk.records
        self.rows += len(chunk.rows)
        self.duplicates += chunk.duplicates
        self.quarantined += len(chunk.quarantined)
        for count in chunk.hours:
            self.legs[count.day, count.hour] += count.legs
            self.in_progress[count.day, count.hour] += count.in_progress
        self.counts.add(chunk.hours)
        self.days += [day for day in (chunk.first_day, chunk.last_day) if day is not None]

    def tells_the_same_as(self, later: "Reading", window: Window) -> bool:
        """Byte for byte, or leg for leg but for new calls in the last hour: no dialer at work stays the same."""
        legs = [(self.legs[window.day, hour], later.legs[window.day, hour]) for hour in window.hours]
        grown = legs[-1][0] <= legs[-1][1] and all(before == after for before, after in legs[:-1])
        return self.digest == later.digest or grown

    def legs_in(self, window: Window) -> int:
        return sum(self.legs[window.day, hour] for hour in window.hours)

    def shows_hours_beyond(self, window: Window) -> bool:
        """Tell whether the dialer ignored the hours that it was asked for, as builds before 230622 do."""
        return any(legs and day == window.day and hour not in window.hours for (day, hour), legs in self.legs.items())

    @property
    def is_bare_header(self) -> bool:
        """An export that ends before its first record, which no dialer sends that has nothing to show."""
        return bool(self.digest) and not self.records

    def take_files(self, other: "Reading") -> None:
        """Keep the rows of another answer for the same window beside these; the counts stay."""
        self.spool.call_files += other.spool.call_files
        self.spool.quarantine_files += other.spool.quarantine_files
        self.records += other.records
        self.rows += other.rows
        self.duplicates += other.duplicates
        self.quarantined += other.quarantined
        self.days += other.days


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer that is kept for a window, and what is thought of it."""

    reading: Reading
    shortfall: int = 0
    """Legs that an earlier answer showed and this one does not, although it is whole."""
    suspect: str | None = None
    mended: str | None = None

    @property
    def is_cut(self) -> bool:
        """A smaller request may be answered whole."""
        return self.suspect in (CUT, BARE)


@dataclass(frozen=True, slots=True)
class Part:
    """What one request asks of a window: all of it, a half, or some names of a half."""

    half: str | None = None
    names: tuple[str, ...] = ()
    detail: str | None = None
    """None for the best that the dialer has."""


WHOLE = Part()
TOO_LARGE = (AnswerBroken, DialerFailed, DialerTimeout)
"""Failures that a smaller request may not meet."""
FRUITLESS_HOURS = 2
"""After so many single hours that could not be read, a dialer's trouble is not the size of what is asked."""
SILENT = "it has never shown a call of this row, and does not tell its build"
CUT, BARE = "its answer ends before the last call", "its answer ends behind the header row"


class SourceReader:
    """Reads the windows of one source, one after the other; remembers which level of detail its dialer has."""

    def __init__(
        self, dialer: Dialer, source: Credential, settings: Settings, *, spool_name: str, run_id: str,
        build: int | None, parsing: threading.Lock, clock_shift: timedelta, durations: Durations,
        phones: Phones, knows_hours: bool, has_shown_calls: bool, without_inbound: bool, may_go_on: Callable[[], bool],
    ) -> None:  # fmt: skip
        """Start to read a source.

        Args:
            knows_hours: the dialer's build answers the hours that it is asked for, not the whole day.
            has_shown_calls: an earlier run has read calls of this source.
            without_inbound: it has shown calls for days, and none of an in-group.
            may_go_on: whether there is time for a further piece of a window.
        """
        self._dialer = dialer
        self._source = source
        self._settings = settings
        self._report = REPORTS[source.report]
        self._details = self._report.details(build)
        self._run_id = run_id
        self._spool_name = spool_name
        self._answers = 0
        self._parsing = parsing
        self._clock_shift = clock_shift
        self._durations = durations
        self._phones = phones
        self.knows_hours = knows_hours
        self._without_inbound = without_inbound
        self._may_go_on = may_go_on
        self._is_understood = has_shown_calls or build is not None
        self._is_broken = False
        self._fruitless = 0
        self._sizes = WindowSizes(settings.data_dir, source.source_key)

    def read(self, window: Window, backfill_id: str | None) -> Iterator[SealedWindow]:
        """Read a window and seal it in the spool, in pieces where the dialer cannot answer it at once.

        Raises:
            ClientError, TransientError: something of the window could not be read; what is sealed stays.
        """
        failure: TransientError | None = None
        complete = True
        waiting = deque(self._sizes.pieces(window) if self._may_be_divided else [window])
        while waiting:
            piece = waiting.popleft()
            try:
                verdict = self._judge(piece)
            except TOO_LARGE as exc:
                smaller = self._smaller(piece)
                if not smaller:
                    failure, complete = failure or exc, False
                    self._fruitless += 1
                    if self._fruitless >= FRUITLESS_HOURS or not self._may_be_divided:
                        break
                waiting.extendleft(reversed(smaller))
                continue
            if verdict.is_cut and not self._is_broken and (smaller := self._smaller(piece)):
                verdict.reading.spool.discard()
                waiting.extendleft(replace(half, first_read=True) for half in reversed(smaller))  # each is proven
                continue
            self._note_success(piece, verdict)
            complete = complete and verdict.suspect is None
            sealed = self._sealed(verdict, piece, backfill_id, ends_plan=complete and not waiting)
            verdict.reading.spool.seal(sealed)
            yield sealed
            if waiting and not self._may_go_on():
                break
        if failure:
            raise failure

    @property
    def _may_be_divided(self) -> bool:
        """Not before the password has worked: a request that is not answered could have been a failed login."""
        return not self._report.whole_days_only() and self.knows_hours and not self._dialer.never_worked

    def _smaller(self, window: Window) -> tuple[Window, ...]:
        if not self._has_smaller(window) or self._fruitless >= FRUITLESS_HOURS:
            return ()
        self._sizes.shrink(window)
        return halves_of(window)

    def _note_success(self, window: Window, verdict: Verdict) -> None:
        self._fruitless = 0
        if verdict.is_cut:
            self._is_broken = True
        elif self._may_be_divided:
            self._sizes.grow(window)

    def _judge(self, window: Window) -> Verdict:
        """Read a window and decide whether the answer is believed."""
        first = self._answer(window)
        if not self._report.whole_days_only() and first.shows_hours_beyond(window):
            self.knows_hours = False
        if self._report.whole_days_only():
            return self._second_opinion(first, window) if first.legs_in(window) < window.known_legs else Verdict(first)
        if first.is_bare_header:
            return self._mend(first, window, BARE)
        shortfall = legs_lacking(window, first.counts, first.read_at)
        if not (window.first_read or window.doubted or lacks_its_end(window, first.counts)):
            return Verdict(first, shortfall)
        if not first.digest and not window.known_legs:
            return Verdict(first, suspect=None if self._is_understood else SILENT)
        if self._ends_too_early(first, window):
            return self._mend(first, window, CUT)
        return Verdict(first, shortfall)

    def _second_opinion(self, first: Reading, window: Window) -> Verdict:
        """Twice the same shorter answer of a report that shows its own end is believed."""
        second = self._answer(window)
        shown = first.legs_in(window), second.legs_in(window)
        if shown[1] >= window.known_legs or first.tells_the_same_as(second, window):
            first.spool.discard()
            return Verdict(second, max(window.known_legs - shown[1], 0))
        best, other = (first, second) if shown[0] > shown[1] else (second, first)
        other.spool.discard()
        return Verdict(best, suspect=f"{window.known_legs} calls before, now {shown[0]} and then {shown[1]}")

    def _ends_too_early(self, reading: Reading, window: Window) -> bool:
        """Ask for what lies behind the last call of an answer."""
        halves = self._report.halves(self._source)
        if self._without_inbound and len(halves) > 1:
            halves = halves[:1]
        for probe in probes(window, reading.counts, halves):
            behind = self._answer(
                replace(window, first_hour=probe.first_hour), (Part(half=probe.half, detail=self._details[-1]),)
            )
            behind.spool.discard()
            if behind.is_bare_header or shows_more(probe, window, reading.counts, behind.counts, reading.read_at):
                return True
        return False

    def _mend(self, first: Reading, window: Window, reason: str) -> Verdict:
        """Ask once more, then take the rows of the lowest level of detail rather than none: they stay in doubt."""
        if not window.doubted:
            second = self._answer(window)
            if not second.is_bare_header and not self._ends_too_early(second, window):
                first.spool.discard()
                return Verdict(second, mended=reason)
            second.spool.discard()
        if self._is_broken or not self._has_smaller(window):
            lowest = self._answer(window, (Part(detail=self._details[-1]),))
            if lowest.legs_in(window) > first.legs_in(window):
                lowest.take_files(first)
                return Verdict(lowest, suspect=reason)
            lowest.spool.discard()
        return Verdict(first, suspect=reason)

    def _has_smaller(self, window: Window) -> bool:
        return self._may_be_divided and window.first_hour < window.last_hour

    def _answer(self, window: Window, parts: tuple[Part, ...] = (WHOLE,)) -> Reading:
        """Ask once for each part and spool what came."""
        reading = self._empty_reading(window)
        try:
            for part in parts:
                self._read_part(reading, window, part)
        except TOO_LARGE:
            reading.spool.discard()
            smaller = self._smaller_parts(window, parts)
            if not smaller:
                raise
            return self._answer(window, smaller)
        except BaseException:
            reading.spool.discard()
            raise
        return reading

    def _smaller_parts(self, window: Window, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Return the parts of a single hour that cannot be had at once: its halves, then each campaign and in-group."""
        halves = self._report.halves(self._source)
        if window.first_hour < window.last_hour or not self._may_be_divided or parts[0].detail:
            return ()
        if parts == (WHOLE,) and len(halves) > 1:
            return tuple(Part(half=half) for half in halves)
        if any(part.names for part in parts):
            return ()
        names = {half: self._report.named(self._source, half) for half in halves}
        if not all(names.values()):
            return ()
        return tuple(Part(half=half, names=(name,)) for half in halves for name in names[half])

    def _empty_reading(self, window: Window) -> Reading:
        self._answers += 1
        spool = WindowSpool(
            spool_directory(self._settings.data_dir, self._run_id), f"{self._spool_name}-{self._answers}",
            lead_fields=self._settings.include_lead_fields,
        )  # fmt: skip
        return Reading(spool, utc_now() + self._clock_shift, counts=Counts(window.day))

    def _read_part(self, reading: Reading, window: Window, part: Part) -> None:
        name = f"{self._run_id}-{self._spool_name}-{self._answers}.download"
        path = self._settings.data_dir / "downloads" / name
        with full_disk_named(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._durations.counted("download"):
                came = self._downloaded(window, path, part)
            if came:
                with self._parsing, self._durations.counted("parse"):
                    self._spool(path, reading, window)
        finally:
            path.unlink(missing_ok=True)

    def _downloaded(self, window: Window, path: Path, part: Part) -> bool:
        """Download the export at the best level of detail that the dialer has; False if there are no calls."""
        while True:
            detail, *others = (part.detail,) if part.detail else self._details
            form = self._report.form(self._source, window, detail, half=part.half, names=part.names)
            if not self._dialer.download(self._report.PAGE, form, path):
                return False
            shown = self._report.shows(path)
            if shown is None:
                raise ReportUnknown(self._source.host, "an export with another header row")
            if shown == detail or others[:1] in ([], [shown]):
                return True
            self._details = tuple(others)  # the dialer does not know that level and has given its lowest

    def _spool(self, path: Path, reading: Reading, window: Window) -> None:
        """Type the answer chunk by chunk; one spool file per DB_BATCH_SIZE chunks."""
        reading.digest += _digest(path)
        reading.header = kept_as_it_came(self._report.header(path))
        for chunks in self._groups(path):
            for chunk in chunks:
                reading.add(chunk)
            reading.spool.write_calls([self._phones.stored(chunk.rows) for chunk in chunks])
            reading.spool.write_quarantine([self._quarantine(chunk.quarantined, reading, window) for chunk in chunks])

    def _groups(self, path: Path) -> Iterator[list[Chunk]]:
        settings = self._settings
        chunks = self._report.read(
            path, self._source, chunk_records=settings.batch_size, lead_fields=settings.include_lead_fields
        )
        counted = counted_once(chunks)
        while group := list(islice(counted, settings.db_batch_size)):
            yield group

    def _quarantine(self, quarantined: Frame, reading: Reading, window: Window) -> Frame:
        """The quarantined records of a chunk with where they came from."""
        source = self._source
        hashes = [
            xxhash.xxh3_128_hexdigest(f"{source.source_key}\x1f{record}".encode()) for record in quarantined["record"]
        ]
        found = quarantined.assign(
            record_hash=hashes,
            source_key=source.source_key,
            campaign=source.campaign,
            client_id=source.client_id,
            client_name=source.client_name,
            report=source.report,
            window_day=window.day,
            header=reading.header,
            seen_at=reading.read_at,
        )
        return self._phones.quarantined(found)

    def _sealed(self, verdict: Verdict, window: Window, backfill_id: str | None, *, ends_plan: bool) -> SealedWindow:
        reading = verdict.reading
        source = self._source
        return SealedWindow(
            source_key=source.source_key,
            campaign=source.campaign,
            client_id=source.client_id,
            client_name=source.client_name,
            report=source.report,
            timezone=source.timezone,
            window=window,
            read_at=reading.read_at,
            call_files=tuple(reading.spool.call_files),
            quarantine_files=tuple(reading.spool.quarantine_files),
            hours=tuple(
                HourCount(
                    day=window.day,
                    hour=hour,
                    legs=reading.legs[at],
                    in_progress=reading.in_progress[at],
                    inbound=reading.counts.of[INBOUND][hour],
                )
                for hour in (range(24) if self._report.whole_days_only() else window.hours)
                for at in [(window.day, hour)]
            ),
            records=reading.records,
            rows=reading.rows,
            duplicates=reading.duplicates,
            quarantined=reading.quarantined,
            first_day=min(reading.days, default=None),
            last_day=max(reading.days, default=None),
            shortfall=verdict.shortfall,
            suspect=verdict.suspect,
            mended=verdict.mended,
            ends_plan=ends_plan,
            backfill_id=backfill_id,
        )


def _digest(path: Path) -> str:
    """To see whether two answers are the same; identical requests give identical bytes."""
    with path.open("rb") as file:
        digest = xxhash.xxh3_128()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
