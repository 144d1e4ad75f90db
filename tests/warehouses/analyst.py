"""An analyst's own session with a warehouse, to look at tables and change them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from config import Settings


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query with tables named as ``vicidial.calls``. Moments are aware datetimes."""
    if settings.warehouse == "duckdb":
        with duckdb.connect(settings.duckdb_path, read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            found: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
        return found
    with _client(settings) as client:
        return [dict(row.items()) for row in client.query(_of_dataset(settings, query)).result()]


def table(settings: Settings, name: str) -> list[dict[str, Any]]:
    """Return all rows of a table, in a fixed order."""
    if settings.warehouse == "duckdb":
        found = rows(settings, f'SELECT * FROM vicidial."{name}"')
    else:
        with _client(settings) as client:
            listed = client.list_rows(client.get_table(f"{settings.dataset_id}.{name}"))
            found = [dict(row.items()) for row in listed]
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def execute(settings: Settings, statement: str) -> None:
    """Change something behind the program's back."""
    if settings.warehouse == "duckdb":
        with duckdb.connect(settings.duckdb_path) as db:
            db.execute(statement)
        return
    with _client(settings) as client:
        client.query(_of_dataset(settings, statement)).result()


def calls(settings: Settings) -> list[dict[str, Any]]:
    """Return every column of every call, in a fixed order."""
    return table(settings, "calls")


def _of_dataset(settings: Settings, statement: str) -> str:
    return statement.replace("vicidial.", f"{settings.dataset_id}.")


@contextmanager
def _client(settings: Settings) -> Iterator[bigquery.Client]:
    client = bigquery.Client(
        project=settings.project_id,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": settings.bigquery_emulator_host},
    )
    try:
        yield client
    finally:
        client.close()
