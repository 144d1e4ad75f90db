"""Numbered changes of the tables, pure. A warehouse remembers their numbers, so that each runs once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from errors import WarehouseUnusable
from tables import CALLS, RUNS, Column, Table


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """Migration 1 makes all tables. Each later one adds columns to a table. The plan is append-only."""

    added_columns: Mapping[int, tuple[Table, tuple[str, ...]]]
    """Number → table and names of its new columns. The table's definition has these columns as well."""

    @property
    def numbers(self) -> tuple[int, ...]:
        return (1, *sorted(self.added_columns))

    def find_pending(self, done: Collection[int], place: str) -> list[int]:
        """Return the numbers of the migrations to be run, in order.

        Args:
            done: the numbers that the warehouse has seen.
            place: name of the warehouse, for the error.

        Raises:
            WarehouseUnusable: it has seen one that this version does not know.
        """
        if set(done) - set(self.numbers):
            raise WarehouseUnusable(place, "a newer version of this program has changed it")
        return [number for number in self.numbers if number not in done]

    def find_added_columns(self, number: int) -> tuple[Table, tuple[Column, ...]] | None:
        """Return the columns that a migration adds, and their table. Return None for migration 1."""
        if number not in self.added_columns:
            return None
        table, names = self.added_columns[number]
        return table, tuple(column for column in table.columns if column.name in names)

    def pending_columns(self, table: Table, pending: Collection[int]) -> set[str]:
        """Return the names of the columns that pending migrations will add to a table."""
        return {
            name
            for number, (changed, names) in self.added_columns.items()
            if number in pending and changed is table
            for name in names
        }


OF_CHANNEL = (
    "caller_code", "server_ip", "hangup_cause", "dialstatus", "dial_seconds", "answered_seconds", "cpd_result",
    "did_pattern", "did_id", "did_description",
)  # fmt: skip
"""Columns of migration 2. They stay these ten, whatever a later version adds."""
MIGRATION_PLAN = MigrationPlan(added_columns={2: (CALLS, OF_CHANNEL), 3: (RUNS, ("build", "clock_gap_seconds"))})
