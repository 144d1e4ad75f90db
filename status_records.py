"""The state of a warehouse for `main.py status`: frozen, plain values. Moments are aware UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from errors import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    """One cycle or backfill, summed over its sources."""

    run_id: str
    ended_at: datetime
    seconds: float | None
    """Duration. None for a killed run, or for one still at work."""
    commit_seconds: float | None
    sources: int
    failed: int
    stopped: int
    """Sources, or campaigns as a whole, that a stop left unread. They are not among ``failed``."""
    requests: int
    retries: int
    bytes_received: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: int
    bytes_billed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOverview:
    """The run history of one source.

    ``source_key`` is empty for a campaign that failed as a whole, and for an unusable row of the credentials table.
    """

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    run_id: str
    """The last run of the source. The next fields describe this run."""
    ended_at: datetime
    windows_planned: int
    windows_read: int
    requests: int
    retries: int
    bytes_received: int
    records: int
    inserted: int
    updated: int
    unchanged: int
    duplicates: int
    quarantined: int
    stuck: int | None
    """Calls in progress for longer than any real call."""
    seconds: float
    label: Label | None
    failure: str | None
    notices: str | None
    read_at: datetime | None
    """The last run that read a window of it."""
    succeeded_at: datetime | None
    """The last run without a failure."""
    failing_since: datetime | None
    """The first failure after ``succeeded_at``. None if the last run had none."""
    failed_at: datetime | None
    """The last run with a failure, also if a later one succeeded."""
    last_failure: str | None
    """The failure of the run at ``failed_at``."""
    last_label: Label | None
    """The same failure in a word or two."""
    build: int | None
    """Build of the dialer as it told last, yymmdd."""
    clock_gap_seconds: int | None
    """Lead of the dialer's clock over this machine's, when it was compared last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCalls:
    """Calls in progress in the table that should have ended long ago."""

    calls: int = 0
    since: datetime | None = None
    """Start of the first of these calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of runs, sources, calls and quarantine, as far as the tables know it."""

    runs: tuple[RunOverview, ...] = ()
    """Last runs, the latest first."""
    sources: tuple[SourceOverview, ...] = ()
    newest_calls: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """(client_id, campaign) → start of the newest call of the last days."""
    open_calls: Mapping[tuple[str, str], OpenCalls] = field(default_factory=dict)
    """(client_id, campaign) → calls of the last days that never ended. Pairs without such calls are left out."""
    in_quarantine: Mapping[str, int] = field(default_factory=dict)
    """source_key → its number of records."""
