"""Tries what a BigQuery warehouse needs, each right by itself, so that every missing role is told at once.

Nothing is changed: a staging table that expires by itself is made and dropped, a transaction is rolled back. No right
can be tried on a dataset that is not there.
"""

import io
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from config import Settings
from errors import GoogleAccountMissing, LocationDiffers, NotInBigQuery
from messages import Finding
from tables import LEDGER, arrow_schema
from utils import plural, utc_now
from warehouses.bigquery_credentials import BigQueryCredentials
from warehouses.bigquery_leases import BigQueryLease
from warehouses.bigquery_rights import Rights
from warehouses.bigquery_schemas import Place, schema_of
from warehouses.bigquery_service import LABELS, BigQueryService
from warehouses.bigquery_tables import DEFAULT_LOCATION, BigQueryTables
from warehouses.findings import finding
from warehouses.folder_checks import room, writable

STAGING_LIFE = timedelta(hours=1)


class BigQueryChecks:
    """One try of each thing; what depends on something that failed is left out."""

    def __init__(
        self,
        settings: Settings,
        service: BigQueryService,
        tables: BigQueryTables,
        lease: BigQueryLease,
        credentials: BigQueryCredentials,
    ) -> None:
        self._settings = settings
        self._service = service
        self._tables = tables
        self._lease = lease
        self._credentials = credentials
        self._is_there, self._is_stranger = True, False

    def findings(self) -> Iterator[Finding]:
        yield finding("data folder", lambda: writable("DATA_DIR", self._settings.data_dir))
        yield finding("disk space", lambda: room(self._settings.data_dir))
        account = finding("account", self._account)
        yield account
        if account.ok:
            yield from self._of_dataset()

    def _account(self) -> str:
        """The key or login is only read here; whether Google accepts it, the first request shows."""
        return f"{self._service.account.partition(':')[2]} in the project {self._service.project}"

    def _of_dataset(self) -> Iterator[Finding]:
        dataset = finding("dataset", self._dataset)
        yield dataset
        if dataset.unusable or self._is_stranger:
            return  # nothing answers, or nobody is let in: every further question would end the same
        query = finding("query", self._query)
        yield query
        yield finding("credentials", self._count_credentials)
        if not self._is_there:
            return
        yield finding("tables", self._shapes)
        yield from self._writing(transactions=query.ok)
        yield finding("lease", self._holder)

    def _dataset(self) -> str:
        """Where it is not known whether there is one, everything else is tried all the same."""
        try:
            self._is_there = self._tables.find_location()
        except LocationDiffers:
            self._is_there = False  # for every job, which looks where the setting says
            raise
        except GoogleAccountMissing:
            self._is_stranger = True
            raise
        name = self._tables.home.dataset_name
        if self._is_there:
            return f"{name} in {self._service.location}"
        role, location = self._rights.make_dataset.role, self._settings.bigquery_location or DEFAULT_LOCATION
        return (
            f"{name} is made by the first run in {location}, and its tables; for this the account needs the role {role}"
            " on the project. Rights on the dataset are tried once it is there"
        )

    def _query(self) -> str:
        self._service.query("SELECT 1 AS one", {}, self._rights.run_jobs)
        return "SELECT 1 was run"

    def _count_credentials(self) -> str:
        place = self._tables.credentials
        rights = self._tables.rights(place)
        if self._service.table(place.reference, rights.read) is not None:
            return f"{place.reference} has {plural(len(self._credentials.rows()), 'row')}"
        self._refuse_elsewhere(place, rights)
        return f"{place.reference} is made by the first run"

    def _refuse_elsewhere(self, place: Place, rights: Rights) -> None:
        """A run makes its own dataset only."""
        is_home = place.dataset_name == self._tables.home.dataset_name
        if not is_home and self._service.dataset(place.dataset_name, rights.see_dataset) is None:
            raise NotInBigQuery(f"dataset {place.dataset_name}")

    def _shapes(self) -> str:
        missing = self._tables.missing()
        if self._tables.calls.table in missing:
            self._refuse_elsewhere(self._tables.calls, self._tables.rights(self._tables.calls))
        return f"made by the next run: {', '.join(missing)}" if missing else "all as they should be"

    def _writing(self, *, transactions: bool) -> Iterator[Finding]:
        place = self._tables.place(f"staging_check_{uuid.uuid4().hex[:16]}")
        made = finding("make a table", lambda: self._make(place))
        yield made
        if made.ok:
            yield finding("load a file", lambda: self._load(place))
        if transactions:
            yield finding("change data", lambda: self._change(place if made.ok else None))
        if made.ok:
            yield finding("drop a table", lambda: self._drop(place))

    def _make(self, place: Place) -> str:
        table = bigquery.Table(place.reference, schema=schema_of(LEDGER.columns, required=False))
        table.expires = utc_now() + STAGING_LIFE
        table.labels = LABELS
        table.description = "Made by `main.py check`, which drops it again; expires by itself."
        self._service.make_table(table, self._rights.make_table)
        return f"{place.table} was made for the moment"

    def _load(self, place: Place) -> str:
        row = {"batch_id": "check", "run_id": "check", "committed_at": utc_now()}
        parquet = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row], schema=arrow_schema(LEDGER.columns)), parquet)
        schema = schema_of(LEDGER.columns, required=False)
        self._service.retried(
            lambda: self._service.load(parquet.getvalue(), place.reference, f"load_{uuid.uuid4().hex}", schema),
            self._rights.load,
        )
        return "one row was loaded into it"

    def _change(self, staging: Place | None) -> str:
        """In the ledger, where inserting conflicts with nobody; before there is one, in the staging table."""
        ledger = self._tables.place(LEDGER.name)
        target = ledger if self._service.table(ledger.reference, self._rights.read) is not None else staging
        if target is None:
            return "is tried once there is a table"
        self._service.query(
            f"BEGIN TRANSACTION;\nINSERT INTO {target.quoted} ({', '.join(LEDGER.names)})"
            " VALUES ('check', 'check', CURRENT_TIMESTAMP());\nROLLBACK TRANSACTION",
            {},
            self._rights.change,
        )
        return f"a row was written to {target.table} and taken back"

    def _drop(self, place: Place) -> str:
        right = replace(self._rights.make_table, purpose=f"drop tables in {place.dataset_name}")
        self._service.delete_table(place.reference, right)
        return f"{place.table} was dropped"

    def _holder(self) -> str:
        holder = self._lease.holder()
        return f"held by {holder}" if holder else "no daemon or command holds the warehouse"

    @property
    def _rights(self) -> Rights:
        return self._tables.rights()
