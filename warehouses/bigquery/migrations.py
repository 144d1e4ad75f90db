"""Numbered changes of older tables. Each runs once, before any transaction."""

import json
from collections.abc import Sequence

from tables import CALLS, MIGRATIONS, Column
from utils import utc_now
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.service import BigQueryService
from warehouses.sql.migrations import MigrationPlan


class BigQueryMigrations:
    """Adds columns to older tables, and keeps a list of its changes in the table ``migrations``."""

    def __init__(self, service: BigQueryService, names: BigQueryNames, plan: MigrationPlan) -> None:
        self._service = service
        self._names = names
        self._plan = plan

    @property
    def name(self) -> TableName:
        return self._names.name(MIGRATIONS.name)

    def pending(self) -> list[int]:
        """Return the numbers of the migrations that this dataset has not seen.

        Raises:
            WarehouseUnusable: it has seen one that this version does not know.
        """
        rows = self._service.catalog.list_rows_if_there(self.name.reference, self._names.rights().read)
        done = {int(row["number"]) for row in rows}
        return self._plan.find_pending(done, f"The dataset {self._names.home}")

    def apply(self, number: int) -> None:
        """Make one change and note its number. It may be repeated."""
        if added := self._plan.find_added_columns(number):
            table, columns = added
            self.add_columns(self._names.calls if table is CALLS else self._names.name(table.name), columns)
        self._service.jobs.query(
            f"""
            MERGE INTO {self.name.quoted} t USING (SELECT @number AS number) s ON t.number = s.number
            WHEN NOT MATCHED THEN INSERT (number, applied_at) VALUES (s.number, @now)""",
            {"number": number, "now": utc_now()},
            self._names.rights().change,
        )

    def add_columns(self, name: TableName, columns: Sequence[Column]) -> None:
        """Add the missing ones of these columns to a table."""
        rights = self._names.rights(name)
        found = self._service.catalog.find_table(name.reference, rights.see_dataset)
        present = {field.name for field in found.schema} if found is not None else set()
        missing = [column for column in columns if column.name not in present]
        if missing:
            added = ", ".join(f"ADD COLUMN IF NOT EXISTS {_define(column)}" for column in missing)
            self._service.jobs.query(f"ALTER TABLE {name.quoted} {added}", {}, rights.make_table)


def _define(column: Column) -> str:
    description = json.dumps(column.description, ensure_ascii=False)  # a text in GoogleSQL is quoted alike
    return f"{column.name} {column.type} OPTIONS (description = {description})"
