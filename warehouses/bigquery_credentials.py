"""The credentials table in BigQuery, as the operator keeps it: read for nothing, changed all or none.

Passwords go into a table of one hour by a load job, never as a query's parameters: those stay in the job's history.
"""

import io
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from errors import BigQueryRefused, NotInBigQuery, TableRefused
from messages import RowsMerged
from tables import BOOL, CREDENTIALS, STRING, Column, arrow_schema
from utils import squeezed, utc_now
from warehouses.bigquery_schemas import STANDARD, schema_of
from warehouses.bigquery_service import LABELS, BigQueryService
from warehouses.bigquery_tables import BigQueryTables
from warehouses.bigquery_troubles import Trouble
from warehouses.table_checks import without_column

Row = Mapping[str, str | None]
YES = "('yes', 'y', 'true', 't', '1', 'on')"
STAGING_LIFE = timedelta(hours=1)
KEYS = ("campaign", "client_id", "url", "username")
"""By what these columns held when the table was read, the row to change is found again."""


class BigQueryCredentials:
    """Reads and changes the table that says what to read."""

    def __init__(self, service: BigQueryService, tables: BigQueryTables) -> None:
        self._service = service
        self._tables = tables

    def rows(self) -> list[dict[str, str | None]]:
        """Column name as stored → text; none where there is no such table."""
        table = self._table()
        return [] if table is None else [_as_texts(row) for row in self._stored(table)]

    def put(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        """Add or change rows, all or none."""
        place = self._tables.credentials
        table = self._table()
        if table is None:
            raise NotInBigQuery(f"table {place.reference}")
        ours = {squeezed(column.name): column.name for column in CREDENTIALS.columns}
        columns = {field.name: ours[squeezed(field.name)] for field in table.schema if squeezed(field.name) in ours}
        self._refuse_loss(table, rows, set(columns.values()))
        stored = [{columns[name]: text or None for name, text in _as_texts(row).items() if name in columns}
                  for row in self._stored(table)]  # fmt: skip
        known = {key_of(row): row for row in stored}
        changes = [_change(known.get(key_of(row)), row, columns.values()) for row in rows]
        needed = [change for change in changes if change is not None]
        if needed:
            self._write(table, columns, needed)
        added = sum(bool(change["is_new"]) for change in needed)
        return RowsMerged(added=added, changed=len(needed) - added, left=len(changes) - len(needed))

    def _table(self) -> bigquery.Table | None:
        place = self._tables.credentials
        return self._service.table(place.reference, self._tables.rights(place).read)

    def _stored(self, table: bigquery.Table) -> list[dict[str, Any]]:
        place = self._tables.credentials
        right = self._tables.rights(place).read
        if table.table_type == "TABLE":
            return self._service.rows(table, right)
        return self._service.query(f"SELECT * FROM {place.quoted}", {}, right).rows

    def _refuse_loss(self, table: bigquery.Table, rows: Sequence[Row], columns: set[str]) -> None:
        lost = without_column(rows, columns)
        name = self._tables.credentials.reference
        if lost:
            raise TableRefused(name, f"it has no column for {', '.join(lost)}; add it as STRING, or leave it empty")
        if table.table_type != "TABLE":
            raise TableRefused(name, "it is a view; change its rows where they come from")

    def _write(self, table: bigquery.Table, columns: Mapping[str, str], changes: Sequence[Mapping[str, Any]]) -> None:
        place = self._tables.credentials.beside(f"staging_credentials_{uuid.uuid4().hex[:16]}")  # who reads one, both
        names = [*(f"was_{name}" for name in KEYS), *columns.values()]
        staged = (Column("is_new", BOOL, "To be inserted."), *(Column(name, STRING, "") for name in names))
        parquet = io.BytesIO()  # no file: it would outlive a process that is killed
        pq.write_table(pa.Table.from_pylist(list(changes), schema=arrow_schema(staged)), parquet)
        try:
            self._load(parquet.getvalue(), place.reference, staged)
            self._merge(self._script(table, columns, place.quoted))
        finally:
            self._service.drop_table(place.reference)

    def _merge(self, script: str) -> None:
        right = self._tables.rights(self._tables.credentials).change
        try:
            self._service.query(script, {}, right)
        except BigQueryRefused:  # its text may quote a value
            raise BigQueryRefused(right.purpose, "a value does not fit the type of its column") from None

    def _load(self, parquet: bytes, reference: str, columns: tuple[Column, ...]) -> None:
        staging = bigquery.Table(reference, schema=schema_of(columns, required=False))
        staging.expires = utc_now() + STAGING_LIFE
        staging.labels = LABELS
        rights = self._tables.rights(self._tables.credentials)
        self._service.make_table(staging, rights.make_table)

        def load() -> int:
            try:
                return self._service.load(parquet, reference, f"load_{uuid.uuid4().hex}", staging.schema)
            except Trouble as trouble:  # its text may quote a value, and these are passwords
                raise Trouble(trouble.kind, trouble.reason, "") from None

        self._service.retried(load, rights.load)

    def _script(self, table: bigquery.Table, columns: Mapping[str, str], staging: str) -> str:
        """All or none, and may be run twice. A row that was changed in the meantime is left as it is."""
        types = {field.name: STANDARD.get(field.field_type, field.field_type) for field in table.schema}
        stored = {ours: name for name, ours in columns.items()}
        same = " AND ".join(
            f"IFNULL(s.was_{name}, '') = IFNULL(CAST(t.`{stored[name]}` AS STRING), '')" for name in KEYS
        )
        values = {name: _typed(f"s.{ours}", types[name]) for name, ours in columns.items()}
        changes = ", ".join(f"`{name}` = {value}" for name, value in values.items())
        return f"""
            MERGE INTO {self._tables.credentials.quoted} t USING {staging} s ON {same}
            WHEN MATCHED AND NOT s.is_new THEN UPDATE SET {changes}
            WHEN NOT MATCHED AND s.is_new THEN
                INSERT ({", ".join(f"`{name}`" for name in values)}) VALUES ({", ".join(values.values())})"""


def _change(before: Row | None, row: Row, columns: Sequence[str] | Any) -> dict[str, Any] | None:
    """What is to be written for a row; None where the table has it as it is."""
    wanted = {name: row.get(name) or None for name in columns}
    if before is None:
        return {"is_new": True, **{f"was_{name}": wanted.get(name) for name in KEYS}, **wanted}
    if {name: before.get(name) for name in columns} == wanted:
        return None
    return {"is_new": False, **{f"was_{name}": before.get(name) for name in KEYS}, **wanted}


def _typed(value: str, kind: str) -> str:
    if kind == STRING:
        return value
    if kind == BOOL:
        return f"LOWER({value}) IN {YES}"
    fits = f"SAFE_CAST({value} AS {kind})"  # an error of CAST would quote the value, and jobs keep their errors
    return f"IF({fits} IS NULL AND {value} IS NOT NULL, ERROR('a value does not fit its column'), {fits})"


def _as_texts(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        name: None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in row.items()
    }
