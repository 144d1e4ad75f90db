"""Makes and checks the tables of a DuckDB warehouse; numbered migrations, each run once."""

import logging

import duckdb

from config import Settings
from errors import OldTable, TableRefused, WarehouseUnusable
from tables import (
    ADDED_COLUMNS,
    BOOL,
    CALLS,
    CREDENTIALS,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    LEAD_COLUMNS,
    MIGRATION_NUMBERS,
    STATE_TABLES,
    STRING,
    TIMESTAMP,
    Column,
    Table,
)
from warehouses.table_checks import NEW_CALLS, classic_query, is_of_old_shape, wrong_with_credentials

LOG = logging.getLogger(__name__)

TYPES = {
    STRING: "VARCHAR", INT64: "BIGINT", FLOAT64: "DOUBLE", BOOL: "BOOLEAN", DATE: "DATE", DATETIME: "TIMESTAMP",
    TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
Database = duckdb.DuckDBPyConnection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class DuckDBTables:
    """Names of the tables, and their state."""

    def __init__(self, settings: Settings) -> None:
        self.schema = settings.dataset_id
        self.lead_fields = settings.include_lead_fields
        self._tables = {settings.output_table: CALLS, settings.credentials_table: CREDENTIALS}
        self._tables |= {table.name: table for table in STATE_TABLES}
        self.calls = self.name(settings.output_table)
        self.output_table = settings.output_table
        self.classic = f"{settings.output_table}_classic"
        self.credentials = self.name(settings.credentials_table)

    def name(self, table: str) -> str:
        """A table's full name, quoted."""
        return f"{quoted(self.schema)}.{quoted(table)}"

    def ready(self, db: Database) -> bool:
        """Whether nothing has to be made; raises TableRefused where a name is taken by something else."""
        done = self._done(db)
        awaited = {ADDED_COLUMNS[number] for number in ADDED_COLUMNS.keys() - done}
        for name, table in self._tables.items():
            self._check(db, name, table, {column for of, column in awaited if of is table})
        if not all(self.columns(db, name) for name in (*self._tables, self.classic)):
            return False
        return done >= set(MIGRATION_NUMBERS) and not self._missing_lead_columns(db)

    def make(self, db: Database) -> None:
        """Everything that is missing, inside the caller's transaction."""
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.schema)}")
        migrations = self.name("migrations")
        db.execute(f"CREATE TABLE IF NOT EXISTS {migrations} (number BIGINT, applied_at TIMESTAMP WITH TIME ZONE)")
        is_new = not self.columns(db, self.output_table)
        self._make_tables(db)
        if is_new and db.execute(f"SELECT 1 FROM {self.name('watermarks')} LIMIT 1").fetchone():
            LOG.warning(NEW_CALLS, self.calls)
        for number in sorted(set(MIGRATION_NUMBERS) - self._done(db)):
            self._migrate(db, number)
            db.execute(f"INSERT INTO {migrations} VALUES (?, now())", [number])
        if not self.columns(db, self.classic):
            db.execute(f"CREATE VIEW {self.name(self.classic)} AS {classic_query(self.calls)}")
        for column in self._missing_lead_columns(db):
            db.execute(f"ALTER TABLE {self.calls} ADD COLUMN {quoted(column.name)} {TYPES[column.type]}")

    def _done(self, db: Database) -> set[int]:
        """Numbers of the migrations that this file has seen."""
        if not self.columns(db, "migrations"):
            return set()
        done = {number for (number,) in db.execute(f"SELECT number FROM {self.name('migrations')}").fetchall()}
        if done - set(MIGRATION_NUMBERS):
            raise WarehouseUnusable(f"The schema {self.schema}", "a newer version of this program has changed it")
        return done

    def _migrate(self, db: Database, number: int) -> None:
        if number in ADDED_COLUMNS:
            table, name = ADDED_COLUMNS[number]
            kind = next(TYPES[column.type] for column in table.columns if column.name == name)
            db.execute(f"ALTER TABLE {self.name(table.name)} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}")

    def _make_tables(self, db: Database) -> None:
        for name, table in self._tables.items():
            if self.columns(db, name):
                continue  # an operator's own credentials table
            columns = ", ".join(
                f"{quoted(column.name)} {TYPES[column.type]}{' NOT NULL' if column.required else ''}"
                for column in table.columns
            )
            db.execute(f"CREATE TABLE {self.name(name)} ({columns})")
            db.execute(f"COMMENT ON TABLE {self.name(name)} IS {_text(table.description)}")
            for column in table.columns:
                place = f"{self.name(name)}.{quoted(column.name)}"
                db.execute(f"COMMENT ON COLUMN {place} IS {_text(column.description)}")

    def columns(self, db: Database, table: str) -> dict[str, str]:
        """Column → type of a table that exists; empty if it does not."""
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

    def _check(self, db: Database, name: str, table: Table, awaited: set[str]) -> None:
        """``awaited``: columns that a migration is about to add."""
        columns = self.columns(db, name)
        if not columns:
            return
        if table is CALLS and is_of_old_shape(columns):
            raise OldTable(f"{self.schema}.{name}")
        if table is CREDENTIALS:
            wrong = wrong_with_credentials(columns)
        else:
            wrong = [
                f"{column.name} is {columns.get(column.name, 'missing')}"
                for column in table.columns
                if columns.get(column.name) != TYPES[column.type] and column.name not in awaited
            ]
            wrong += [f"{column} must have a value" for column in self._demanded(db, name, table)]
            wrong += ["it is a view"] if self.is_view(db, name) else []
        if wrong:
            raise TableRefused(f"{self.schema}.{name}", "; ".join(wrong[:6]))

    def _demanded(self, db: Database, name: str, table: Table) -> list[str]:
        """Columns that refuse null although we do not always have a value for them."""
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


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
