"""The tables of a DuckDB warehouse, made and migrated where needed."""

import logging

import duckdb

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
from warehouses.sql.migrations import MIGRATION_PLAN, MigrationPlan
from warehouses.sql.table_checks import NEW_CALLS, classic_query, find_credentials_faults, is_of_old_shape

LOG = logging.getLogger(__name__)

TYPES = {
    STRING: "VARCHAR", INT64: "BIGINT", FLOAT64: "DOUBLE", BOOL: "BOOLEAN", DATE: "DATE", DATETIME: "TIMESTAMP",
    TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
Database = duckdb.DuckDBPyConnection


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

    def name(self, table: str) -> str:
        """Return a table's full name, quoted."""
        return f"{quote_name(self.schema)}.{quote_name(table)}"

    def are_ready(self, db: Database) -> bool:
        """Return True if there is nothing to make. Raise TableRefused for a foreign table under one of our names."""
        pending = self._pending_migrations(db)
        for name, table in self._tables.items():
            self._check(db, name, table, self._plan.pending_columns(table, pending))
        if not all(self.columns(db, name) for name in (*self._tables, self.classic)):
            return False
        return not pending and not self._missing_lead_columns(db)

    def make(self, db: Database) -> None:
        """Make everything that is missing, inside the caller's transaction."""
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(self.schema)}")
        migrations = self.name("migrations")
        db.execute(f"CREATE TABLE IF NOT EXISTS {migrations} (number BIGINT, applied_at TIMESTAMP WITH TIME ZONE)")
        is_new = not self.columns(db, self.output_table)
        self._make_tables(db)
        if is_new and db.execute(f"SELECT 1 FROM {self.name('watermarks')} LIMIT 1").fetchone():
            LOG.warning(NEW_CALLS, self.calls)
        for number in self._pending_migrations(db):
            self._migrate(db, number)
            db.execute(f"INSERT INTO {migrations} VALUES (?, now())", [number])
        if not self.columns(db, self.classic):
            db.execute(f"CREATE VIEW {self.name(self.classic)} AS {classic_query(self.calls)}")
        for column in self._missing_lead_columns(db):
            db.execute(f"ALTER TABLE {self.calls} ADD COLUMN {quote_name(column.name)} {TYPES[column.type]}")

    def _pending_migrations(self, db: Database) -> list[int]:
        """Return the numbers of the migrations that this file has not seen."""
        done: set[int] = set()
        if self.columns(db, "migrations"):
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

    def _make_tables(self, db: Database) -> None:
        for name, table in self._tables.items():
            if self.columns(db, name):
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

    def columns(self, db: Database, table: str) -> dict[str, str]:
        """Return the columns of a table with their types. A missing table has none."""
        found = db.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_catalog = current_database()"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?) ORDER BY ordinal_position",
            [self.schema, table],
        ).fetchall()
        return dict(found)

    def is_view(self, db: Database, name: str) -> bool:
        found = db.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database() AND table_type = 'VIEW'"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
            [self.schema, name],
        ).fetchone()
        return found is not None

    def _check(self, db: Database, name: str, table: Table, pending: set[str]) -> None:
        """Refuse a foreign table. ``pending`` columns are about to be added by a migration."""
        columns = self.columns(db, name)
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
            wrong += [f"{column} must have a value" for column in self._find_demanding_columns(db, name, table)]
            wrong += ["it is a view"] if self.is_view(db, name) else []
        if wrong:
            raise TableRefused(f"{self.schema}.{name}", "; ".join(wrong[:6]))

    def _find_demanding_columns(self, db: Database, name: str, table: Table) -> list[str]:
        """Return columns of somebody else that refuse null. We may have no value for them."""
        found = db.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_catalog = current_database()"
            " AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)"
            " AND is_nullable = 'NO' AND column_default IS NULL",
            [self.schema, name],
        ).fetchall()
        required = {column.name for column in table.columns if column.required}
        return [column for (column,) in found if column not in required]

    def _missing_lead_columns(self, db: Database) -> list[Column]:
        if not self.lead_fields:
            return []
        present = self.columns(db, self.calls.split(".")[1].strip('"'))
        return [column for column in LEAD_COLUMNS if column.name not in present]


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
