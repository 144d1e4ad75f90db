"""The tables of a DuckDB warehouse, made and migrated where needed."""

import logging

from config import Settings
from errors import OldTable, TableRefused
from tables import (
    BOOL,
    CALLS,
    CREDENTIALS,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    LEAD_COLUMNS,
    STATE_TABLES,
    STRING,
    TIMESTAMP,
    Column,
    Table,
)
from warehouses.duckdb.stored_tables import Database, StoredTables, find_stored_tables
from warehouses.duckdb.views import DuckDBViews
from warehouses.sql.migrations import MIGRATION_PLAN, MigrationPlan
from warehouses.sql.table_checks import NEW_CALLS, classic_query, find_credentials_faults, is_of_old_shape
from warehouses.sql.views import ViewScript

LOG = logging.getLogger(__name__)

TYPES = {
    STRING: "VARCHAR", INT64: "BIGINT", FLOAT64: "DOUBLE", BOOL: "BOOLEAN", DATE: "DATE", DATETIME: "TIMESTAMP",
    TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip


def quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class DuckDBTables:
    """Names, makes, migrates and checks every table."""

    def __init__(self, settings: Settings, plan: MigrationPlan = MIGRATION_PLAN) -> None:
        self._plan = plan
        self.schema = settings.dataset_id
        self.lead_fields = settings.include_lead_fields
        self._tables = {settings.output_table: CALLS, settings.credentials_table: CREDENTIALS}
        self._tables |= {table.name: table for table in STATE_TABLES}
        self.calls = self.name(settings.output_table)
        self.output_table = settings.output_table
        self.classic = f"{settings.output_table}_classic"
        self.credentials = self.name(settings.credentials_table)
        script = ViewScript(
            name=self.name,
            calls=self.calls,
            sale_statuses=settings.sale_statuses,
            minutes_since="date_sub('minute', {}, CURRENT_TIMESTAMP)".format,
        )
        self._views = DuckDBViews(script, settings.output_table, self.name)

    def name(self, table: str) -> str:
        """Return a table's full name, quoted."""
        return f"{quote_name(self.schema)}.{quote_name(table)}"

    def are_ready(self, db: Database) -> bool:
        """Return True if there is nothing to make. Raise TableRefused for a foreign table under one of our names."""
        stored = self.find(db)
        pending = self._pending_migrations(db, stored)
        for name, table in self._tables.items():
            self._check(stored, name, table, self._plan.pending_columns(table, pending))
        if not all(stored.columns(name) for name in (*self._tables, self.classic)):
            return False
        return not (pending or self._missing_lead_columns(stored) or self._views.find_stale(stored))

    def make(self, db: Database) -> None:
        """Make everything that is missing, inside the caller's transaction."""
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(self.schema)}")
        migrations = self.name("migrations")
        db.execute(f"CREATE TABLE IF NOT EXISTS {migrations} (number BIGINT, applied_at TIMESTAMP WITH TIME ZONE)")
        stored = self.find(db)
        self._make_tables(db, stored)
        if (
            not stored.columns(self.output_table)
            and db.execute(f"SELECT 1 FROM {self.name('watermarks')} LIMIT 1").fetchone()
        ):
            LOG.warning(NEW_CALLS, self.calls)
        for number in self._pending_migrations(db, stored):
            self._migrate(db, number)
            db.execute(f"INSERT INTO {migrations} VALUES (?, now())", [number])
        if not stored.columns(self.classic):
            db.execute(f"CREATE VIEW {self.name(self.classic)} AS {classic_query(self.calls)}")
        self._views.make(db, stored)
        for column in self._missing_lead_columns(self.find(db)):
            db.execute(f"ALTER TABLE {self.calls} ADD COLUMN {quote_name(column.name)} {TYPES[column.type]}")

    def _pending_migrations(self, db: Database, stored: StoredTables) -> list[int]:
        """Return the numbers of the migrations that this file has not seen."""
        done: set[int] = set()
        if stored.columns("migrations"):
            done = {number for (number,) in db.execute(f"SELECT number FROM {self.name('migrations')}").fetchall()}
        return self._plan.find_pending(done, f"The schema {self.schema}")

    def _migrate(self, db: Database, number: int) -> None:
        if added := self._plan.find_added_columns(number):
            table, columns = added
            place = self.calls if table is CALLS else self.name(table.name)
            for column in columns:
                name = quote_name(column.name)
                db.execute(f"ALTER TABLE {place} ADD COLUMN IF NOT EXISTS {name} {TYPES[column.type]}")
                db.execute(f"COMMENT ON COLUMN {place}.{name} IS {_quote_text(column.description)}")

    def _make_tables(self, db: Database, stored: StoredTables) -> None:
        for name, table in self._tables.items():
            if stored.columns(name):
                continue  # an operator's own credentials table
            columns = ", ".join(
                f"{quote_name(column.name)} {TYPES[column.type]}{' NOT NULL' if column.required else ''}"
                for column in table.columns
            )
            db.execute(f"CREATE TABLE {self.name(name)} ({columns})")
            db.execute(f"COMMENT ON TABLE {self.name(name)} IS {_quote_text(table.description)}")
            for column in table.columns:
                place = f"{self.name(name)}.{quote_name(column.name)}"
                db.execute(f"COMMENT ON COLUMN {place} IS {_quote_text(column.description)}")

    def find(self, db: Database) -> StoredTables:
        """Return the tables that the file has now."""
        return find_stored_tables(db, self.schema)

    def columns(self, db: Database, table: str) -> dict[str, str]:
        """Return the columns of a table with their types. A missing table has none."""
        return self.find(db).columns(table)

    def is_view(self, db: Database, name: str) -> bool:
        return self.find(db).is_view(name)

    def _check(self, stored: StoredTables, name: str, table: Table, pending: set[str]) -> None:
        """Refuse a foreign table. ``pending`` columns are about to be added by a migration."""
        columns = stored.columns(name)
        if not columns:
            return
        if table is CALLS and is_of_old_shape(columns):
            raise OldTable(f"{self.schema}.{name}")
        if table is CREDENTIALS:
            wrong = find_credentials_faults(columns)
        else:
            wrong = [
                f"{column.name} is {columns.get(column.name, 'missing')}"
                for column in table.columns
                if columns.get(column.name) != TYPES[column.type] and column.name not in pending
            ]
            required = {column.name for column in table.columns if column.required}
            wrong += [
                f"{column} must have a value"  # somebody else's column, and we may have no value for it
                for column in stored.demanding_columns(name)
                if column not in required
            ]
            wrong += ["it is a view"] if stored.is_view(name) else []
        if wrong:
            raise TableRefused(f"{self.schema}.{name}", "; ".join(wrong[:6]))

    def _missing_lead_columns(self, stored: StoredTables) -> list[Column]:
        if not self.lead_fields:
            return []
        present = stored.columns(self.output_table)
        return [column for column in LEAD_COLUMNS if column.name not in present]


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
