"""Makes and checks the tables of a BigQuery warehouse; numbered migrations, each run once, before any transaction."""

import logging
from collections.abc import Iterable, Sequence

from google.cloud import bigquery

from config import Settings
from errors import LocationDiffers, NotInBigQuery, OldTable, TableRefused, WarehouseUnusable
from tables import (
    ADDED_COLUMNS,
    CALLS,
    CREDENTIALS,
    LEAD_COLUMNS,
    LEASES,
    MIGRATION_NUMBERS,
    MIGRATIONS,
    STATE_TABLES,
    WATERMARKS,
    Column,
    Table,
    call_columns,
)
from utils import utc_now
from warehouses.bigquery_rights import Rights
from warehouses.bigquery_schemas import PARTITIONS, Place, described, expiry_of, wrong_with
from warehouses.bigquery_service import LABELS, BigQueryService
from warehouses.table_checks import NEW_CALLS, classic_query, is_of_old_shape, wrong_with_credentials

LOG = logging.getLogger(__name__)

DEFAULT_LOCATION = "US"


class BigQueryTables:
    """Names of the tables, and their state."""

    def __init__(self, settings: Settings, service: BigQueryService) -> None:
        self._settings = settings
        self._service = service
        self.lead_fields = settings.include_lead_fields

    def place(self, table: str) -> Place:
        """Where a table of this name is, by default in DATASET_ID."""
        return Place.of(table, self._service.project, self._settings.dataset_id)

    def name(self, table: str) -> str:
        """A table's full name, quoted."""
        return self.place(table).quoted

    @property
    def calls(self) -> Place:
        return self.place(self._settings.output_table)

    @property
    def credentials(self) -> Place:
        return self.place(self._settings.credentials_table)

    @property
    def home(self) -> Place:
        """Of the state tables; its dataset is DATASET_ID."""
        return self.place("ledger")

    def rights(self, place: Place | None = None) -> Rights:
        return Rights(self._service.project, (place or self.home).dataset_name)

    def find_location(self) -> bool:
        """Learn where the dataset is, which every job must name; False if there is no dataset yet."""
        found = self._service.dataset(self.home.dataset_name, self.rights().see_dataset)
        if found is None:
            return False
        wanted, there = self._settings.bigquery_location, str(found.location)
        if wanted is not None and wanted.casefold() != there.casefold():
            raise LocationDiffers(self.home.dataset_name, there, wanted)
        self._service.location = there
        return True

    def make_dataset(self) -> None:
        if self.find_location():
            return
        dataset = bigquery.Dataset(self.home.dataset_name)
        dataset.location = self._settings.bigquery_location or DEFAULT_LOCATION
        dataset.description = "Calls of VICIdial dialers, and what the program that brings them needs to know."
        dataset.labels = LABELS
        self._service.make_dataset(dataset, self.rights().make_dataset)
        if not self.find_location():
            raise NotInBigQuery(f"dataset {self.home.dataset_name}")

    def make_leases(self) -> None:
        """The one table that is needed before anything else may be touched."""
        self.make_dataset()
        self._make_or_check(self.place(LEASES.name), LEASES)

    def make(self) -> None:
        """Everything that is missing."""
        self.make_leases()
        migrations = self.place(MIGRATIONS.name)
        self._make_or_check(migrations, MIGRATIONS)
        done = self._done(migrations)
        pending = [number for number in MIGRATION_NUMBERS if number not in done]
        awaited = {ADDED_COLUMNS[number] for number in pending if number in ADDED_COLUMNS}
        is_new = self._service.table(self.calls.reference, self.rights(self.calls).see_dataset) is None
        for place, table in self._all():
            self._make_or_check(place, table, {column for of, column in awaited if of is table})
        if is_new and self._has_watermarks():
            LOG.warning(NEW_CALLS, self.calls.reference)
        for number in pending:
            self._migrate(migrations, number)
        if self.lead_fields:
            self._add_columns(self.calls, LEAD_COLUMNS)
        self._make_classic_view()

    def missing(self) -> list[str]:
        """Names of what ``make`` would make. What is there is checked as it does, and nothing is changed."""
        migrations = self.place(MIGRATIONS.name)
        done = self._done(migrations)
        awaited = {added for number, added in ADDED_COLUMNS.items() if number not in done}
        missing = []
        for place, table in [(self.place(LEASES.name), LEASES), (migrations, MIGRATIONS), *self._all()]:
            found = self._service.table(place.reference, self.rights(place).see_dataset)
            if found is None:
                missing.append(place.table)
            else:
                self._check(found, place, table, {column for of, column in awaited if of is table})
        return missing if self._classic_view() else [*missing, self._classic.table]

    def check_calls(self) -> None:
        """Whether the calls table still is what a commit expects; asked before each."""
        found = self._service.table(self.calls.reference, self.rights(self.calls).read)
        if found is None:
            raise NotInBigQuery(f"table {self.calls.reference}")
        wrong = wrong_with(found.schema, call_columns(lead_fields=self.lead_fields), set())
        if wrong:
            raise TableRefused(self.calls.reference, "; ".join(wrong[:6]))

    def _all(self) -> list[tuple[Place, Table]]:
        own = [(self.place(table.name), table) for table in STATE_TABLES]
        return [(self.calls, CALLS), (self.credentials, CREDENTIALS), *own]

    def _done(self, migrations: Place) -> set[int]:
        """Numbers of the migrations that this dataset has seen."""
        table = self._service.table(migrations.reference, self.rights().read)
        rows = self._service.rows(table, self.rights().read) if table is not None else []
        done = {int(row["number"]) for row in rows}
        if done - set(MIGRATION_NUMBERS):
            raise WarehouseUnusable(
                f"The dataset {self.home.dataset_name}", "a newer version of this program has changed it"
            )
        return done

    def _has_watermarks(self) -> bool:
        found = self._service.table(self.place(WATERMARKS.name).reference, self.rights().read)
        return found is not None and bool(self._service.rows(found, self.rights().read))

    def _migrate(self, migrations: Place, number: int) -> None:
        if number in ADDED_COLUMNS:
            table, name = ADDED_COLUMNS[number]
            self._add_columns(self.place(table.name), [column for column in table.columns if column.name == name])
        self._service.query(
            f"""
            MERGE INTO {migrations.quoted} t USING (SELECT @number AS number) s ON t.number = s.number
            WHEN NOT MATCHED THEN INSERT (number, applied_at) VALUES (s.number, @now)""",
            {"number": number, "now": utc_now()},
            self.rights().change,
        )

    def _make_or_check(self, place: Place, table: Table, awaited: Iterable[str] = ()) -> None:
        """``awaited``: columns that a migration is about to add."""
        found = self._service.table(place.reference, self.rights(place).see_dataset)
        made = described(place, table, self._settings)
        is_new = found is None and self._service.make_table(made, self.rights(place).make_table)
        found = found or self._service.table(place.reference, self.rights(place).see_dataset)
        if found is None:
            raise NotInBigQuery(f"table {place.reference}")
        if is_new and found.expires is not None:  # by a rule of the dataset, which is not meant for these
            found.expires = None
            self._service.change_table(found, ["expires"], self.rights(place).make_table)
        self._check(found, place, table, awaited)

    def _check(self, found: bigquery.Table, place: Place, table: Table, awaited: Iterable[str]) -> None:
        columns = [field.name for field in found.schema]
        if table is CALLS and is_of_old_shape(columns):
            raise OldTable(place.reference)
        wrong = wrong_with_credentials(columns) if table is CREDENTIALS else wrong_with(
            found.schema, table.columns, set(awaited)
        )  # fmt: skip
        if table is not CREDENTIALS and found.table_type != "TABLE":
            wrong = ["it is a view"]
        if wrong:
            raise TableRefused(place.reference, "; ".join(wrong[:6]))
        if found.expires is not None:
            LOG.warning(
                "%s is deleted at %s; to keep it: bq update --expiration 0 %s:%s.%s",
                found.reference, found.expires, found.project, found.dataset_id, found.table_id,
            )  # fmt: skip
        if table is CALLS:
            self._compare_options(found)

    def _compare_options(self, found: bigquery.Table) -> None:
        """An existing table keeps its options: a slip in a setting must not delete a year of calls."""
        partitioning = found.time_partitioning
        if partitioning is None or partitioning.field != PARTITIONS[CALLS]:
            LOG.warning("%s is not partitioned by call_date: every commit reads all of it", found.reference)
            return
        if bool(found.require_partition_filter) != self._settings.bigquery_require_partition_filter:
            LOG.warning(
                "%s differs from BIGQUERY_REQUIRE_PARTITION_FILTER; to change it: bq update"
                " --[no]require_partition_filter %s:%s.%s",
                found.reference, found.project, found.dataset_id, found.table_id,
            )  # fmt: skip
        if (partitioning.expiration_ms or 0) != expiry_of(self._settings):
            LOG.warning(
                "%s has another partition expiry than BIGQUERY_PARTITION_EXPIRY_DAYS; to change it: bq update"
                " --time_partitioning_expiration %d %s:%s.%s",
                found.reference, expiry_of(self._settings) // 1000, found.project, found.dataset_id, found.table_id,
            )  # fmt: skip

    def _add_columns(self, place: Place, columns: Sequence[Column]) -> None:
        found = self._service.table(place.reference, self.rights(place).see_dataset)
        present = {field.name for field in found.schema} if found is not None else set()
        missing = [column for column in columns if column.name not in present]
        if missing:
            added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column.name} {column.type}" for column in missing)
            self._service.query(f"ALTER TABLE {place.quoted} {added}", {}, self.rights(place).make_table)

    @property
    def _classic(self) -> Place:
        return self.calls.beside(f"{self.calls.table}_classic")

    def _classic_view(self) -> bigquery.Table | None:
        found = self._service.table(self._classic.reference, self.rights(self._classic).see_dataset)
        if found is not None and found.table_type != "VIEW":
            raise TableRefused(self._classic.reference, "it is a table, and a view of that name is to be made")
        return found

    def _make_classic_view(self) -> None:
        place = self._classic
        query = classic_query(self.calls.quoted)
        found = self._classic_view()
        if found is not None and found.view_query == query:
            return
        if found is not None:
            found.view_query = query
            self._service.change_table(found, ["view_query"], self.rights(place).make_table)
            return
        view = bigquery.Table(place.reference)
        view.view_query = query
        view.description = f"{self.calls.table} with the column names of older programs."
        view.labels = LABELS
        self._service.make_table(view, self.rights(place).make_table)
