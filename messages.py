"""The records that cross a module or process boundary: frozen, plain values, all of them picklable.

Only these cross to a worker and back; a secret has ``repr=False``. All moments are aware UTC datetimes; ``day`` and
``hour`` are the dialer's local calendar day and wall-clock hour.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When an hour was read of which every answer so far is in doubt."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Two clocks that are right may differ by as much."""
ALIKE_IN_QUOTES = re.compile(r"\w[\w .,:+&@()/'-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One usable row of the credentials table: a source, i.e. one report of one dialer for one client's campaign."""

    source_key: str
    """Stable for client_id, campaign and URL without its dates; 32 hexadecimal digits."""
    campaign: str
    client_id: str
    client_name: str
    report: str
    """Name of a module in ``reports/``: ``call_report_export`` or ``user_stats``."""
    dialer_url: str
    """Up to and including the last slash before the page: ``https://host:port/prefix/vicidial/``."""
    parameters: tuple[tuple[str, str], ...] = ()
    """What the row asks of the report beyond our own parameters, in order."""
    username: str
    password: str = field(repr=False)
    timezone: str
    max_connections: int
    verify_tls: bool = True

    @property
    def host(self) -> str:
        """``host`` or ``host:port`` as it may be shown in a log."""
        return urlsplit(self.dialer_url).netloc.lower()

    @property
    def argument(self) -> str:
        """What names the client in a command that is proposed; ``NAME`` where no name means the same to every shell."""
        names = (self.client_name, self.client_id)
        return next((f'"{name}"' for name in names if ALIKE_IN_QUOTES.fullmatch(name)), "NAME")

    @property
    def origin(self) -> str:
        """Scheme, host and port as they may be shown in a log."""
        return f"{urlsplit(self.dialer_url).scheme}://{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A row of the credentials table that is not read in this cycle, with its reason."""

    campaign: str
    client_id: str
    client_name: str
    reason: str
    failed: bool
    """False for a row that is switched off or an exact duplicate: nothing has to be done about it."""
    address: str = ""
    """Scheme, host and folder, as far as the row's URL can be read; nothing that could be a secret."""
    username: str = ""
    timezone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRead:
    """What the last read of one source's local hour found: the state that plans and shortfall checks stand on."""

    source_key: str
    day: date
    hour: int
    legs: int
    in_progress: int
    read_at: datetime
    timezone: str | None
    """By which the times of its calls became UTC; None where an older version read it."""
    inbound: int | None = None
    """Of the legs, those of in-groups; None where an older version read it."""
    doubt: str | None = None
    """Why the last answer was not believed; ``legs`` and ``read_at`` are then of the last one that was."""


@dataclass(frozen=True, slots=True)
class WatermarkRead:
    """How far a source had been read when a run began."""

    read_until: datetime
    timezones: frozenset[str]
    """That its hours were read in; empty where an older version did."""
    doubted_since: date | None = None
    """First local day of which an answer is in doubt."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "WatermarkRead":
        """From a row of the table, which has no time zone in an older version."""
        return cls(row["read_until"], frozenset((row.get("timezone") or "").split()), row.get("doubted_since"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``first_hour`` to ``last_hour`` (inclusive) of one local day; ``since`` ≤ t < ``until`` in UTC."""

    day: date
    first_hour: int
    last_hour: int
    since: datetime
    until: datetime
    known_legs: int = 0
    """Call legs that the last complete read of these hours found; fewer now is suspect."""
    first_read: bool = False
    """One of these hours has not been read before: only other evidence can prove the answer complete."""
    known: tuple["HourCount", ...] = ()
    """What the last complete read found in those of its hours that were read before."""
    doubted: bool = False
    """An earlier answer for one of these hours was not believed."""

    @property
    def hours(self) -> range:
        return range(self.first_hour, self.last_hour + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientJob:
    """One source and the windows to read from it, the most urgent first."""

    credential: Credential
    windows: tuple[Window, ...]
    again: tuple[Window, ...] = ()
    """Windows that were read in another time zone: read after these, unless the dialer's clock contradicts the row."""
    has_shown_calls: bool = False
    """An earlier read of this source had calls, so that its dialer is known to answer such requests with them."""
    without_inbound: bool = False
    """It has shown calls for days, and none of an in-group."""
    misdated: frozenset[date] = frozenset()
    """Days with calls whose times are of another zone, in whichever of these windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignJob:
    """The unit of work of the pool: what one worker process reads."""

    job_id: str
    """Unique in its run and usable as a file name."""
    run_id: str
    campaign: str
    clients: tuple[ClientJob, ...]
    no_new_window_after: datetime
    """Past this moment a worker starts no further window; what is left is planned again."""
    backfill_id: str | None = None
    alone: bool = False
    """Nothing else runs meanwhile, and it reads one client at a time: it ran out of memory before."""
    forgotten: frozenset[str] = frozenset()
    """Hashes of the phone numbers that must not be stored."""
    clock_shift: timedelta = timedelta()
    """How far the run's idea of now lies from the machine's clock; zero but for a demo."""

    @property
    def size(self) -> int:
        """Hours to read: the pool takes the largest job first."""
        return sum(len(window.hours) for client in self.clients for window in (*client.windows, *client.again))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A Parquet file in the spool, complete and on the disk."""

    path: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCount:
    """Distinct call legs, and those not final yet, that one read found in one local hour."""

    day: date
    hour: int
    legs: int
    in_progress: int
    inbound: int | None = None
    """Of the legs, those of in-groups; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedWindow:
    """A window that was read and spooled as a whole: the unit of commit. records = rows + duplicates + quarantined."""

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    report: str
    timezone: str
    window: Window
    read_at: datetime
    """When the dialer was asked; calls after it are not covered."""
    call_files: tuple[SpoolFile, ...] = ()
    quarantine_files: tuple[SpoolFile, ...] = ()
    hours: tuple[HourCount, ...] = ()
    """Every hour of the window, those without calls too, and further ones that the answer showed."""
    records: int = 0
    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    first_day: date | None = None
    last_day: date | None = None
    """Bounds of call_date over the rows; None without rows."""
    shortfall: int = 0
    """Legs that an earlier read showed and this one, twice the same, does not."""
    suspect: str | None = None
    """Why the answer is not believed: its rows are kept, its hours do not count as read."""
    ends_plan: bool = True
    """False for a piece of a planned window after which other pieces come, or one of which is missing."""
    mended: str | None = None
    """How an answer that was cut was made whole in this run."""
    backfill_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record that could not be read as a call; it and its source as they were when it was stored."""

    record_hash: str
    source_key: str
    campaign: str
    client_id: str
    client_name: str | None
    report: str
    reason: str
    record: str = field(repr=False)
    """As it came, bytes that are no text as ``\\xNN``: personal data."""
    window_day: date
    header: str | None
    """Header row of the export that showed it; None where an older version stored it."""
    first_seen_at: datetime
    last_seen_at: datetime
    run_id: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "QuarantinedRecord":
        """From a row of the table, which has no header in an older version."""
        return cls(**{"header": None, **{name: row[name] for name in cls.__slots__ if name in row}})


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccount:
    """A password that a dialer refused: a salted slow fingerprint of it, never itself."""

    host: str
    username: str
    salt: str
    fingerprint: str
    refused_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneForms:
    """A phone number that is to be forgotten, in all the forms in which it may be stored."""

    digits: str = field(repr=False)
    phone_hash: str
    short: str = field(repr=False)
    """Its last four digits where these are what is stored, else all of them."""
    key_id: str
    """Of the key that the hash was made with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOutcome:
    """How the reading of one source went."""

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    failure: str | None = None
    """What happened and what to do, in one line; None where every window was read."""
    label: str = "completed"
    """How it ended in a word or two; ``wrong time zone`` is no failure, but not well either."""
    windows_planned: int = 0
    windows_read: int = 0
    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    download_seconds: float = 0.0
    parse_seconds: float = 0.0
    notices: tuple[str, ...] = ()
    """What an operator should know although nothing failed, e.g. a clock that is wrong."""
    clock_gap: timedelta | None = None
    """By how much the dialer's clock is ahead of this machine's; None where it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOutcome:
    """What one CampaignJob left in the spool and how each client fared; nothing of it is in a table yet."""

    job_id: str
    campaign: str
    sealed: tuple[SealedWindow, ...] = ()
    clients: tuple[ClientOutcome, ...] = ()
    refused: tuple[RefusedAccount, ...] = ()
    failure: str | None = None
    """Of the campaign as a whole: killed, timed out."""
    label: str = "completed"
    short_of_memory: bool = False
    """Its worker ran out of memory, or was killed as the system does then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Every call of this source before ``read_until`` has been read and committed."""

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    report: str
    host: str
    read_until: datetime
    timezones: frozenset[str]
    """That its hours were read in: the row's own, and others as long as something of these has to be read again."""
    doubted_since: date | None = None
    """First local day in doubt, or without its last read: from there on its hours are looked at in each plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction commits: outcomes that became ready together, and how far they take the watermarks."""

    batch_id: str
    """Derived from the run and the windows in it, so that the same batch has the same name when it is repeated."""
    run_id: str
    outcomes: tuple[CampaignOutcome, ...]
    watermarks: tuple[Watermark, ...]
    committed_at: datetime
    released: tuple[str, ...] = ()
    """Hashes of the quarantined records that its calls were read from: they leave the quarantine. They may be old, so
    that a batch which releases any only adds calls and changes none."""
    unread: tuple[HourRead, ...] = ()
    """Hours that were read while a clock was wrong; those that none of its windows covers are put down as unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResult:
    """What the commit did with the windows of one source."""

    source_key: str
    campaign: str
    client_id: str
    client_name: str
    records: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    overlapping: int = 0
    """Rows that another campaign of the same client had shown before; they keep that campaign."""
    shortfall: int = 0
    suspect: int = 0
    """Windows whose answer was not believed."""
    windows_left: int = 0
    """Windows that were not started in time; the next cycle goes on with them."""
    failure: str | None = None
    label: str = "completed"
    notices: tuple[str, ...] = ()
    clock_gap: timedelta | None = None
    """By how much the dialer's clock is ahead of this machine's; None where it does not tell."""

    @property
    def is_well(self) -> bool:
        """Everything was read and is believed, and call times are right as far as is known."""
        return not self.failure and not self.suspect and self.label == "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """What is known of a run when its last batch is committed: the run's own row of the history."""

    run_id: str
    seconds: float
    commit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsMerged:
    """What an import did to the credentials table."""

    added: int
    changed: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What `main.py check` found out about one thing that a run needs."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    unusable: bool = False
    """Of a failure: the warehouse itself, rather than a setting or a right; decides the exit code."""
    campaign: str | None = None
    client_id: str | None = None
    client_name: str | None = None
    """Whose dialer or row it is about; None where it is a thing of the whole program."""
