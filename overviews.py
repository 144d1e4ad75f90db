"""What a warehouse tells of its own state, for `main.py status`: frozen, plain values. Moments are aware UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    """One cycle or backfill, summed over its sources."""

    run_id: str
    ended_at: datetime
    seconds: float | None
    """From its start to its end; None where it was killed, or is still at work."""
    commit_seconds: float | None
    sources: int
    failed: int
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
    """What the run history says of one source; ``source_key`` is empty for a campaign that failed as a whole, and for a
    row of the credentials table that cannot be used."""

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    run_id: str
    """The last run that it was in; what follows is of that run."""
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
    seconds: float
    label: str | None
    failure: str | None
    notices: str | None
    succeeded_at: datetime | None
    """The last run without a failure."""
    failing_since: datetime | None
    """The first run with a failure after it; None if the last run had none."""
    failed_at: datetime | None
    """The last run with a failure, be it over or not."""
    last_failure: str | None
    """Of that run."""
    last_label: str | None
    """The same in a word or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of everything, as far as the tables know it."""

    runs: tuple[RunOverview, ...] = ()
    """The latest first."""
    sources: tuple[SourceOverview, ...] = ()
    newest_calls: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """(client_id, campaign) → start of the newest call of the last days."""
    in_quarantine: Mapping[str, int] = field(default_factory=dict)
    """source_key → records."""
