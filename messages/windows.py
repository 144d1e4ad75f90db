"""Windows: the hours to read, and the counts of a read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from messages.sources import SourceIdentity

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Moment of reading for an hour with nothing but answers in doubt."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Difference of two clocks that both count as right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of one local day, ``first_hour`` to ``last_hour`` inclusive. In UTC: ``since`` ≤ t < ``until``."""

    day: date
    first_hour: int
    last_hour: int
    since: datetime
    until: datetime
    known_legs: int = 0
    """Call legs of the last complete read of these hours. Fewer now are suspect."""
    first_read: bool = False
    """True if one of these hours was never read. Only other evidence can then prove the answer complete."""
    known: tuple["HourCount", ...] = ()
    """Counts of the last complete read of its hours, as far as they were read before."""
    doubted: bool = False
    """True if an earlier answer for one of these hours was not believed."""

    @property
    def hours(self) -> range:
        return range(self.first_hour, self.last_hour + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCount:
    """Distinct call legs of one read of one local hour, and those in progress."""

    day: date
    hour: int
    legs: int
    in_progress: int
    inbound: int | None = None
    """Legs of in-groups. None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRead:
    """The last read of a source's local hour. Plans and shortfall checks depend on it."""

    source_key: str
    day: date
    hour: int
    legs: int
    in_progress: int
    read_at: datetime
    timezone: str | None
    """Zone for the times of its calls. None for a read by an older version."""
    inbound: int | None = None
    """Legs of in-groups. None for a read by an older version."""
    doubt: str | None = None
    """Reason to distrust the last answer. ``legs`` and ``read_at`` are then of the last believed one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOffset:
    """The distance of a dialer's wall clock from UTC, by the uniqueids of its calls."""

    moment: datetime
    """Start of the latest of these calls."""
    offset: timedelta
    """The wall clock less UTC."""
    calls: int
    """Calls that agree on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A complete Parquet file in the spool."""

    path: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedWindow:
    """A window read and spooled as a whole: the unit of commit. records = rows + duplicates + quarantined."""

    source: SourceIdentity
    report: str
    timezone: str
    window: Window
    read_at: datetime
    """Moment of the request. Calls after it are not covered."""
    call_files: tuple[SpoolFile, ...] = ()
    quarantine_files: tuple[SpoolFile, ...] = ()
    hours: tuple[HourCount, ...] = ()
    """Every hour of the window, even without calls, and further hours in the answer."""
    records: int = 0
    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    first_day: date | None = None
    last_day: date | None = None
    """Bounds of call_date over the rows. None without rows."""
    shortfall: int = 0
    """Legs of an earlier read that this one, twice the same, does not show."""
    suspect: str | None = None
    """Reason to distrust the answer. Its rows are kept, and its hours do not count as read."""
    ends_plan: bool = True
    """False for a piece of a planned window before its last one, or if a piece is missing."""
    mended: str | None = None
    """Cut of the first answer for a planned window, noted in its last piece once all pieces are whole."""
    backfill_id: str | None = None
