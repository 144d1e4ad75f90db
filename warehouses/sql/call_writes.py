"""Inserts and updates of calls, pure. Only new and changed rows are written."""

from collections.abc import Mapping
from dataclasses import dataclass

from tables import CHANNEL_COLUMNS, WRITTEN_AT_COMMIT
from warehouses.sql.call_identity import is_archive, newer_unless_masked
from warehouses.sql.commit_scope import PHONE, CommitScope

IDENTITY = ("call_key", "client_id", "campaign", "direction", "call_date")
"""Columns that no update changes. The day of a call is part of its identity."""
OWN = ("client_name", "source_report", "row_hash")
"""Columns that are always taken from the newer row."""
KEPT = ("term_reason", "wrapup_seconds", *CHANNEL_COLUMNS)
"""Columns that some builds of the dialer never show, or that it shows no more. Null never replaces a value here."""


@dataclass(frozen=True, slots=True)
class CallWrites:
    """Statements that carry out ``actions``."""

    scope: CommitScope

    def insert_all(self, source: str) -> str:
        """Insert a source of new rows only. No second join is needed."""
        return self._insert(f"{source} s")

    def insert_new(self, source: str, *, bare: bool) -> str:
        chosen = f"SELECT call_key, own_key FROM actions WHERE action = 'insert' AND bare = {bare}"
        return self._insert(f"{source} s JOIN ({chosen}) a ON a.call_key = s.call_key", call_key="a.own_key")

    def _insert(self, source: str, **values: str) -> str:
        names = [column.name for column in self.scope.columns]
        return f"""
            INSERT INTO {self.scope.calls} ({", ".join([*names, *WRITTEN_AT_COMMIT])})
            SELECT {", ".join(values.get(name, f"s.{name}") for name in names)},
                {self.scope.dialect.now}, {self.scope.dialect.now}, {self.scope.dialect.run_id}
            FROM {source}"""

    def update_changed(self, source: str) -> tuple[str, ...]:
        """Update changed rows. Null replaces a known value only if the same report shows it as empty now."""
        return self._replace(source, "update", {name: self._newer(name) for name in self._content})

    def take_over(self, source: str) -> tuple[str, ...]:
        """Give the row the new key and the values of both reports, the live one first."""
        of_archive = f"{is_archive('s.source_report')} AND NOT {is_archive('t.source_report')}"
        values = {"call_key": "s.own_key", PHONE: newer_unless_masked(PHONE, f"s.{PHONE}", f"t.{PHONE}")}
        for name in self._fillable:
            newer, older = (newer_unless_masked(name, f"s.{name}", f"t.{name}"), f"t.{name}")
            values[name] = f"CASE WHEN {of_archive} THEN coalesce({older}, {newer}) ELSE coalesce({newer}, {older}) END"
        return self._replace(source, "takeover", values)

    def mark_fills(self, source: str) -> str:
        """Mark the fills with a new value for a row."""
        missing = " OR ".join(f"(t.{name} IS NULL AND s.{name} IS NOT NULL)" for name in self._fillable)
        return f"""
            UPDATE actions SET action = 'fill and change'
            FROM (
                SELECT s.call_key
                FROM (SELECT call_key, other_key FROM actions WHERE action = 'fill') a
                JOIN {source} s ON s.call_key = a.call_key
                JOIN (SELECT * FROM {self.scope.calls} WHERE {self.scope.days}) t ON t.call_key = a.other_key
                WHERE {missing}
            ) AS adding WHERE actions.call_key = adding.call_key"""

    def fill(self, source: str) -> tuple[str, ...]:
        """Add only what the row lacks. Its hash stays, so its own report still finds it unchanged."""
        lacking = {name: f"coalesce(t.{name}, s.{name})" for name in self._fillable}
        return self._rewrite(source, "fill and change", lacking)

    def _replace(self, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        owned = {**values, **{name: f"s.{name}" for name in OWN}}
        return self._rewrite(source, action, owned)

    def _rewrite(self, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        if self.scope.only_new:
            return ()
        stamped = {**values, "updated_at": self.scope.dialect.now, "run_id": self.scope.dialect.run_id}
        return self.scope.dialect.rewrite_calls(self.scope, source, action, stamped)

    @property
    def _content(self) -> tuple[str, ...]:
        """Return the columns with a description of the call."""
        return tuple(column.name for column in self.scope.columns if column.name not in (*IDENTITY, *OWN))

    @property
    def _fillable(self) -> tuple[str, ...]:
        """Return all of them but the number. A missing one was erased with the person's other number, or is hidden."""
        return tuple(name for name in self._content if name != PHONE)

    @staticmethod
    def _newer(name: str) -> str:
        new = newer_unless_masked(name, f"s.{name}", f"t.{name}")
        if name in KEPT:
            return f"coalesce({new}, t.{name})"
        return f"CASE WHEN s.{name} IS NULL AND s.source_report <> t.source_report THEN t.{name} ELSE {new} END"
