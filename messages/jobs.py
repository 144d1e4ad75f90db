"""Jobs: the work of a worker process."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from messages.sources import Source
from messages.windows import HourCount, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientJob:
    """One source and its windows to read, the most urgent first."""

    source: Source
    windows: tuple[Window, ...]
    rereads: tuple[Window, ...] = ()
    """Windows of another time zone, to be read after the others unless the dialer's clock contradicts the row."""
    has_shown_calls: bool = False
    """True if an earlier read had calls: the dialer is known to answer such requests with calls."""
    without_inbound: bool = False
    """True if it has shown calls for days, and none of an in-group."""
    stuck: tuple[HourCount, ...] = ()
    """Hours of the last days with calls in progress for longer than any call lasts, the oldest first."""
    days_in_other_zone: frozenset[date] = frozenset()
    """Days with call times of another zone, in any of these windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignJob:
    """The unit of work of the pool, read by one worker process."""

    job_id: str
    """Unique in its run, and fit for a file name."""
    run_id: str
    campaign: str
    clients: tuple[ClientJob, ...]
    no_new_window_after: datetime
    """Moment after which a worker starts no window. The next cycle plans the rest again."""
    backfill_id: str | None = None
    alone: bool = False
    """True after a lack of memory: it runs alone and reads one client at a time."""
    forgotten: frozenset[str] = frozenset()
    """Hashes of phone numbers that must not be stored."""
    clock_shift: timedelta = timedelta()
    """Distance of the run's present moment from the machine's clock. Zero except in a demo."""
    warehouse_gap: timedelta | None = None
    """Lead of the warehouse's clock over the machine's. None without a clock of its own."""

    @property
    def size(self) -> int:
        """Return the number of hours to read. The pool takes the largest job first."""
        return sum(len(window.hours) for client in self.clients for window in (*client.windows, *client.rereads))
