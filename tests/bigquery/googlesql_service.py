"""GoogleSQL's analyser, one statement at a time, as a WebAssembly module set to the language that BigQuery speaks.

Compiling the module takes up to 44 s and 1 GB, so the result is kept in ``.bigquery-emulator/zetasql/`` of the
repository, named after everything it depends on; whoever comes second waits for the first. The folder may be deleted.
"""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch  # of the analyser's own loader, which cannot be told to keep what it has compiled

from filelock import FileLock
from wasmtime import Engine, Module, WasmtimeError
from zetasql import types  # type: ignore[import-untyped]  # ships no py.typed
from zetasql.core import ZetaSqlLocalService, wasm_client  # type: ignore[import-untyped]  # ships no py.typed

Columns = dict[str, Any]
"""Column name → type, in the order of the table."""

FOLDER = Path(__file__).resolve().parents[2] / ".bigquery-emulator" / "zetasql"

ABSENT_FROM_BIGQUERY = (
    "AGGREGATE_FILTERING", "ALLOW_SLASH_PATHS", "ARRAY_AGGREGATION_FUNCTIONS", "ARRAY_EQUALITY", "ARRAY_FIND_FUNCTIONS",
    "ARRAY_ORDERING", "ARRAY_ZIP", "BRACED_PROTO_CONSTRUCTORS", "CHECK_CONSTRAINT", "CONCAT_MIXED_TYPES",
    "DML_RETURNING", "ENABLE_MEASURES", "EXPERIMENTAL_MODULES", "FIRST_AND_LAST_N", "FOR_UPDATE",
    "IDENTITY_COLUMNS", "INLINE_LAMBDA_ARGUMENT", "INSERT_ON_CONFLICT_CLAUSE", "JSON_TYPE_COMPARISON", "LATERAL_JOIN",
    "LIMIT_OFFSET_EXPRESSIONS", "MULTILEVEL_AGGREGATION", "MULTIWAY_UNNEST", "NESTED_UPDATE_DELETE_WITH_OFFSET",
    "PIPE_ASSERT", "PIPE_CREATE_TABLE", "PIPE_DESCRIBE", "PIPE_EXPORT_DATA", "PIPE_FORK", "PIPE_IF", "PIPE_INSERT",
    "PIPE_STATIC_DESCRIBE", "PIPE_TEE", "STRUCT_POSITIONAL_ACCESSOR", "TIMESTAMP_NANOS", "UUID_TYPE",
)  # fmt: skip
"""Features of the analyser that BigQuery's reference does not describe; where it is in doubt, we do without as well."""

TABLE_OPTIONS = {
    "clustering_fields": "ARRAY<STRING>", "default_rounding_mode": "STRING", "description": "STRING",
    "expiration_timestamp": "TIMESTAMP", "friendly_name": "STRING", "kms_key_name": "STRING",
    "labels": "ARRAY<STRUCT<STRING, STRING>>", "location": "STRING", "max_staleness": "INTERVAL",
    "partition_expiration_days": "FLOAT64", "require_partition_filter": "BOOL", "rounding_mode": "STRING",
}  # fmt: skip
"""Options of datasets, tables, views and columns, and their types; any other name is refused."""

SYSTEM_VARIABLES = {
    "row_count": "INT64", "current_job_id": "STRING", "project_id": "STRING", "time_zone": "STRING",
    "script.job_id": "STRING", "script.creation_time": "TIMESTAMP", "script.num_child_jobs": "INT64",
}  # fmt: skip
OF_AN_ERROR = {"error.message": "STRING", "error.statement_text": "STRING", "error.formatted_stack_trace": "STRING"}
"""Known only inside of EXCEPTION WHEN ERROR."""


@cache
def service() -> Any:
    """The analyser, started once per process."""
    with patch.object(wasm_client, "Module", SimpleNamespace(from_file=partial(kept_module, FOLDER))):
        return ZetaSqlLocalService()


@cache
def language() -> Any:
    """BigQuery's language, as near as the switches of the analyser come to it."""
    everything = service().get_language_options(maximum_features=True).enabled_language_features
    absent = {types.LanguageFeature[f"FEATURE_{name}"] for name in ABSENT_FROM_BIGQUERY}
    return types.LanguageOptions(
        product_mode=types.ProductMode.PRODUCT_EXTERNAL,
        enabled_language_features=[feature for feature in everything if feature not in absent],
        reserved_keywords=["QUALIFY"],
    )


@cache
def functions() -> Any:
    """The built-in functions of that language."""
    return types.ZetaSQLBuiltinFunctionOptions(language_options=language())


@cache
def type_of(name: str) -> Any:
    """The type that BigQuery knows by that name, such as ``ARRAY<STRUCT<a STRING, b INT64>>``."""
    response = service().analyze(
        sql_statement=f"SELECT CAST(NULL AS {name}) AS value",
        options=types.AnalyzerOptions(language_options=language()),
        simple_catalog=types.SimpleCatalog(name="types", builtin_function_options=functions()),
    )
    return response.resolved_statement.output_column_list[0].column.type


def parse(script: str) -> Any:
    """The syntax tree of a script; its places are bytes of UTF-8.

    Raises:
        ServerError: a mistake in the syntax.
    """
    return service().parse(sql_statement=script, options=language(), allow_script=True).parsed_script


def resolve(
    sql: str,
    tables: Mapping[str, Columns],
    *,
    parameters: Mapping[str, Any],
    variables: Mapping[str, Any],
    system_variables: Mapping[str, str],
) -> Any:
    """One statement with every name and type of it found.

    Raises:
        ServerError: a mistake in the statement.
    """
    catalog = types.SimpleCatalog(
        name="warehouse",
        table=[_table(name, columns) for name, columns in tables.items()],
        constant=[  # a column hides the variable of its name, as a constant of the catalog is hidden
            types.SimpleConstant(name_path=[name], type=of_type, value=types.Value())
            for name, of_type in variables.items()
        ],
        builtin_function_options=functions(),
    )
    options = _options(parameters, system_variables)
    return service().analyze(sql_statement=sql, options=options, simple_catalog=catalog).resolved_statement


def kept_module(folder: Path, engine: Engine, path: str) -> Module:
    """In place of ``Module.from_file``: the module of that path, compiled once for all who use the folder."""
    made_of = (
        version("wasmtime"),
        version("zetasql"),
        platform.system(),
        platform.machine(),
        Path(path).stat().st_size,
    )
    kept = folder / f"{hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]}.cwasm"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        if kept.exists():
            try:
                return Module.deserialize_file(engine, str(kept))
            except WasmtimeError:  # compiled for another processor, or damaged: made anew
                kept.unlink()
        module = Module.from_file(engine, path)
        unfinished = kept.with_suffix(".part")
        unfinished.write_bytes(module.serialize())
        unfinished.replace(kept)
        return module


def _table(name: str, columns: Columns) -> Any:
    writable = [
        types.SimpleColumn(name=column, type=of_type, is_writable_column=True) for column, of_type in columns.items()
    ]
    return types.SimpleTable(name=name, column=writable)


def _options(parameters: Mapping[str, Any], system_variables: Mapping[str, str]) -> Any:
    options, of_tables = types.AnalyzerOptions, types.AllowedHintsAndOptions
    return options(
        language_options=language(),
        error_message_mode=types.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE,
        query_parameters=[options.QueryParameter(name=name, type=of_type) for name, of_type in parameters.items()],
        system_variables=[
            options.SystemVariable(name_path=name.split("."), type=type_of(type_name))
            for name, type_name in system_variables.items()
        ],
        allowed_hints_and_options=of_tables(
            disallow_unknown_options=True,
            option=[of_tables.Option(name=name, type=type_of(type_name)) for name, type_name in TABLE_OPTIONS.items()],
        ),
    )
