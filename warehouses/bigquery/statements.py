"""Small statements outside of commits."""

from collections.abc import Mapping
from typing import Any

from warehouses.bigquery.clocks import COLUMN, NOW
from warehouses.bigquery.jobs import QueryResult, Value
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.script import in_one_transaction
from warehouses.bigquery.service import BigQueryService


class BigQueryStatements:
    """Runs repeatable statements, each request a transaction of its own."""

    def __init__(self, service: BigQueryService, names: BigQueryNames) -> None:
        self._service = service
        self._names = names

    def query_time(self) -> list[dict[str, Any]]:
        """Return one row with BigQuery's time in ``clocks.COLUMN``."""
        return self._service.jobs.query(f"SELECT {NOW} AS {COLUMN}", {}, self._names.rights().run_jobs).rows

    def execute(self, statement: str, parameters: Mapping[str, Value]) -> QueryResult:
        """Run a repeatable statement that changes state tables."""
        return self._service.jobs.query(statement, parameters, self._names.rights().change)

    def execute_together(self, statements: Mapping[str, str], parameters: Mapping[str, Value]) -> dict[str, int]:
        """Run repeatable statements in one request and one transaction. Return the changed rows of each."""
        (row,) = self.execute(in_one_transaction(statements), parameters).rows
        return {name: int(row[name]) for name in statements}
