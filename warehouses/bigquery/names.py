"""Full names of our tables in BigQuery."""

from dataclasses import dataclass

from config import Settings
from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.rights import Rights


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's full name in parts."""

    project: str
    dataset: str
    table: str

    @classmethod
    def parse(cls, name: str, project: str, dataset: str) -> "TableName":
        """Parse ``table``, ``dataset.table`` or ``project.dataset.table``. A project may have dots of its own."""
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

    def sibling(self, table: str) -> "TableName":
        """Return the name of another table in the same dataset."""
        return TableName(self.project, self.dataset, table)


class BigQueryNames:
    """The names that the settings give to our tables."""

    def __init__(self, settings: Settings, connection: BigQueryConnection) -> None:
        self._settings = settings
        self._connection = connection

    def name(self, table: str) -> TableName:
        """Return a table's full name, by default in DATASET_ID."""
        return TableName.parse(table, self._connection.project, self._settings.dataset_id)

    def sql_name(self, table: str) -> str:
        """Return a table's full name as SQL writes it."""
        return self.name(table).quoted

    @property
    def calls(self) -> TableName:
        return self.name(self._settings.output_table)

    @property
    def credentials(self) -> TableName:
        return self.name(self._settings.credentials_table)

    @property
    def home(self) -> str:
        """Return project.dataset of the state tables. The dataset is DATASET_ID."""
        return self.name("ledger").dataset_name

    def rights(self, table: TableName | None = None) -> Rights:
        """Return the rights for the dataset of a table, by default for that of the state tables."""
        return Rights(self._connection.project, table.dataset_name if table else self.home)
