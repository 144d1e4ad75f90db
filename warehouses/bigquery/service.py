"""Calls to BigQuery's API, each with a time limit and an error that says what to do.

The library's own retries are off everywhere. They would repeat for ten minutes what is repeated here as well, and never
what only waits for a quota. Hidden calls are avoided: each request that is sent stands in this folder.
"""

from config import Settings
from shutdown import Stop
from warehouses.bigquery.catalog import BigQueryCatalog
from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.jobs import BigQueryJobs
from warehouses.bigquery.retries import Retries


class BigQueryService:
    """One connection with its catalog, jobs and retries."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self.connection = BigQueryConnection(settings, stop)
        self.retries = Retries(self.connection, stop, settings.bigquery_retry)
        self.catalog = BigQueryCatalog(self.connection, self.retries)
        self.jobs = BigQueryJobs(settings, stop, self.connection, self.retries)

    def close(self) -> None:
        self.connection.close()
