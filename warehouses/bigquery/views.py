"""The views beside the calls table in BigQuery, made and renewed."""

import logging

from google.cloud import bigquery

from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.schemas import LABELS
from warehouses.bigquery.service import BigQueryService
from warehouses.sql.table_checks import FOREIGN_VIEW
from warehouses.sql.view_columns import VIEWS, View
from warehouses.sql.views import ViewScript

LOG = logging.getLogger(__name__)


class BigQueryViews:
    """Compares the query of each view with the current one. Its labels tell whose it is. No query is run."""

    def __init__(self, service: BigQueryService, names: BigQueryNames, sale_statuses: str) -> None:
        self._service = service
        self._names = names
        self._sale_statuses = sale_statuses

    def make(self) -> None:
        """Make each view that is missing, and give each of ours the current query."""
        for view in VIEWS:
            self._make_or_renew(view)

    def missing(self) -> list[str]:
        """Return the names of the views that ``make`` would make."""
        return [self._table_name(view).table for view in VIEWS if self._find(self._table_name(view)) is None]

    def _make_or_renew(self, view: View) -> None:
        name, query = self._table_name(view), self._script.query(view)
        right = self._names.rights(name).make_table
        found = self._find(name)
        if found is None:
            made = bigquery.Table(name.reference)
            made.view_query, made.description, made.labels = query, view.description, LABELS
            self._service.catalog.make_table(made, right)
        elif not _is_ours(found):
            LOG.warning(FOREIGN_VIEW, name.reference)
        elif found.view_query != query:
            found.view_query, found.description = query, view.description
            self._service.catalog.change_table(found, ["view_query", "description"], right)

    def _find(self, name: TableName) -> bigquery.Table | None:
        return self._service.catalog.find_table(name.reference, self._names.rights(name).see_dataset)

    def _table_name(self, view: View) -> TableName:
        return self._names.calls.sibling(f"{self._names.calls.table}_{view.name}")

    @property
    def _script(self) -> ViewScript:
        return ViewScript(
            name=self._names.sql_name,
            calls=self._names.calls.quoted,
            sale_statuses=self._sale_statuses,
            minutes_since="TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), {}, MINUTE)".format,
        )


def _is_ours(found: bigquery.Table) -> bool:
    return bool(found.table_type == "VIEW" and LABELS.items() <= found.labels.items())
