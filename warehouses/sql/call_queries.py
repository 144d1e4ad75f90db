"""Queries on the calls table, pure."""

from collections.abc import Sequence
from datetime import date


def select_call_groups(calls: str, days: Sequence[date]) -> str:
    """Select each client_id with the campaigns and in-groups of its calls in these days."""
    return (
        f"SELECT DISTINCT client_id, coalesce(ingroup, dialer_campaign) AS name FROM {calls}"
        f" WHERE call_date IN ({_list_days(days)}) AND coalesce(ingroup, dialer_campaign) IS NOT NULL"
    )


def select_call_hashes(calls: str, days: Sequence[date], keys: str) -> str:
    """Select call_key and row_hash of the calls of these days with these keys. ``keys`` is an SQL set."""
    return f"SELECT call_key, row_hash FROM {calls} WHERE call_date IN ({_list_days(days)}) AND call_key IN {keys}"


def _list_days(days: Sequence[date]) -> str:
    return ", ".join(f"DATE '{day.isoformat()}'" for day in days)
