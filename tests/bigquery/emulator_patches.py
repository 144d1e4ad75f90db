"""What local-bigquery 0.4.0 needs so that it runs without a network and treats MERGE and views as BigQuery does.

Every patch replaces something private of exactly that version. Its modules are imported by name and untyped: they
are on the path of the emulator's process only.
"""

import contextvars
import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import duckdb
from sqlglot import exp

OURS = ("emulator", "bq", "memory")  # databases that are no project
MERGING = contextvars.ContextVar("merging", default=False)
"""True within a MERGE."""


def store_projects_in_plain_files() -> None:
    """One DuckDB file for each project, where upstream downloads the extensions ducklake and spatial at its start.

    The time zone is set after connecting: as an option of the connection it is refused, since the extension that
    knows it is built in but not loaded yet. The functions on geography need spatial and are left out.
    """
    database: Any = import_module("local_bigquery.engine.database")
    functions = [path for path in database.FUNCTIONS if path.name != "geography.sql"]

    def attach(connection: duckdb.DuckDBPyConnection, project_id: str) -> None:
        file = database.settings.data_dir / f"{project_id}.duckdb"
        connection.execute(f"ATTACH IF NOT EXISTS '{file}' AS {database.quote(project_id)}")
        database._attached.add(project_id)

    @functools.cache
    def connect() -> duckdb.DuckDBPyConnection:
        settings = database.settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": "1"})
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{settings.data_dir / 'emulator.duckdb'}' AS emulator")
        connection.execute(database.EMULATOR_SCHEMA)
        connection.execute("ATTACH ':memory:' AS bq")
        database.native.register(connection)
        for path in functions:
            connection.execute(database.MACRO.sub(r"CREATE MACRO bq.main.\1", path.read_text(encoding="utf-8")))
        stored = {path.stem for path in settings.data_dir.glob("*.duckdb")} - set(OURS)
        for project_id in stored | {settings.default_project_id}:
            attach(connection, project_id)
        default = database.quote(settings.default_project_id, settings.default_dataset_id)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {default}")
        return connection

    def projects() -> list[str]:
        query = "SELECT database_name FROM duckdb_databases() WHERE NOT internal ORDER BY 1"
        return [name for (name,) in database.fetch(query) if name not in OURS]

    database._attach, database._connect, database.projects = attach, connect, projects


class _InsideTransaction:
    """A cursor that answers a nested BEGIN with the error that upstream expects there.

    DuckDB raises it too, but aborts the transaction that is open as well.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql == "BEGIN":
            raise duckdb.TransactionException("a transaction is open already")
        return self._cursor.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def merge_as_bigquery_does() -> None:
    """MERGE works inside a transaction, and may meet a table that requires a partition filter.

    Upstream refuses the second always, because it looks for the filter in the statements that it makes of the MERGE.
    """
    merge: Any = import_module("local_bigquery.jobs.merge")
    rules: Any = import_module("local_bigquery.sql.rules.tables")
    run, check = merge.run, rules._check

    def patched_run(cursor: duckdb.DuckDBPyConnection, tree: exp.Merge, context: Any) -> Any:
        _require_partition_filter(tree, context)
        token = MERGING.set(True)
        try:
            return run(_InsideTransaction(cursor) if _in_transaction(cursor) else cursor, tree, context)
        finally:
            MERGING.reset(token)

    def patched_check(tree: exp.Expression, table: exp.Table, is_target: bool) -> None:
        check(tree, table, is_target or MERGING.get())  # a target is not asked for a filter

    merge.run, rules._check = patched_run, patched_check


def _in_transaction(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Outside of one, each statement is a transaction of its own, with a number of its own."""
    number: Callable[[], Any] = lambda: cursor.execute("SELECT txid_current()").fetchone()  # noqa: E731
    return bool(number() == number())


def _require_partition_filter(tree: exp.Merge, context: Any) -> None:
    names: Any = import_module("local_bigquery.catalog.names")
    metadata: Any = import_module("local_bigquery.catalog.metadata")
    table_type: Any = import_module("local_bigquery.models").Table
    error: Any = import_module("local_bigquery.errors").BigQueryError
    reference = names.reference(tree.this, context.project_id, context.dataset_id)
    table = metadata.load(table_type, *reference)
    if table is None or not table.requirePartitionFilter:
        return
    column = (table.timePartitioning and table.timePartitioning.field) or "_PARTITIONTIME"
    if not _filters_by(tree, column):
        raise error(
            "invalidQuery",
            f"Cannot query over table '{'.'.join(reference)}' without a filter over column(s) '{column}' "
            "that can be used for partition elimination",
        )


def _filters_by(tree: exp.Merge, column: str) -> bool:
    """Whether ON or a WHEN compares the target's column with something that is known before the statement runs.

    A comparison with a column of the source eliminates no partition. Names without a table may be variables.
    """
    partition = (tree.this.alias_or_name.casefold(), column.casefold())
    conditions = [tree.args["on"], *(when.args.get("condition") for when in tree.args["whens"].expressions)]
    predicates = (
        found for condition in conditions if condition is not None for found in condition.find_all(exp.Predicate)
    )
    for predicate in predicates:
        columns = [(found.table.casefold(), found.name.casefold()) for found in predicate.find_all(exp.Column)]
        if any(name == partition[1] for _, name in columns) and all(
            not table or (table, name) == partition for table, name in columns
        ):
            return True
    return False


def tell_of_conflicts_as_bigquery_does() -> None:
    """DuckDB's words for two transactions that meet at one row; upstream calls such a query invalid."""
    query: Any = import_module("local_bigquery.jobs.query")
    errors: Any = import_module("local_bigquery.errors")
    from_duckdb = errors.from_duckdb

    def patched(error: Exception, *arguments: Any) -> Any:
        if isinstance(error, duckdb.TransactionException) and "onflict" in str(error):
            return errors.BigQueryError("invalidQuery", "Transaction is aborted due to concurrent update against table")
        return from_duckdb(error, *arguments)

    errors.from_duckdb = query.from_duckdb = patched


def renew_views_as_bigquery_does() -> None:
    """A view with a new query shows its rows. Upstream keeps the new query as a description only."""
    tables: Any = import_module("local_bigquery.catalog.tables")
    query: Any = import_module("local_bigquery.jobs.query")
    update = tables.update

    def patched(project_id: str, dataset_id: str, table_id: str, body: Any, *rest: Any) -> Any:
        updated = update(project_id, dataset_id, table_id, body, *rest)
        if body.view:
            text = query.translate_view(project_id, dataset_id, body.view.query)
            view = tables.name(project_id, dataset_id, table_id)
            tables.database.execute(f"CREATE OR REPLACE VIEW {view} AS {text}")
        return updated

    tables.update = patched
