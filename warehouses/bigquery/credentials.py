"""The credentials table in BigQuery, read free of charge, and changed all or none.

New passwords go into a staging table of one hour by a load job. They are never parameters of a query, since those stay
in the history of jobs.
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
from utils import fold_name
from warehouses.bigquery.clocks import BigQueryClock
from warehouses.bigquery.failures import RequestFailed
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.schemas import LABELS, STANDARD, build_schema
from warehouses.bigquery.service import BigQueryService
from warehouses.sql.table_checks import find_lost_columns

Row = Mapping[str, str | None]
YES = "('yes', 'y', 'true', 't', '1', 'on')"
STAGING_LIFE = timedelta(hours=1)
KEYS = ("campaign", "client_id", "url", "username")
"""Columns that find a row to change again, by their values when the table was read."""


class BigQueryCredentials:
    """Reads and changes the table of sources."""

    def __init__(self, service: BigQueryService, names: BigQueryNames, clock: BigQueryClock) -> None:
        self._service = service
        self._names = names
        self._clock = clock

    def rows(self) -> list[dict[str, str | None]]:
        """Return all rows as text under their stored column names. A missing table has none."""
        table = self._find_table()
        return [] if table is None else [_as_texts(row) for row in self._read_rows(table)]

    def put(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        """Add or change rows, all or none. ``key_of`` returns the source that a row stands for."""
        name = self._names.credentials
        table = self._find_table()
        if table is None:
            raise NotInBigQuery(f"table {name.reference}")
        ours = {fold_name(column.name): column.name for column in CREDENTIALS.columns}
        columns = {field.name: ours[fold_name(field.name)] for field in table.schema if fold_name(field.name) in ours}
        self._refuse_loss(table, rows, set(columns.values()))
        stored = [{columns[name]: text or None for name, text in _as_texts(row).items() if name in columns}
                  for row in self._read_rows(table)]  # fmt: skip
        known = {key_of(row): row for row in stored}
        changes = [_build_change(known.get(key_of(row)), row, columns.values()) for row in rows]
        needed = [change for change in changes if change is not None]
        if needed:
            self._write(table, columns, needed)
        added = sum(bool(change["is_new"]) for change in needed)
        return RowsMerged(added=added, changed=len(needed) - added, left=len(changes) - len(needed))

    def _find_table(self) -> bigquery.Table | None:
        name = self._names.credentials
        return self._service.catalog.find_table(name.reference, self._names.rights(name).read)

    def _read_rows(self, table: bigquery.Table) -> list[dict[str, Any]]:
        name = self._names.credentials
        right = self._names.rights(name).read
        if table.table_type == "TABLE":
            return self._service.catalog.list_rows(table, right)
        return self._service.jobs.query(f"SELECT * FROM {name.quoted}", {}, right).rows

    def _refuse_loss(self, table: bigquery.Table, rows: Sequence[Row], columns: set[str]) -> None:
        lost = find_lost_columns(rows, columns)
        name = self._names.credentials.reference
        if lost:
            raise TableRefused(name, f"it has no column for {', '.join(lost)}; add it as STRING, or leave it empty")
        if table.table_type != "TABLE":
            raise TableRefused(name, "it is a view; change its rows where they come from")

    def _write(self, table: bigquery.Table, columns: Mapping[str, str], changes: Sequence[Mapping[str, Any]]) -> None:
        name = self._names.credentials.sibling(f"staging_credentials_{uuid.uuid4().hex[:16]}")  # the same readers
        texts = [*(f"was_{key}" for key in KEYS), *columns.values()]
        staged = (Column("is_new", BOOL, "To be inserted."), *(Column(text, STRING, "") for text in texts))
        parquet = io.BytesIO()  # no file: it would outlive a process that is killed
        pq.write_table(pa.Table.from_pylist(list(changes), schema=arrow_schema(staged)), parquet)
        try:
            self._load(parquet.getvalue(), name.reference, staged)
            self._merge(self._build_merge(table, columns, name.quoted))
        finally:
            self._service.catalog.drop_table(name.reference)

    def _merge(self, script: str) -> None:
        right = self._names.rights(self._names.credentials).change
        try:
            self._service.jobs.query(script, {}, right)
        except BigQueryRefused:  # its text may quote a value
            raise BigQueryRefused(right.purpose, "a value does not fit the type of its column") from None

    def _load(self, parquet: bytes, reference: str, columns: tuple[Column, ...]) -> None:
        staging = bigquery.Table(reference, schema=build_schema(columns, required=False))
        staging.expires = self._clock.now() + STAGING_LIFE
        staging.labels = LABELS
        rights = self._names.rights(self._names.credentials)
        self._service.catalog.make_table(staging, rights.make_table)

        def load() -> int:
            try:
                return self._service.jobs.load(parquet, reference, f"load_{uuid.uuid4().hex}", staging.schema)
            except RequestFailed as failure:  # its text may quote a value, and these are passwords
                raise RequestFailed(failure.kind, failure.reason, "") from None

        self._service.retries.retry(load, rights.load)

    def _build_merge(self, table: bigquery.Table, columns: Mapping[str, str], staging: str) -> str:
        """Build a MERGE for all rows or none, which may run twice. It leaves a row alone that was changed meanwhile."""
        types = {field.name: STANDARD.get(field.field_type, field.field_type) for field in table.schema}
        stored = {ours: name for name, ours in columns.items()}
        same = " AND ".join(
            f"IFNULL(s.was_{name}, '') = IFNULL(CAST(t.`{stored[name]}` AS STRING), '')" for name in KEYS
        )
        values = {name: _cast(f"s.{ours}", types[name]) for name, ours in columns.items()}
        changes = ", ".join(f"`{name}` = {value}" for name, value in values.items())
        return f"""
            MERGE INTO {self._names.credentials.quoted} t USING {staging} s ON {same}
            WHEN MATCHED AND NOT s.is_new THEN UPDATE SET {changes}
            WHEN NOT MATCHED AND s.is_new THEN
                INSERT ({", ".join(f"`{name}`" for name in values)}) VALUES ({", ".join(values.values())})"""


def _build_change(before: Row | None, row: Row, columns: Sequence[str] | Any) -> dict[str, Any] | None:
    """Return the row to stage. Return None if the table holds it already."""
    wanted = {name: row.get(name) or None for name in columns}
    if before is None:
        return {"is_new": True, **{f"was_{name}": wanted.get(name) for name in KEYS}, **wanted}
    if {name: before.get(name) for name in columns} == wanted:
        return None
    return {"is_new": False, **{f"was_{name}": before.get(name) for name in KEYS}, **wanted}


def _cast(value: str, column_type: str) -> str:
    if column_type == STRING:
        return value
    if column_type == BOOL:
        return f"LOWER({value}) IN {YES}"
    fits = f"SAFE_CAST({value} AS {column_type})"  # an error of CAST would quote the value, and jobs keep their errors
    return f"IF({fits} IS NULL AND {value} IS NOT NULL, ERROR('a value does not fit its column'), {fits})"


def _as_texts(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        name: None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in row.items()
    }
