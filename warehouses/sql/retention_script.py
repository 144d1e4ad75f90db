"""Deletions of old rows, pure: the same statements in both warehouses, each bounded by a constant day."""

from collections.abc import Callable
from datetime import datetime, timedelta

from config import Settings
from tables import COMPLETENESS, LEDGER, QUARANTINE, RUNS


def build_deletions(settings: Settings, now: datetime, *, name: Callable[[str], str], calls: str) -> dict[str, str]:
    """Return table → statement for the tables with a limit of age.

    ``hours`` has none: without its counts a day in reach of a read would look unread.

    Args:
        name: quotes a state table.
        calls: quoted name of the calls table.
    """
    deletions: dict[str, str] = {}
    if settings.call_days:
        first_day = settings.first_day_kept(now).isoformat()
        deletions["calls"] = f"DELETE FROM {calls} WHERE call_date < DATE '{first_day}'"
        deletions[COMPLETENESS.name] = f"DELETE FROM {name(COMPLETENESS.name)} WHERE day < DATE '{first_day}'"
    moments = (
        (QUARANTINE, "last_seen_at", settings.quarantine_days),
        (RUNS, "committed_at", settings.runs_days),
        (LEDGER, "committed_at", settings.runs_days),
    )
    for table, column, days in moments:
        if days:
            before = f"TIMESTAMP '{now - timedelta(days=days):%Y-%m-%d} 00:00:00'"
            deletions[table.name] = f"DELETE FROM {name(table.name)} WHERE {column} < {before}"
    return deletions
