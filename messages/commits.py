"""Commits: batches, watermarks, and other records of the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from messages.outcomes import CampaignOutcome
from messages.sources import SourceIdentity
from messages.windows import HourRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The end of what was read and committed of a source: every call before ``read_until``."""

    source: SourceIdentity
    report: str
    host: str
    read_until: datetime
    timezones: frozenset[str]
    """Zones of the reads of its hours: the row's own, and others while hours of them must be read again."""
    doubted_since: date | None = None
    """First local day in doubt or without its last read. Each plan looks at the hours from there on."""


@dataclass(frozen=True, slots=True)
class WatermarkRead:
    """The watermark of a source at the start of a run."""

    read_until: datetime
    timezones: frozenset[str]
    """Zones of the reads of its hours. Empty for reads by an older version."""
    doubted_since: date | None = None
    """First local day with an answer in doubt."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "WatermarkRead":
        """Build it from a row of the table. An older version stored no time zone."""
        return cls(row["read_until"], frozenset((row.get("timezone") or "").split()), row.get("doubted_since"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The content of one transaction: outcomes ready together, and their watermarks."""

    batch_id: str
    """Derived from the run and its windows, so that a repeated batch has the same id."""
    run_id: str
    outcomes: tuple[CampaignOutcome, ...]
    watermarks: tuple[Watermark, ...]
    committed_at: datetime
    released: tuple[str, ...] = ()
    """Hashes of quarantined records that became its calls and leave the quarantine.

    These records may be old. Therefore a batch with any of them only adds calls, and changes none."""
    unread: tuple[HourRead, ...] = ()
    """Hours read while a clock was wrong. They become unread unless a window of the batch covers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """The run's own row of the history, known at its last commit."""

    run_id: str
    seconds: float
    commit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsMerged:
    """The effect of an import on the credentials table."""

    added: int
    changed: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record that could not be read as a call, and its source, as stored."""

    record_hash: str
    source: SourceIdentity
    report: str
    reason: str
    record: str = field(repr=False)
    """The record as it came, with ``\\xNN`` for bytes that are no text. Personal data."""
    window_day: date
    header: str | None
    """Header row of its export. None in a record of an older version."""
    first_seen_at: datetime
    last_seen_at: datetime
    run_id: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "QuarantinedRecord":
        """Build it from a row of the table. An older version stored no header."""
        source = SourceIdentity(row["source_key"], row["campaign"], row["client_id"], row["client_name"] or "")
        known = {name: row[name] for name in cls.__slots__ if name in row}
        return cls(**{"header": None, "source": source, **known})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneForms:
    """A phone number to forget, in all its stored forms."""

    digits: str = field(repr=False)
    phone_hash: str
    short: str = field(repr=False)
    """Its last four digits if only these are stored, else all of them."""
    key_id: str
    """Id of the key of the hash."""
