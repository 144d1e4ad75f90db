"""Queries on the calls table, pure."""

from collections.abc import Callable, Collection, Sequence
from datetime import date

from errors import OptionInvalid
from messages import NEVER, CallChoice
from tables import Column, call_columns

Value = str | int | date
BELIEVED = f"read_at > TIMESTAMP '{NEVER:%Y-%m-%d} 00:00:00+00'"
"""Condition of an hour with an answer that was believed."""


def select_call_groups(calls: str, days: Sequence[date]) -> str:
    """Select each client_id with the campaigns and in-groups of its calls in these days."""
    return (
        f"SELECT DISTINCT client_id, coalesce(ingroup, dialer_campaign) AS name FROM {calls}"
        f" WHERE call_date IN ({_list_days(days)}) AND coalesce(ingroup, dialer_campaign) IS NOT NULL"
    )


def select_call_hashes(calls: str, days: Sequence[date], keys: str) -> str:
    """Select call_key and row_hash of the calls of these days with these keys. ``keys`` is an SQL set."""
    return f"SELECT call_key, row_hash FROM {calls} WHERE call_date IN ({_list_days(days)}) AND call_key IN {keys}"


def select_calls(calls: str, choice: CallChoice, columns: Sequence[str], parameter: Callable[[str], str]) -> str:
    """Select these columns of the chosen calls. ``parameter`` writes the name of a value of `choice_values`."""
    order = "call_time DESC, call_key DESC" if choice.newest else "call_time, call_key"
    limit = f" LIMIT {parameter('newest')}" if choice.newest else ""
    return f"SELECT {', '.join(columns)} FROM {calls} WHERE {_match_choice(choice, parameter)} ORDER BY {order}{limit}"


def count_calls_by_day(calls: str, choice: CallChoice, parameter: Callable[[str], str]) -> str:
    """Select each local day of the choice that has calls, and their number."""
    return (
        f"SELECT call_date, count(*) AS calls FROM {calls} WHERE {_match_choice(choice, parameter)}"
        " GROUP BY call_date ORDER BY call_date"
    )


def choice_values(choice: CallChoice) -> dict[str, Value]:
    """Return the values of a choice by the names of their parameters."""
    values = {name: getattr(choice, name) for name in ("first", "last", "client", "campaign", "newest")}
    return {name: value for name, value in values.items() if value is not None}


def choose_columns(choice: CallChoice, present: Collection[str]) -> tuple[Column, ...]:
    """Return the columns of a choice. ``present`` names those of the table, with any that an analyst has added.

    Raises:
        OptionInvalid: the table has no such column.
    """
    columns = {column.name: column for column in call_columns(lead_fields=True) if column.name in present}
    for name in choice.columns:
        if name not in columns:
            raise OptionInvalid("columns", repr(name), f"one of {', '.join(columns)}")
    return tuple(columns[name] for name in choice.columns or columns)


def select_days_read(hours: str, choice: CallChoice, keys: str | None = None) -> str:
    """Select each local day of the choice with a believed read. ``keys`` is an SQL set of sources."""
    of_sources = f" AND source_key IN {keys}" if keys else ""
    return (
        f"SELECT DISTINCT day FROM {hours} WHERE day BETWEEN DATE '{choice.first.isoformat()}'"
        f" AND DATE '{choice.last.isoformat()}' AND {BELIEVED}{of_sources}"
    )


def select_first_day_read(hours: str, keys: str | None = None) -> str:
    """Select the first local day with a believed read."""
    return f"SELECT min(day) AS day FROM {hours} WHERE {BELIEVED}" + (f" AND source_key IN {keys}" if keys else "")


def _match_choice(choice: CallChoice, parameter: Callable[[str], str]) -> str:
    """Return the condition of a choice. The days come first: they alone bound what BigQuery reads."""
    conditions = [f"call_date BETWEEN {parameter('first')} AND {parameter('last')}"]
    if choice.client is not None:
        client = parameter("client")
        conditions.append(f"(client_id = {client} OR client_name = {client})")
    if choice.campaign is not None:
        conditions.append(f"campaign = {parameter('campaign')}")
    return " AND ".join(conditions)


def _list_days(days: Sequence[date]) -> str:
    return ", ".join(f"DATE '{day.isoformat()}'" for day in days)
