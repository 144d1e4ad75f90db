"""Checks of a BigQuery warehouse, each on its own, so that one run shows every missing role.

Nothing is changed: a staging table that expires by itself is made and dropped, a transaction is rolled back. Rights on
a dataset can only be tried once it exists.
"""

from collections.abc import Iterator

from config import Settings
from errors import GoogleAccountMissing, LocationDiffers, NotInBigQuery
from messages import Finding
from utils import plural
from warehouses.bigquery.clocks import COLUMN, NOW, BigQueryClock
from warehouses.bigquery.credentials import BigQueryCredentials
from warehouses.bigquery.leases import BigQueryLease
from warehouses.bigquery.names import BigQueryNames, TableName
from warehouses.bigquery.rights import Rights
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.tables import BigQueryTables
from warehouses.bigquery.write_checks import WriteChecks
from warehouses.findings import run_check
from warehouses.folder_checks import check_free_space, check_writable


class BigQueryChecks:
    """Tries each thing once, and leaves out what depends on a failure."""

    def __init__(
        self, settings: Settings, service: BigQueryService, *, names: BigQueryNames, tables: BigQueryTables,
        lease: BigQueryLease, credentials: BigQueryCredentials, clock: BigQueryClock,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._service = service
        self._names = names
        self._tables = tables
        self._lease = lease
        self._credentials = credentials
        self._clock = clock
        self._has_dataset, self._is_locked_out = True, False

    def findings(self) -> Iterator[Finding]:
        yield run_check("data folder", lambda: check_writable("DATA_DIR", self._settings.data_dir))
        yield run_check("disk space", lambda: check_free_space(self._settings.data_dir))
        account = run_check("account", self._describe_account)
        yield account
        if account.ok:
            yield from self._check_dataset()

    def _describe_account(self) -> str:
        """Read the key or login. Only the first request shows if Google accepts it."""
        connection = self._service.connection
        return f"{connection.account.partition(':')[2]} in the project {connection.project}"

    def _check_dataset(self) -> Iterator[Finding]:
        dataset = run_check("dataset", self._find_dataset)
        yield dataset
        if dataset.unusable or self._is_locked_out:
            return  # BigQuery does not answer or refuses the account, so that every further check would fail alike
        query = run_check("query", self._run_query)
        yield query
        yield run_check("credentials", self._count_credentials)
        if not self._has_dataset:
            return
        yield run_check("tables", self._check_tables)
        yield from WriteChecks(self._service, self._names, self._clock).findings(transactions=query.ok)
        yield run_check("lease", self._describe_holder)

    def _find_dataset(self) -> str:
        """Look for the dataset. If this fails for another reason, the other checks go on."""
        try:
            self._has_dataset = self._tables.dataset.locate()
        except LocationDiffers:
            self._has_dataset = False  # every job looks at the location of the setting
            raise
        except GoogleAccountMissing:
            self._is_locked_out = True
            raise
        name = self._names.home
        if self._has_dataset:
            return f"{name} in {self._service.connection.location}"
        role, location = self._rights.make_dataset.role, self._tables.dataset.location_if_new
        return (
            f"{name} is made by the first run in {location}, and its tables; for this the account needs the role {role}"
            " on the project. Rights on the dataset are tried once it is there"
        )

    def _run_query(self) -> str:
        query = f"SELECT 1 AS one, {NOW} AS {COLUMN}"
        self._clock.compare(lambda: self._service.jobs.query(query, {}, self._rights.run_jobs).rows)
        return "SELECT 1 was run"

    def _count_credentials(self) -> str:
        name = self._names.credentials
        rights = self._names.rights(name)
        if self._service.catalog.find_table(name.reference, rights.read) is not None:
            return f"{name.reference} has {plural(len(self._credentials.rows()), 'row')}"
        self._require_dataset(name)
        return f"{name.reference} is made by the first run"

    def _require_dataset(self, name: TableName) -> None:
        """Raise NotInBigQuery for a foreign dataset that is missing. A run makes its own dataset only."""
        right = self._names.rights(name).see_dataset
        if name.dataset_name == self._names.home:
            return
        if self._service.catalog.find_dataset(name.dataset_name, right) is None:
            raise NotInBigQuery(f"dataset {name.dataset_name}")

    def _check_tables(self) -> str:
        missing = self._tables.missing()
        if self._names.calls.table in missing:
            self._require_dataset(self._names.calls)
        return f"made by the next run: {', '.join(missing)}" if missing else "all as they should be"

    def _describe_holder(self) -> str:
        holder = self._lease.holder()
        return f"held by {holder}" if holder else "no daemon or command holds the warehouse"

    @property
    def _rights(self) -> Rights:
        return self._names.rights()
