"""Our tables as BigQuery's API describes them: names, columns, partitions, descriptions; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.cloud import bigquery

from config import Settings
from tables import CALLS, HOURS, RUNS, Column, Table, call_columns
from warehouses.bigquery_service import LABELS

STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""Names that the API gives to types which have another name in SQL."""
PARTITIONS = {CALLS: "call_date", HOURS: "day", RUNS: "committed_at"}
CLUSTERS = {CALLS: ["campaign", "client_id"], HOURS: ["source_key"], RUNS: ["run_id"]}
MILLISECONDS_OF_A_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Place:
    """A table's full name in parts."""

    project: str
    dataset: str
    table: str

    @classmethod
    def of(cls, name: str, project: str, dataset: str) -> "Place":
        """From ``table``, ``dataset.table`` or ``project.dataset.table``; a project may have dots of its own."""
        rest, _, table = name.rpartition(".")
        own_project, _, own_dataset = rest.rpartition(".")
        return cls(own_project or project, own_dataset or dataset, table)

    @property
    def reference(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def dataset_name(self) -> str:
        return f"{self.project}.{self.dataset}"

    @property
    def quoted(self) -> str:
        return f"`{self.reference}`"

    def beside(self, table: str) -> "Place":
        return Place(self.project, self.dataset, table)


def schema_of(columns: Iterable[Column], *, required: bool = True) -> list[bigquery.SchemaField]:
    """Columns as the API describes them; a table on the way has none that are required."""
    return [
        bigquery.SchemaField(
            column.name, column.type, mode="REQUIRED" if required and column.required else "NULLABLE",
            description=column.description,
        )
        for column in columns
    ]  # fmt: skip


def wrong_with(schema: Sequence[bigquery.SchemaField], columns: Sequence[Column], awaited: set[str]) -> list[str]:
    """What keeps a table from being ours; ``awaited`` columns are about to be added."""
    found = {field.name: STANDARD.get(field.field_type, field.field_type) for field in schema}
    known = {column.name for column in columns if column.required}
    wrong = [
        f"{column.name} is {found.get(column.name, 'missing')}"
        for column in columns
        if found.get(column.name) != column.type and column.name not in awaited
    ]
    return wrong + [
        f"{field.name} must have a value" for field in schema if field.mode == "REQUIRED" and field.name not in known
    ]


def described(place: Place, table: Table, settings: Settings) -> bigquery.Table:
    """A table to be made, with all that an owner would wish for."""
    columns = call_columns(lead_fields=settings.include_lead_fields) if table is CALLS else table.columns
    made = bigquery.Table(place.reference, schema=schema_of(columns))
    made.description = table.description
    made.labels = LABELS
    if table in PARTITIONS:
        made.time_partitioning = bigquery.TimePartitioning(field=PARTITIONS[table])
        made.clustering_fields = CLUSTERS[table]
    if table is CALLS:
        made.require_partition_filter = settings.bigquery_require_partition_filter or None
        if made.time_partitioning and settings.bigquery_partition_expiry_days:
            made.time_partitioning.expiration_ms = expiry_of(settings)
    return made


def expiry_of(settings: Settings) -> int:
    """Of a partition, in milliseconds; 0: never."""
    return settings.bigquery_partition_expiry_days * MILLISECONDS_OF_A_DAY
