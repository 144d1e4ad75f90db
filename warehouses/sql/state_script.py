"""The SQL of one commit's state tables, pure: one MERGE each, the same in both warehouses."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from tables import COMPLETENESS, HOURS, QUARANTINE, RELEASED, WATERMARKS, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class StateScript:
    """Statements for state tables with their new rows in relations. The order matters: hours come last."""

    name: Callable[[str], str]
    """A table's full name, quoted."""
    source: Callable[[Table], str]
    """Relation of a table's new rows, each key once."""
    run_id: str
    """Parameter of a statement for the run."""
    days: tuple[date, date]
    """First and last day of the new rows for ``hours``. This table grows for ever, so only these days are read."""

    def merges(self, table: Table) -> tuple[str, ...]:
        """Return the statements that merge the new rows of one table."""
        special = {
            QUARANTINE: self._quarantine,
            RELEASED: self._release,
            COMPLETENESS: self._completeness,
            HOURS: self._hours,
            WATERMARKS: self._watermarks,
        }
        return special[table]() if table in special else (self._merge(table),)

    def _quarantine(self) -> tuple[str, ...]:
        """Merge each record once, with its first and last sight, and the reason of its latest read."""
        names = [name for name in QUARANTINE.names if name not in ("first_seen_at", "last_seen_at", "run_id")]
        return (
            f"""
            MERGE INTO {self.name(QUARANTINE.name)} t
            USING (
                SELECT {", ".join(names)}, seen_at FROM {self.source(QUARANTINE)} WHERE true
                QUALIFY row_number() OVER (PARTITION BY record_hash ORDER BY seen_at DESC) = 1
            ) s ON t.record_hash = s.record_hash
            WHEN MATCHED THEN
                UPDATE SET last_seen_at = greatest(t.last_seen_at, s.seen_at), reason = s.reason,
                    header = coalesce(s.header, t.header),
                    run_id = CASE WHEN s.seen_at > t.last_seen_at THEN {self.run_id} ELSE t.run_id END
            WHEN NOT MATCHED THEN INSERT ({", ".join(QUARANTINE.names)})
                VALUES ({", ".join(f"s.{name}" for name in names)}, s.seen_at, s.seen_at, {self.run_id})""",
        )

    def _release(self) -> tuple[str, ...]:
        """Remove released records. Their calls are in the table now, or were there before."""
        return (
            f"""
            DELETE FROM {self.name(QUARANTINE.name)} t WHERE EXISTS (
                SELECT 1 FROM {self.source(RELEASED)} s WHERE {_same(RELEASED, "t")})""",
        )

    def _completeness(self) -> tuple[str, ...]:
        """Note the hours with fewer legs than in ``hours``. This table must still have the counts of the last read."""
        legs_before = f"""(
            SELECT s.source_key, s.campaign, s.client_id, s.day, s.hour, h.legs AS legs_before, s.legs_now, s.noticed_at
            FROM {self.source(COMPLETENESS)} s JOIN {self.name(HOURS.name)} h ON {_same(COMPLETENESS, "h")}
            WHERE h.legs > s.legs_now AND h.{self._within})"""
        keep_most = (
            "legs_before = greatest(t.legs_before, s.legs_before), legs_now = s.legs_now, noticed_at = s.noticed_at"
        )
        return (self._merge(COMPLETENESS, legs_before, keep_most),)

    def _hours(self) -> tuple[str, ...]:
        """Set the new counts, or a doubt beside the old ones. An hour with all its legs again lacks none any more."""
        counted = ("legs", "in_progress", "read_at", "timezone", "inbound")
        kept = ", ".join(f"{name} = CASE WHEN s.doubt IS NULL THEN s.{name} ELSE t.{name} END" for name in counted)
        newer = f"{kept}, doubt = s.doubt"
        return (
            self._merge(HOURS, self.source(HOURS), newer, bounds=f"AND t.{self._within}"),
            f"""
            DELETE FROM {self.name(COMPLETENESS.name)} t WHERE EXISTS (
                SELECT 1 FROM {self.source(HOURS)} s
                WHERE {_same(COMPLETENESS, "t")} AND s.doubt IS NULL AND s.legs >= t.legs_before)""",
        )

    def _watermarks(self) -> tuple[str, ...]:
        """Move watermarks forward only. One in the future may move back: a clock was wrong."""
        names = ("campaign", "client_name", "read_until", "updated_at", "timezone", "doubted_since")
        moved = ", ".join(f"{name} = s.{name}" for name in names)
        further = "s.read_until > t.read_until OR t.read_until > s.updated_at"
        others = "s.timezone <> coalesce(t.timezone, '') OR s.doubted_since IS DISTINCT FROM t.doubted_since"
        changed = f"s.read_until = t.read_until AND ({others})"
        return (self._merge(WATERMARKS, self.source(WATERMARKS), moved, f"AND ({further} OR {changed})"),)

    @property
    def _within(self) -> str:
        first, last = self.days
        return f"day BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"

    def _merge(
        self, table: Table, source: str | None = None, update: str | None = None, only_if: str = "", bounds: str = ""
    ) -> str:
        """Merge rows by the table's key: insert new ones, update or leave others."""
        matched = f"WHEN MATCHED {only_if} THEN UPDATE SET {update}" if update else ""
        return f"""
            MERGE INTO {self.name(table.name)} t USING {source or self.source(table)} s ON {_same(table, "t")} {bounds}
            {matched}
            WHEN NOT MATCHED THEN INSERT ({", ".join(table.names)})
                VALUES ({", ".join(f"s.{name}" for name in table.names)})"""


def _same(table: Table, alias: str) -> str:
    return " AND ".join(f"{alias}.{name} = s.{name}" for name in table.key)
