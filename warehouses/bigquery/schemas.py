"""Descriptions of our tables for BigQuery's API: columns, partitions, texts."""

from collections.abc import Iterable, Sequence

from google.cloud import bigquery

from config import Settings
from tables import CALLS, HOURS, RUNS, Column, Table, call_columns
from warehouses.bigquery.names import TableName

LABELS = {"program": "vicidial-to-warehouse"}
STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""The API's name of a type → its name in SQL, where the two differ."""
PARTITIONS = {CALLS: "call_date", HOURS: "day", RUNS: "committed_at"}
CLUSTERS = {CALLS: ["campaign", "client_id"], HOURS: ["source_key"], RUNS: ["run_id"]}
MILLISECONDS_OF_A_DAY = 86_400_000


def build_schema(columns: Iterable[Column], *, required: bool = True) -> list[bigquery.SchemaField]:
    """Return columns as the API describes them. ``required=False`` is for staging tables."""
    return [
        bigquery.SchemaField(
            column.name, column.type, mode="REQUIRED" if required and column.required else "NULLABLE",
            description=column.description,
        )
        for column in columns
    ]  # fmt: skip


def find_mismatches(
    schema: Sequence[bigquery.SchemaField], columns: Sequence[Column], pending: Iterable[str] = ()
) -> list[str]:
    """Return the differences that keep a table from being ours.

    Args:
        schema: of the table in BigQuery.
        columns: as we define them.
        pending: names of columns which a migration is about to add.
    """
    found = {field.name: STANDARD.get(field.field_type, field.field_type) for field in schema}
    known = {column.name for column in columns if column.required}
    wrong = [
        f"{column.name} is {found.get(column.name, 'missing')}"
        for column in columns
        if found.get(column.name) != column.type and column.name not in set(pending)
    ]
    return wrong + [
        f"{field.name} must have a value" for field in schema if field.mode == "REQUIRED" and field.name not in known
    ]


def describe_table(name: TableName, table: Table, settings: Settings) -> bigquery.Table:
    """Return a table to be made, with the columns and options of the settings."""
    columns = call_columns(lead_fields=settings.include_lead_fields) if table is CALLS else table.columns
    made = bigquery.Table(name.reference, schema=build_schema(columns))
    made.description = table.description
    made.labels = LABELS
    if table in PARTITIONS:
        made.time_partitioning = bigquery.TimePartitioning(field=PARTITIONS[table])
        made.clustering_fields = CLUSTERS[table]
    if table is CALLS:
        made.require_partition_filter = settings.bigquery_require_partition_filter or None
        if made.time_partitioning and settings.bigquery_partition_expiry_days:
            made.time_partitioning.expiration_ms = partition_expiry_milliseconds(settings)
    return made


def partition_expiry_milliseconds(settings: Settings) -> int:
    """Return the life of a partition. 0 means for ever."""
    return settings.bigquery_partition_expiry_days * MILLISECONDS_OF_A_DAY
