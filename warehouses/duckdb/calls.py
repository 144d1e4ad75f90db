"""The merge of a batch's spooled calls into the calls table, inside the caller's transaction."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from errors import BatchRefused
from messages import SealedWindow
from tables import WRITTEN_AT_COMMIT, call_columns
from warehouses.duckdb.tables import DuckDBTables
from warehouses.sql.batch_rows import ACTIONS, Counts
from warehouses.sql.commit_scope import CommitScope
from warehouses.sql.commit_script import CommitScript


class DuckDBDialect:
    """Names of parameters begin with $. Changed rows are put together, deleted and inserted again.

    UPDATE keeps every changed value in memory until the end of the transaction. 400,000 rows of 28 columns did not fit
    into 256 MB, and such a batch would fail for ever.
    """

    new_table = "CREATE OR REPLACE TEMP TABLE"
    digest = "md5({})"
    now = "$now"
    run_id = "$run_id"

    @staticmethod
    def rewrite_calls(scope: CommitScope, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """Rewrite whole rows, with columns added by an analyst."""
        keys = f"SELECT coalesce(other_key, call_key) FROM actions WHERE action = '{action}'"
        return (
            f"""
            CREATE OR REPLACE TEMP TABLE rewritten AS
            SELECT t.* REPLACE ({", ".join(f"{value} AS {name}" for name, value in values.items())})
            FROM (SELECT s.*, a.own_key, coalesce(a.other_key, a.call_key) AS old_key
                  FROM {source} s JOIN actions a ON a.call_key = s.call_key WHERE a.action = '{action}') s
            JOIN {scope.calls} t ON t.call_key = s.old_key AND t.{scope.days}""",
            f"DELETE FROM {scope.calls} WHERE {scope.days} AND call_key IN ({keys})",
            f"INSERT INTO {scope.calls} SELECT * FROM rewritten",
        )


class CallMerge:
    """Runs the statements for the calls of one batch, which must have some."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, tables: DuckDBTables, now: datetime, run_id: str, *, only_new: bool
    ) -> None:
        self._db = db
        self._tables = tables
        self._only_new = only_new
        self._written = {"now": now, "run_id": run_id}

    def run(self, windows: Sequence[SealedWindow]) -> Counts:
        """Merge the calls and return their counts by source.

        Args:
            windows: those with calls, the latest read last.

        Raises:
            BatchRefused: the files differ from their windows. With wrong days a call would be in the table twice.
        """
        scope = CommitScope(
            calls=self._tables.calls,
            columns=tuple(
                column
                for column in call_columns(lead_fields=self._tables.lead_fields)
                if column.name not in WRITTEN_AT_COMMIT
            ),
            spooled="spooled_rows",
            first_day=min(window.first_day for window in windows if window.first_day),
            last_day=max(window.last_day for window in windows if window.last_day),
            dialect=DuckDBDialect(),
            only_new=self._only_new,
        )
        script = CommitScript(scope)
        files = [file for window in windows for file in window.call_files]
        self._db.execute(f"""
            CREATE TEMP VIEW spooled_rows AS
            SELECT *, (CAST(file_index AS BIGINT) << 32) + file_row_number AS place, FALSE AS apart
            FROM read_parquet({quote_paths([file.path for file in files])})""")
        rows, astray, copies = self._db.execute(script.measure).fetchall()[0]
        if rows != sum(file.rows for file in files) or astray:
            raise BatchRefused("the spool is not as it was sealed")
        return self._merge_copies(script) if copies else self._merge(script, script.scope.spooled)

    def _merge_copies(self, script: CommitScript) -> Counts:
        """Merge legs shown by several sources or windows, in a round for each report."""
        counts: Counts = defaultdict(Counter)
        self._db.execute(script.copies.rank)
        for number in range(1, self._number(script.copies.count_rounds) + 1):
            for source_key, counter in self._merge(script, script.copies.select_round(number)).items():
                counts[source_key] += counter
            for source_key, count, overlapping in self._db.execute(script.copies.count(number)).fetchall():
                counts[source_key] += Counter(unchanged=count, overlapping=overlapping)
        return counts

    def _merge(self, script: CommitScript, source: str) -> Counts:
        self._db.execute(script.actions.classify(source))
        self._apply(script, source)
        counts: Counts = defaultdict(Counter)
        for source_key, action, count, overlapping in self._db.execute(script.actions.count).fetchall():
            counts[source_key] += Counter({ACTIONS[action]: count, "overlapping": overlapping})
        return counts

    def _apply(self, script: CommitScript, source: str) -> None:
        """Carry out the actions. A step without rows is left out.

        The order: calls with the key of another call, changed rows, takeovers, new calls with a uniqueid, without one.
        """
        counts = self._count_actions()
        apart = counts["insert apart", False] + counts["insert apart", True]
        if apart:
            self._db.execute(script.actions.find_apart(source))
            self._db.execute(script.actions.mark_rest_as_new)
            counts = self._count_actions()
        if counts["insert", True]:
            self._db.execute(script.actions.find_known(source))
        counts = self._count_actions()
        new, new_bare = counts["insert", False], counts["insert", True]
        if counts["update", False] or counts["update", True]:
            self._write(*script.writes.update_changed(source))
        if new and self._number(f"SELECT EXISTS ({script.matches.rows_to_take_over})"):
            self._db.execute(script.matches.find_takeovers(source))
            self._write(*script.writes.take_over(source))
            self._db.execute(script.matches.follow_takeovers)
            new = self._number("SELECT count(*) FROM actions WHERE action = 'insert' AND NOT bare")
        if new:
            everything = new == counts.total() and not apart
            writes = script.writes
            self._write(writes.insert_all(source) if everything else writes.insert_new(source, bare=False))
        if new_bare:
            self._db.execute(script.matches.find_fills(source))
        if new_bare or counts["fill", False] or counts["fill", True]:
            self._db.execute(script.writes.mark_fills(source))
            self._write(*script.writes.fill(source))
        if new_bare:
            self._write(script.writes.insert_new(source, bare=True))

    def _count_actions(self) -> Counter[tuple[str, bool]]:
        found = self._db.execute("SELECT action, bare, count(*) FROM actions GROUP BY ALL").fetchall()
        return Counter({(action, bare): count for action, bare, count in found})

    def _write(self, *statements: str) -> None:
        for statement in statements:
            self._db.execute(statement, {name: v for name, v in self._written.items() if f"${name}" in statement})

    def _number(self, query: str) -> int:
        row = self._db.execute(query).fetchone()
        return int(row[0]) if row else 0


def quote_paths(paths: Sequence[str]) -> str:
    """Return a list of file names as an SQL literal."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
