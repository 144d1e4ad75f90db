"""What a test sees of a warehouse: an analyst's own session on the file."""

from typing import Any

import duckdb

from config import Settings


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    """Rows of a query; moments as aware datetimes."""
    with duckdb.connect(settings.duckdb_path, read_only=True) as db:
        db.execute("SET TimeZone = 'UTC'")
        found: list[dict[str, Any]] = db.sql(query).to_arrow_table().to_pylist()
    return found


def calls(settings: Settings) -> list[dict[str, Any]]:
    """Every column of every call, in a fixed order."""
    return rows(settings, "SELECT * FROM vicidial.calls ORDER BY call_key")
