"""Retention: once a day, after a cycle's commits, rows older than the settings keep are deleted."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from config import Settings
from database import Warehouse
from engine.run_results import clock_gap
from errors import SyncError
from messages import ClientResult
from utils import write_durably

LOG = logging.getLogger(__name__)

NOTE = "old-rows-deleted-on"
"""A file in DATA_DIR with the day of the last deletion. Without it, rows are deleted again."""


def delete_old(warehouse: Warehouse, settings: Settings, now: datetime, results: Sequence[ClientResult] = ()) -> None:
    """Delete old rows, unless that was done today. A failure is logged, and the next cycle tries again.

    Args:
        results: results of the cycle. Nothing is deleted if most of their dialers and the warehouse contradict this
            machine's clock, since it does not tell what is old.
    """
    note, today = settings.data_dir / NOTE, now.date().isoformat()
    if _read(note) == today:
        return
    if clock_gap(results, warehouse.clock_gap) is not None:
        LOG.error(
            "Most other clocks contradict this machine's, which says %s UTC: nothing old is deleted. Set it right, and"
            " keep it right with NTP",
            f"{now:%Y-%m-%d %H:%M}",
        )
        return
    if results and all(result.failure for result in results):
        return  # a clock that is far ahead also makes every certificate invalid: nobody has confirmed it
    try:
        counts = warehouse.delete_old(now)
        write_durably(note, today.encode("ascii"))
    except (SyncError, OSError) as exc:
        LOG.warning("What is old could not be deleted, and the next cycle tries again: %s", exc)
        return
    if any(counts.values()):
        rows = ", ".join(f"{count:,} of {table}" for table, count in counts.items() if count)
        LOG.info("Deleted old rows (CALL_DAYS, QUARANTINE_DAYS, RUNS_DAYS): %s", rows)


def _read(note: Path) -> str:
    with suppress(OSError, ValueError):
        return note.read_text(encoding="ascii")
    return ""
