"""Checks of tables that exist already. Nothing is changed here."""

import logging
from collections.abc import Iterable

from google.cloud import bigquery

from config import Settings
from errors import OldTable, TableRefused
from tables import CALLS, CREDENTIALS, Table
from warehouses.bigquery.names import TableName
from warehouses.bigquery.schemas import PARTITIONS, find_mismatches, partition_expiry_milliseconds
from warehouses.sql.table_checks import find_credentials_faults, is_of_old_shape

LOG = logging.getLogger(__name__)

MOST_MISMATCHES = 6


def check_table(
    found: bigquery.Table, name: TableName, table: Table, settings: Settings, pending: Iterable[str] = ()
) -> None:
    """Refuse a foreign table under our name, and warn of options that lose rows.

    Args:
        found: the table in BigQuery.
        name: its full name.
        table: our definition.
        settings: tell the options of the calls table.
        pending: names of columns which a migration is about to add.

    Raises:
        OldTable: an older program filled this table of calls.
        TableRefused: its columns differ from ours, or it is a view.
    """
    columns = [field.name for field in found.schema]
    if table is CALLS and is_of_old_shape(columns):
        raise OldTable(name.reference)
    if table is CREDENTIALS:
        wrong = find_credentials_faults(columns)
    elif found.table_type != "TABLE":
        wrong = ["it is a view"]
    else:
        wrong = find_mismatches(found.schema, table.columns, pending)
    refuse_mismatches(name, wrong)
    if found.expires is not None:
        LOG.warning(
            "%s is deleted at %s; to keep it: bq update --expiration 0 %s:%s.%s",
            found.reference, found.expires, found.project, found.dataset_id, found.table_id,
        )  # fmt: skip
    if table is CALLS:
        _compare_options(found, settings)


def refuse_mismatches(name: TableName, wrong: list[str]) -> None:
    """Raise TableRefused with the first mismatches, if there are any."""
    if wrong:
        raise TableRefused(name.reference, "; ".join(wrong[:MOST_MISMATCHES]))


def _compare_options(found: bigquery.Table, settings: Settings) -> None:
    """Warn of options that differ from the settings. They stay, since a slip in a setting must not delete calls."""
    partitioning = found.time_partitioning
    if partitioning is None or partitioning.field != PARTITIONS[CALLS]:
        LOG.warning("%s is not partitioned by call_date: every commit reads all of it", found.reference)
        return
    if bool(found.require_partition_filter) != settings.bigquery_require_partition_filter:
        LOG.warning(
            "%s differs from BIGQUERY_REQUIRE_PARTITION_FILTER; to change it: bq update"
            " --[no]require_partition_filter %s:%s.%s",
            found.reference, found.project, found.dataset_id, found.table_id,
        )  # fmt: skip
    expiry = partition_expiry_milliseconds(settings)
    if (partitioning.expiration_ms or 0) != expiry:
        LOG.warning(
            "%s has another partition expiry than BIGQUERY_PARTITION_EXPIRY_DAYS; to change it: bq update"
            " --time_partitioning_expiration %d %s:%s.%s",
            found.reference, expiry // 1000, found.project, found.dataset_id, found.table_id,
        )  # fmt: skip
