"""The views beside the calls table of a DuckDB file, made and renewed."""

import logging
import re
from collections.abc import Callable

from warehouses.duckdb.stored_tables import Database, StoredTables
from warehouses.sql.table_checks import FOREIGN_VIEW
from warehouses.sql.view_columns import VIEWS, View
from warehouses.sql.views import ViewScript

LOG = logging.getLogger(__name__)

OURS = re.compile(r" Renewed by vicidial-to-warehouse, query ([0-9a-f]+)\.$")
"""End of the comment on a view of ours, with the digest of its query. DuckDB keeps the query in its own words."""


class DuckDBViews:
    """Knows by its comment whose a view is, and whether its query is the current one."""

    def __init__(self, script: ViewScript, output_table: str, name: Callable[[str], str]) -> None:
        self._script = script
        self._output_table = output_table
        self._name = name
        self._told: set[str] = set()

    def find_stale(self, stored: StoredTables) -> list[View]:
        """Return the views to make or to renew. Warn of a foreign object under the name of one, and leave it alone."""
        return [view for view in VIEWS if self._is_stale(stored, view)]

    def make(self, db: Database, stored: StoredTables) -> None:
        for view in self.find_stale(stored):
            place = self._name(self._table_name(view))
            comment = f"{view.description} Renewed by vicidial-to-warehouse, query {self._script.digest(view)}."
            db.execute(f"CREATE OR REPLACE VIEW {place} AS {self._script.query(view)}")
            text = comment.replace("'", "''")
            db.execute(f"COMMENT ON VIEW {place} IS '{text}'")

    def _is_stale(self, stored: StoredTables, view: View) -> bool:
        name = self._table_name(view)
        if not (stored.columns(name) or stored.is_view(name)):
            return True
        ours = OURS.search(stored.view_comment(name))
        if ours is None:
            self._tell_of_foreign(name)
            return False
        return ours[1] != self._script.digest(view)

    def _tell_of_foreign(self, name: str) -> None:
        """Warn once, though the views are looked for twice, to read and to write."""
        if name not in self._told:
            self._told.add(name)
            LOG.warning(FOREIGN_VIEW, self._name(name))

    def _table_name(self, view: View) -> str:
        return f"{self._output_table}_{view.name}"
