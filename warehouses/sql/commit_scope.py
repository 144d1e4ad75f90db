"""The scope of one commit of calls: tables, columns, days, and the dialect of the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from tables import CHANNEL_COLUMNS, Column
from warehouses.sql.call_identity import newer_unless_masked, null_if_masked, rank

PHONE = "phone"
LEG = ("client_id", "direction", "call_time_local", "ingroup", "dialer_campaign", PHONE)
"""Columns that identify a call of two reports if only one of them shows its uniqueid."""

FILLS = f"{rank('s.source_report')} > {rank('t.source_report')}"
NEW_OF_CHANNEL = " OR ".join(
    f"coalesce({newer_unless_masked(name, f's.{name}', f't.{name}')}, t.{name}) IS DISTINCT FROM t.{name}"
    for name in CHANNEL_COLUMNS
)
"""Condition: ``s`` shows a value of its channel that ``t`` would take. A value that has vanished is no change."""
UNCHANGED = f"t.row_hash = s.row_hash AND NOT ({NEW_OF_CHANNEL})"
CHANGE = f"CASE WHEN {UNCHANGED} THEN 'unchanged' WHEN {FILLS} THEN 'fill' ELSE 'update' END"
"""Action for a row ``s`` of a call that the table has as ``t``. The report that comes first owns the row."""


class Dialect(Protocol):
    """The differences of the warehouses in a commit of calls."""

    new_table: str
    """Beginning of the statement that makes a temporary table anew in each round."""
    digest: str
    """Expression for the MD5 of a text ``{}``, in 32 hexadecimal digits."""
    now: str
    """Parameter of a statement for the time of the commit."""
    run_id: str

    def rewrite_calls(
        self, scope: "CommitScope", source: str, action: str, values: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return statements that set ``values`` (of ``s`` and ``t``) in the calls with this action.

        ``s`` is a row of ``source`` with own_key, ``t`` the row of the table with its old_key in ``actions``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitScope:
    """A table ``calls`` of quoted name, and the rows of the batch in a relation ``spooled``.

    The rows of ``spooled`` are in ``place`` order, the latest read last, and ``apart`` is false in all of them. A
    ``source`` is what one round merges: one row per call_key. There ``apart`` is true for a key made by ``new_key``.
    """

    calls: str
    columns: tuple[Column, ...]
    """Columns of the calls table that a spool file has."""
    spooled: str
    first_day: date
    last_day: date
    dialect: Dialect
    only_new: bool = False
    """Calls that the table has stay as they are, and count as unchanged."""

    @property
    def days(self) -> str:
        return f"call_date BETWEEN DATE '{self.first_day.isoformat()}' AND DATE '{self.last_day.isoformat()}'"

    @property
    def new_key(self) -> str:
        """Return a key for a call whose call_key belongs to another call."""
        agent = "CASE WHEN s.uniqueid IS NULL AND s.phone IS NULL THEN s.agent END"
        parts = ["s.call_key", *(f"coalesce({part}, '')" for part in (null_if_masked("s.phone"), "s.lead_id", agent))]
        return self.dialect.digest.format(f"concat({', chr(31), '.join(parts)})")
