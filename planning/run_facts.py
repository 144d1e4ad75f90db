"""The facts of a run that each of its jobs carries to a worker."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Facts of one run. They are complete before its jobs are planned."""

    run_id: str
    forgotten: frozenset[str] = frozenset()
    """Hashes of the phone numbers that must not be stored."""
    clock_shift: timedelta = timedelta()
    """The run's now less the machine's clock. Zero except in a demo."""
    warehouse_gap: timedelta | None = None
    """The warehouse's clock less the machine's; None where the warehouse has no clock of its own."""
    alone: frozenset[str] = frozenset()
    """Campaigns that ran out of memory lately. Each runs by itself, with twice the time."""
