"""One answer of a dialer, typed and spooled, with its counts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from messages import Window
from reading.parts import Part
from reading.proofs import Counts
from reports import Chunk
from spool.files import WindowSpool


@dataclass(slots=True)
class SpooledAnswer:
    """The rows of one answer in the spool, and everything counted on the way."""

    spool: WindowSpool
    read_at: datetime
    parts: tuple[Part, ...] = ()
    is_bare: bool = False
    """An export ended before its first record. No dialer without calls sends one."""
    largest: int = 0
    """Records of the largest of its parts."""
    digest: str = ""
    records: int = 0
    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    shortened: int = 0
    """Records longer than MAX_RECORD_KB."""
    legs: Counter[tuple[date, int]] = field(default_factory=Counter)
    in_progress: Counter[tuple[date, int]] = field(default_factory=Counter)
    days: list[date] = field(default_factory=list)
    counts: Counts = field(default_factory=lambda: Counts(date.min))

    def add(self, chunk: Chunk) -> None:
        self.records += chunk.records
        self.rows += chunk.table.num_rows
        self.duplicates += chunk.duplicates
        self.quarantined += len(chunk.quarantined)
        for count in chunk.hours:
            self.legs[count.day, count.hour] += count.legs
            self.in_progress[count.day, count.hour] += count.in_progress
        self.counts.add(chunk.hours)
        self.days += [day for day in (chunk.first_day, chunk.last_day) if day is not None]

    def agrees_with(self, later: "SpooledAnswer", window: Window) -> bool:
        """Tell whether a later answer is the same, byte for byte or leg for leg.

        New calls in the last hour are no difference, because no dialer at work stays the same.
        """
        legs = [(self.legs[window.day, hour], later.legs[window.day, hour]) for hour in window.hours]
        grown = legs[-1][0] <= legs[-1][1] and all(before == after for before, after in legs[:-1])
        return self.digest == later.digest or grown

    def legs_in(self, window: Window) -> int:
        return sum(self.legs[window.day, hour] for hour in window.hours)

    def shows_hours_beyond(self, window: Window) -> bool:
        """Tell whether the dialer ignored the hours of the request, as builds before 230622 do."""
        return any(legs and day == window.day and hour not in window.hours for (day, hour), legs in self.legs.items())

    def add_files_of(self, other: "SpooledAnswer") -> None:
        """Keep the rows of another answer for the same window beside these. The counts of hours stay."""
        self.spool.call_files += other.spool.call_files
        self.spool.quarantine_files += other.spool.quarantine_files
        self.records += other.records
        self.rows += other.rows
        self.duplicates += other.duplicates
        self.quarantined += other.quarantined
        self.days += other.days
