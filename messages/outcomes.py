"""Outcomes: the ends of clients and campaigns, before and after the commit."""

from dataclasses import dataclass
from datetime import timedelta

from errors import Label, SyncError
from messages.sources import RefusedAccount, SourceIdentity
from messages.windows import SealedWindow


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a client, or of a campaign as a whole."""

    kind: Label
    text: str
    """Event and advice, in one line."""

    @classmethod
    def from_error(cls, error: SyncError, *, place: str = "") -> "Failure":
        """Return the record of an error. ``place`` says first where it happened."""
        return cls(error.label, f"{place}{error}")

    def __str__(self) -> str:
        return self.text


def _label(failure: Failure | None, warning: Label | None = None) -> Label:
    return failure.kind if failure else warning or Label.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOutcome:
    """The outcome of reading one source."""

    source: SourceIdentity
    failure: Failure | None = None
    """None if every window was read."""
    warning: Label | None = None
    """Label of wrong call times, although nothing failed."""
    windows_planned: int = 0
    windows_read: int = 0
    stuck: int = 0
    """Calls in progress for longer than any call lasts."""
    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    download_seconds: float = 0.0
    parse_seconds: float = 0.0
    notices: tuple[str, ...] = ()
    """Messages for the operator although nothing failed, such as a wrong clock."""
    clock_gap: timedelta | None = None
    """Lead of the dialer's clock over this machine's. None if unknown."""
    build: int | None = None
    """Build of the dialer, yymmdd. None if it did not tell."""
    host: str = ""
    """Host of that clock."""

    @property
    def label(self) -> Label:
        return _label(self.failure, self.warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOutcome:
    """The windows of a CampaignJob in the spool and the outcome of each client. Nothing is in a table yet."""

    job_id: str
    campaign: str
    sealed: tuple[SealedWindow, ...] = ()
    clients: tuple[ClientOutcome, ...] = ()
    refused: tuple[RefusedAccount, ...] = ()
    failure: Failure | None = None
    """Failure of the campaign as a whole, such as killed, timed out or not started."""
    short_of_memory: bool = False
    """True if its worker ran out of memory, or was killed in the system's way for this."""

    @property
    def label(self) -> Label:
        return _label(self.failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResult:
    """The effect of a commit on the windows of one source."""

    source: SourceIdentity
    records: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    quarantined: int = 0
    overlapping: int = 0
    """Rows that another campaign of the same client showed before. They keep that campaign."""
    shortfall: int = 0
    suspect: int = 0
    """Windows with an answer that was not believed."""
    repaired: int = 0
    """Windows cut short at first, and read whole in the same run."""
    windows_left: int = 0
    """Windows not started in time. The next cycle continues with them."""
    failure: Failure | None = None
    warning: Label | None = None
    notices: tuple[str, ...] = ()
    clock_gap: timedelta | None = None
    """Lead of the dialer's clock over this machine's. None if unknown."""
    host: str = ""
    """Host of that clock."""

    @property
    def label(self) -> Label:
        return _label(self.failure, self.warning)

    @property
    def is_well(self) -> bool:
        """Return true if everything was read and believed, with right call times as far as known."""
        return self.label is Label.COMPLETED and not self.suspect and not self.windows_left
