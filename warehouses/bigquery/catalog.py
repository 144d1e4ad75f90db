"""Datasets and tables of BigQuery by their descriptions, one request each."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from google.cloud import bigquery

from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.failures import Kind, RequestFailed, classify_exception
from warehouses.bigquery.retries import Retries, call_once
from warehouses.bigquery.rights import Right

LOG = logging.getLogger(__name__)


class BigQueryCatalog:
    """Looks up, makes, changes and drops datasets and tables. Each call retries by itself."""

    def __init__(self, connection: BigQueryConnection, retries: Retries) -> None:
        self._connection = connection
        self._retries = retries

    def find_dataset(self, name: str, right: Right) -> bigquery.Dataset | None:
        """Return the dataset ``project.dataset``, or None."""
        found = self._find(lambda: self._client.get_dataset(name, **self._options), right)
        return found if isinstance(found, bigquery.Dataset) else None

    def make_dataset(self, dataset: bigquery.Dataset, right: Right) -> None:
        """Make a dataset. Do nothing if it exists."""
        self._make(lambda: self._client.create_dataset(dataset, **self._options), right)

    def find_table(self, reference: str, right: Right) -> bigquery.Table | None:
        """Return the table or view ``project.dataset.table``, or None."""
        found = self._find(lambda: self._client.get_table(reference, **self._options), right)
        return found if isinstance(found, bigquery.Table) else None

    def make_table(self, table: bigquery.Table, right: Right) -> bool:
        """Make a table or view. Return False if it exists."""
        return self._make(lambda: self._client.create_table(table, **self._options), right)

    def change_table(self, table: bigquery.Table, fields: Sequence[str], right: Right) -> None:
        """Send these fields of a table's description."""
        self._retries.retry(lambda: self._client.update_table(table, list(fields), **self._options), right)

    def drop_table(self, reference: str) -> None:
        """Try once to drop a staging table. If that fails, it expires by itself."""
        try:
            self._client.delete_table(reference, not_found_ok=True, **self._options)
        except Exception as exc:
            failure = classify_exception(exc)
            if failure is None:
                raise
            LOG.debug("%s could not be dropped and expires by itself: %s", reference, failure)

    def delete_table(self, reference: str, right: Right) -> None:
        """Drop a table or raise the reason. A missing table is fine."""
        self._retries.retry(lambda: self._client.delete_table(reference, not_found_ok=True, **self._options), right)

    def list_rows(self, table: bigquery.Table, right: Right) -> list[dict[str, Any]]:
        """Return all rows of a table, free of charge. Views have none to list."""
        listed = self._retries.retry(lambda: list(self._client.list_rows(table, **self._options)), right)
        return [dict(row.items()) for row in listed]

    def list_rows_if_there(self, reference: str, right: Right) -> list[dict[str, Any]]:
        """Return all rows of a table, or none if the table does not exist yet."""
        table = self.find_table(reference, right)
        return self.list_rows(table, right) if table is not None else []

    def _find(self, call: Callable[[], Any], right: Right) -> Any:
        def find() -> Any:
            try:
                return call_once(call)
            except RequestFailed as failure:
                if failure.kind is Kind.MISSING:
                    return None
                raise

        return self._retries.retry(find, right)

    def _make(self, call: Callable[[], Any], right: Right) -> bool:
        def make() -> bool:
            try:
                call_once(call)
            except RequestFailed as failure:
                if failure.kind is Kind.EXISTS:
                    return False
                raise
            return True

        return self._retries.retry(make, right)

    @property
    def _client(self) -> bigquery.Client:
        return self._connection.client

    @property
    def _options(self) -> dict[str, Any]:
        return self._connection.request_options
