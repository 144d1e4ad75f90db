"""The tables of a BigQuery warehouse, made where they are missing."""

import logging
from collections.abc import Iterable

from config import Settings
from errors import NotInBigQuery
from tables import CALLS, CREDENTIALS, LEAD_COLUMNS, LEASES, MIGRATIONS, STATE_TABLES, WATERMARKS, Table, call_columns
from warehouses.bigquery.classic_view import ClassicView
from warehouses.bigquery.datasets import BigQueryDataset
from warehouses.bigquery.migrations import BigQueryMigrations
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.schemas import describe_table, find_mismatches
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.table_checks import check_table, refuse_mismatches
from warehouses.bigquery.views import BigQueryViews
from warehouses.sql.migrations import MIGRATION_PLAN, MigrationPlan
from warehouses.sql.table_checks import NEW_CALLS

LOG = logging.getLogger(__name__)


class BigQueryTables:
    """Makes, migrates and checks every table, and the dataset before them."""

    def __init__(
        self, settings: Settings, service: BigQueryService, names: BigQueryNames, plan: MigrationPlan = MIGRATION_PLAN
    ) -> None:
        self._settings = settings
        self._catalog = service.catalog
        self._names = names
        self._plan = plan
        self._migrations = BigQueryMigrations(service, names, plan)
        self._classic_view = ClassicView(service, names)
        self._views = BigQueryViews(service, names, settings.sale_statuses)
        self.dataset = BigQueryDataset(settings, service, names)

    def make_leases(self) -> None:
        """Make the dataset and the leases table. Nothing else may be touched without a lease."""
        self.dataset.make()
        self._make_or_check(self._names.name(LEASES.name), LEASES)

    def make(self) -> None:
        """Make everything that is missing, and migrate older tables."""
        self.make_leases()
        self._make_or_check(self._migrations.name, MIGRATIONS)
        pending = self._migrations.pending()
        calls = self._names.calls
        is_new = self._catalog.find_table(calls.reference, self._names.rights(calls).see_dataset) is None
        for name, table in self._tables_after_leases():
            self._make_or_check(name, table, self._plan.pending_columns(table, pending))
        if is_new and self._has_watermarks():
            LOG.warning(NEW_CALLS, calls.reference)
        for number in pending:
            self._migrations.apply(number)
        if self._settings.include_lead_fields:
            self._migrations.add_columns(calls, LEAD_COLUMNS)
        self._classic_view.make()
        self._views.make()

    def missing(self) -> list[str]:
        """Return the names of the tables that ``make`` would make. Check the others, and change nothing."""
        pending = self._migrations.pending()
        missing = []
        first = (self._names.name(LEASES.name), LEASES), (self._migrations.name, MIGRATIONS)
        for name, table in [*first, *self._tables_after_leases()]:
            found = self._catalog.find_table(name.reference, self._names.rights(name).see_dataset)
            if found is None:
                missing.append(name.table)
            else:
                check_table(found, name, table, self._settings, self._plan.pending_columns(table, pending))
        if not self._classic_view.find():
            missing.append(self._classic_view.name.table)
        return missing + self._views.missing()

    def check_calls(self) -> None:
        """Refuse a calls table that was changed since ``make``. Every commit with calls asks first."""
        calls = self._names.calls
        found = self._catalog.find_table(calls.reference, self._names.rights(calls).read)
        if found is None:
            raise NotInBigQuery(f"table {calls.reference}")
        columns = call_columns(lead_fields=self._settings.include_lead_fields)
        refuse_mismatches(calls, find_mismatches(found.schema, columns))

    def _tables_after_leases(self) -> list[tuple[TableName, Table]]:
        own = [(self._names.name(table.name), table) for table in STATE_TABLES]
        return [(self._names.calls, CALLS), (self._names.credentials, CREDENTIALS), *own]

    def _has_watermarks(self) -> bool:
        reference = self._names.name(WATERMARKS.name).reference
        return bool(self._catalog.list_rows_if_there(reference, self._names.rights().read))

    def _make_or_check(self, name: TableName, table: Table, pending: Iterable[str] = ()) -> None:
        """Make a table, or check the one that exists. ``pending`` columns are about to be added."""
        rights = self._names.rights(name)
        found = self._catalog.find_table(name.reference, rights.see_dataset)
        made = describe_table(name, table, self._settings)
        is_new = found is None and self._catalog.make_table(made, rights.make_table)
        found = found or self._catalog.find_table(name.reference, rights.see_dataset)
        if found is None:
            raise NotInBigQuery(f"table {name.reference}")
        if is_new and found.expires is not None:  # by a rule of the dataset, not meant for these
            found.expires = None
            self._catalog.change_table(found, ["expires"], rights.make_table)
        check_table(found, name, table, self._settings, pending)
