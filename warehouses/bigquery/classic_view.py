"""The view that shows calls under the column names of older programs."""

from google.cloud import bigquery

from errors import TableRefused
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.schemas import LABELS
from warehouses.bigquery.service import BigQueryService
from warehouses.sql.table_checks import classic_query


class ClassicView:
    """Makes the view beside the calls table, and renews its query."""

    def __init__(self, service: BigQueryService, names: BigQueryNames) -> None:
        self._service = service
        self._names = names

    @property
    def name(self) -> TableName:
        return self._names.calls.sibling(f"{self._names.calls.table}_classic")

    def find(self) -> bigquery.Table | None:
        """Return the view, or None. Raise TableRefused if a table has its name."""
        found = self._service.catalog.find_table(self.name.reference, self._names.rights(self.name).see_dataset)
        if found is not None and found.table_type != "VIEW":
            raise TableRefused(self.name.reference, "it is a table, and a view of that name is to be made")
        return found

    def make(self) -> None:
        """Make the view, or give it the current query."""
        query = classic_query(self._names.calls.quoted)
        right = self._names.rights(self.name).make_table
        found = self.find()
        if found is not None and found.view_query == query:
            return
        if found is not None:
            found.view_query = query
            self._service.catalog.change_table(found, ["view_query"], right)
            return
        view = bigquery.Table(self.name.reference)
        view.view_query = query
        view.description = f"{self._names.calls.table} with the column names of older programs."
        view.labels = LABELS
        self._service.catalog.make_table(view, right)
