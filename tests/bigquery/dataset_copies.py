"""A request of the emulator's own: copy a dataset with its tables, rows and descriptions.

Creating the program's tables over the API takes the emulator seconds, a copy takes milliseconds. A test that needs a
dataset with tables gets a copy of one prepared by the program itself.
"""

from importlib import import_module
from typing import Any


def serve_dataset_copies() -> None:
    """Answer ``POST /copies/SOURCE/TARGET`` beside the requests of BigQuery."""
    app: Any = import_module("local_bigquery.app").app
    database: Any = import_module("local_bigquery.engine.database")

    def copy(source: str, target: str) -> None:
        project = database.settings.default_project_id
        with database.cursor() as cursor:
            _copy_contents(cursor, project, source, target)
        with database.cursor() as cursor:
            for kind, keys in database.RESOURCES.items():
                rest = "".join(f", {key}" for key in keys if key not in ("project_id", "dataset_id"))
                cursor.execute(
                    f"INSERT INTO emulator.{kind} (project_id, dataset_id{rest}, resource) "
                    f"SELECT project_id, $2{rest}, replace(resource::VARCHAR, $1, $2)::JSON FROM emulator.{kind} "
                    "WHERE dataset_id = $1",
                    [source, target],
                )

    app.add_api_route("/copies/{source}/{target}", copy, methods=["POST"])


def _copy_contents(cursor: Any, project: str, source: str, target: str) -> None:
    """DuckDB writes to one database in a transaction, so that the descriptions follow in another."""
    cursor.execute("BEGIN")
    cursor.execute(f'CREATE SCHEMA "{project}"."{target}"')
    cursor.execute(f'USE "{project}"')
    for kind in ("table", "view"):
        made = cursor.execute(
            f"SELECT {kind}_name, sql FROM duckdb_{kind}s() WHERE database_name = ? AND schema_name = ?",
            [project, source],
        ).fetchall()
        for name, sql in made:
            cursor.execute(sql.replace(source, target))
            if kind == "table":
                cursor.execute(f'INSERT INTO "{target}"."{name}" SELECT * FROM "{source}"."{name}"')
    cursor.execute("COMMIT")
