"""The result of a cycle or backfill, as the summary and the exit code need it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from messages import CLOCK_TOLERANCE, ClientResult, SkippedRow


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of one cycle or backfill."""

    run_id: str
    started_at: datetime
    duration: timedelta
    campaigns: tuple[str, ...]
    results: tuple[ClientResult, ...]
    skipped: tuple[SkippedRow, ...]
    """Rows that need no action. A row that cannot be used is among the results."""
    bytes_billed: int | None = None
    """Bytes that the warehouse charges for; None where it charges nothing."""
    notices: tuple[str, ...] = ()
    """Warnings about rows of the credentials table that were read, and about this machine."""
    warehouse_gap: timedelta | None = None
    """The warehouse's clock less this machine's; None where the warehouse has no clock of its own."""

    @property
    def all_well(self) -> bool:
        """Tell whether every client is well. Quarantined records are no failure."""
        return all(result.is_well for result in self.results) and not self.clock_gap

    @property
    def clock_gap(self) -> timedelta | None:
        """The error of this machine's clock, if most other clocks agree on one."""
        return clock_gap(self.results, self.warehouse_gap)


def clock_gap(results: Iterable[ClientResult], warehouse_gap: timedelta | None = None) -> timedelta | None:
    """Return how far most other clocks are ahead of this machine's. None if they do not contradict it.

    Args:
        results: results of a cycle. Each dialer counts once, however many clients are read from it.
        warehouse_gap: the gap of the warehouse's clock, which counts like one more dialer's.
    """
    by_dialer = {result.host: result.clock_gap for result in results if result.clock_gap is not None}
    gaps = [*by_dialer.values()] + ([] if warehouse_gap is None else [warehouse_gap])
    wrong = sorted(gap for gap in gaps if abs(gap) > CLOCK_TOLERANCE)
    return wrong[len(wrong) // 2] if 2 * len(wrong) > len(gaps) else None
