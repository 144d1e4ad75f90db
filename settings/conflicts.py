"""Settings that are valid alone and contradict each other."""

from collections.abc import Iterator, Mapping
from typing import Any

from tables import LEASES, STATE_TABLES


def find_conflicts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the problem of each setting that does not go with another one.

    Args:
        values: by name, without the settings that are not valid alone.
    """
    both = values.keys() >= {"CONNECT_TIMEOUT", "REQUEST_TIMEOUT"}
    if both and values["CONNECT_TIMEOUT"] > values["REQUEST_TIMEOUT"]:
        yield "CONNECT_TIMEOUT", "allowed is no more than REQUEST_TIMEOUT, which covers the whole request"
    copy, data_dir = values.get("DUCKDB_READ_COPY"), values.get("DATA_DIR")
    if copy and copy == (values.get("DUCKDB_PATH") or (data_dir and data_dir / "calls.duckdb")):
        yield "DUCKDB_READ_COPY", "allowed is any path but that of the DuckDB file itself"
    known = values.keys() >= {"BIGQUERY_LEASE_SECONDS", "BIGQUERY_JOB_TIMEOUT"}
    if known and values["BIGQUERY_LEASE_SECONDS"] <= values["BIGQUERY_JOB_TIMEOUT"]:
        yield (
            "BIGQUERY_LEASE_SECONDS",
            "allowed is more than BIGQUERY_JOB_TIMEOUT, so that a commit does not outlast it",
        )
    yield from _table_conflicts(values)


def _table_conflicts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tables = {name: values[name] for name in ("CREDENTIALS_TABLE", "OUTPUT_TABLE") if name in values}
    kind, *cloud = (values.get(name, "refused") for name in ("WAREHOUSE", "PROJECT_ID", "SERVICE_ACCOUNT_PATH"))
    local = kind == "duckdb" or not any((kind, *cloud))
    dataset = f"{values.get('PROJECT_ID') or ''}.{values.get('DATASET_ID', '')}."
    beside = (*STATE_TABLES, LEASES)
    taken = {f"{dataset}{table.name}".casefold(): "a table that is kept beside it" for table in beside}
    for name, table in tables.items():
        if "." in table and local:
            yield name, "allowed with WAREHOUSE=duckdb is a plain name, without dots"
        dots = table.count(".")
        full = (
            table if dots == 2 else dataset.split(".", maxsplit=1)[0] + "." + table if dots else dataset + table
        ).casefold()
        if full in taken:
            yield name, f"allowed is any name but that of {taken[full]}"
        taken[full] = f"{name}"
