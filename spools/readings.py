"""Reads one window of one source into the spool, and does not believe an answer that shows less than before.

A truncated export looks perfect: HTTP 200, cut at a record's end, correctly terminated. So a window that showed more
calls earlier is read again, and one that is read for the first time is proven complete by asking for its tail.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import xxhash

from config import Settings
from data_fetcher import Dialer
from errors import ReportUnknown, full_disk_named
from frames import Frame
from messages import Credential, HourCount, SealedWindow, Window
from reports import REPORTS, Chunk
from reports.texts import kept_as_it_came
from spools.files import WindowSpool, spool_directory
from spools.phones import Phones
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
    last_inbound_hour: int = -1

    def add(self, chunk: Chunk) -> None:
        self.records += chunk.records
        self.rows += len(chunk.rows)
        self.duplicates += chunk.duplicates
        self.quarantined += len(chunk.quarantined)
        for count in chunk.hours:
            self.legs[count.day, count.hour] += count.legs
            self.in_progress[count.day, count.hour] += count.in_progress
        self.days += [day for day in (chunk.first_day, chunk.last_day) if day is not None]
        self.last_inbound_hour = max(self.last_inbound_hour, chunk.last_inbound_hour)

    def tells_the_same_as(self, later: "Reading", window: Window) -> bool:
        """Byte for byte, or leg for leg but for new calls in the last hour: no dialer at work stays the same."""
        legs = [(self.legs[window.day, hour], later.legs[window.day, hour]) for hour in window.hours]
        grown = legs[-1][0] <= legs[-1][1] and all(before == after for before, after in legs[:-1])
        return self.digest == later.digest or grown

    def legs_in(self, window: Window) -> int:
        return sum(self.legs[window.day, hour] for hour in window.hours)


class SourceReader:
    """Reads the windows of one source, one after the other; remembers which level of detail its dialer has."""

    def __init__(
        self, dialer: Dialer, source: Credential, settings: Settings, *, spool_name: str, run_id: str,
        build: int | None, parsing: threading.Lock, clock_shift: timedelta, durations: Durations,
        phones: Phones,
    ) -> None:  # fmt: skip
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

    def read(self, window: Window, backfill_id: str | None) -> SealedWindow:
        """The window, sealed in the spool; what it showed earlier decides whether one answer is enough.

        Raises:
            ClientError, TransientError: the window could not be read; nothing of it is sealed.
        """
        reading, shortfall, suspect = self._believed(window)
        sealed = self._sealed(reading, window, shortfall, suspect, backfill_id)
        reading.spool.seal(sealed)
        return sealed

    def _believed(self, window: Window) -> tuple[Reading, int, str | None]:
        """An answer, by how many legs it is short for good, and why it is not believed."""
        first = self._answer(window)
        if first.legs_in(window) < window.known_legs:
            return self._second_opinion(first, window)
        if window.first_read and first.digest and not self._report.whole_days_only():
            return self._with_proven_end(first, window)
        return first, 0, None

    def _second_opinion(self, first: Reading, window: Window) -> tuple[Reading, int, str | None]:
        """Twice the same shorter answer is believed: lists are deleted, calls are archived or get a hidden status."""
        second = self._answer(window)
        shown = first.legs_in(window), second.legs_in(window)
        if shown[1] >= window.known_legs or first.tells_the_same_as(second, window):
            first.spool.discard()
            return second, max(window.known_legs - shown[1], 0), None
        best, other = (first, second) if shown[0] > shown[1] else (second, first)
        other.spool.discard()
        return best, 0, f"{window.known_legs} calls before, now {shown[0]} and then {shown[1]}"

    def _with_proven_end(self, first: Reading, window: Window) -> tuple[Reading, int, str | None]:
        """Outbound calls come first, then inbound, each by time: a cut answer lacks what its tail request shows.

        Without any inbound call, those of every hour may be missing, and the tail is the whole window.
        """
        tail_window = replace(window, first_hour=max(first.last_inbound_hour, window.first_hour))
        tail = self._answer(tail_window)
        tail.spool.discard()
        if tail.legs_in(tail_window) <= first.legs_in(tail_window):
            return first, 0, None
        second = self._answer(window)
        if second.legs_in(window) > first.legs_in(window) and second.legs_in(tail_window) >= tail.legs_in(tail_window):
            first.spool.discard()
            return second, 0, None
        second.spool.discard()
        return first, 0, "the answer ends before its last call, as a later request shows"

    def _answer(self, window: Window) -> Reading:
        """Ask once and spool what came."""
        self._answers += 1
        name = f"{self._spool_name}-{self._answers}"
        path = self._settings.data_dir / "downloads" / f"{self._run_id}-{name}.download"
        with full_disk_named(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        spool = WindowSpool(
            spool_directory(self._settings.data_dir, self._run_id), name, lead_fields=self._settings.include_lead_fields
        )
        reading = Reading(spool, utc_now() + self._clock_shift)
        try:
            with self._durations.counted("download"):
                came = self._downloaded(window, path)
            if came:
                with self._parsing, self._durations.counted("parse"):
                    self._spool(path, reading, window)
        except BaseException:
            spool.discard()
            raise
        finally:
            path.unlink(missing_ok=True)
        return reading

    def _downloaded(self, window: Window, path: Path) -> bool:
        """The export at the best level of detail that the dialer has; False if there are no calls."""
        while True:
            detail, *others = self._details
            if not self._dialer.download(self._report.PAGE, self._report.form(self._source, window, detail), path):
                return False
            shown = self._report.shows(path)
            if shown is None:
                raise ReportUnknown(self._source.host, "an export with another header row")
            if shown == detail or others[:1] in ([], [shown]):
                return True
            self._details = tuple(others)  # the dialer does not know that level and has given its lowest

    def _spool(self, path: Path, reading: Reading, window: Window) -> None:
        """Type the answer chunk by chunk; one spool file per DB_BATCH_SIZE chunks."""
        reading.digest = _digest(path)
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
        while group := list(islice(chunks, settings.db_batch_size)):
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

    def _sealed(
        self, reading: Reading, window: Window, shortfall: int, suspect: str | None, backfill_id: str | None
    ) -> SealedWindow:
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
                HourCount(day=window.day, hour=hour, legs=reading.legs[at], in_progress=reading.in_progress[at])
                for hour in (range(24) if self._report.whole_days_only() else window.hours)
                for at in [(window.day, hour)]
            ),
            records=reading.records,
            rows=reading.rows,
            duplicates=reading.duplicates,
            quarantined=reading.quarantined,
            first_day=min(reading.days, default=None),
            last_day=max(reading.days, default=None),
            shortfall=shortfall,
            suspect=suspect,
            backfill_id=backfill_id,
        )


def _digest(path: Path) -> str:
    """To see whether two answers are the same; identical requests give identical bytes."""
    with path.open("rb") as file:
        digest = xxhash.xxh3_128()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
