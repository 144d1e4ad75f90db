"""Merges the spooled calls of one batch into the calls table, inside the caller's transaction, and counts them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from errors import BatchRefused
from messages import SealedWindow
from tables import WRITTEN_AT_COMMIT, call_columns
from warehouses.batch_rows import ACTIONS, Counts
from warehouses.commit_script import CommitScript
from warehouses.duckdb_tables import DuckDBTables


class DuckDBDialect:
    """Parameters are named with $, and changed rows are put together, taken out and put back.

    UPDATE keeps every changed value in memory until the end of the transaction: 400,000 rows of 28 columns did not
    fit into 256 MB, and a batch that does not fit never will.
    """

    new_table = "CREATE OR REPLACE TEMP TABLE"
    now = "$now"
    run_id = "$run_id"

    @staticmethod
    def rewritten(script: CommitScript, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """With the columns that an analyst has added."""
        keys = f"SELECT coalesce(other_key, call_key) FROM actions WHERE action = '{action}'"
        return (
            f"""
            CREATE OR REPLACE TEMP TABLE rewritten AS
            SELECT t.* REPLACE ({", ".join(f"{value} AS {name}" for name, value in values.items())})
            FROM (SELECT s.*, coalesce(a.other_key, a.call_key) AS old_key
                  FROM {source} s JOIN actions a ON a.call_key = s.call_key WHERE a.action = '{action}') s
            JOIN {script.calls} t ON t.call_key = s.old_key AND t.{script.days}""",
            f"DELETE FROM {script.calls} WHERE {script.days} AND call_key IN ({keys})",
            f"INSERT INTO {script.calls} SELECT * FROM rewritten",
        )


class CallMerge:
    """Statements for the calls of one batch; a batch without any must not come here."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, tables: DuckDBTables, now: datetime, run_id: str, *, only_new: bool
    ) -> None:
        self._db = db
        self._tables = tables
        self._only_new = only_new
        self._written = {"now": now, "run_id": run_id}

    def run(self, windows: Sequence[SealedWindow]) -> Counts:
        """Counts by source; windows with calls, the latest read last.

        Raises:
            BatchRefused: the files do not hold what the windows say; without their days a call would be twice in the
                table.
        """
        script = CommitScript(
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
        files = [file for window in windows for file in window.call_files]
        self._db.execute(f"""
            CREATE TEMP VIEW spooled_rows AS
            SELECT *, (CAST(file_index AS BIGINT) << 32) + file_row_number AS place
            FROM read_parquet({listed([file.path for file in files])})""")
        rows, astray, copies = self._db.execute(script.measure).fetchall()[0]
        if rows != sum(file.rows for file in files) or astray:
            raise BatchRefused("the spool is not as it was sealed")
        return self._copies_merged(script) if copies else self._merged_once(script)

    def _merged_once(self, script: CommitScript) -> Counts:
        return self._merged(script, script.spooled)

    def _copies_merged(self, script: CommitScript) -> Counts:
        """Where several sources or windows show a leg: a round for each report that does."""
        counts: Counts = defaultdict(Counter)
        self._db.execute(script.rank_copies)
        for number in range(1, self._number(script.count_rounds) + 1):
            for source_key, counter in self._merged(script, script.of_round(number)).items():
                counts[source_key] += counter
            for source_key, count, overlapping in self._db.execute(script.count_copies(number)).fetchall():
                counts[source_key] += Counter(unchanged=count, overlapping=overlapping)
        return counts

    def _merged(self, script: CommitScript, source: str) -> Counts:
        self._db.execute(script.classify(source))
        self._apply(script, source)
        counts: Counts = defaultdict(Counter)
        for source_key, action, count, overlapping in self._db.execute(script.count_actions).fetchall():
            counts[source_key] += Counter({ACTIONS[action]: count, "overlapping": overlapping})
        return counts

    def _apply(self, script: CommitScript, source: str) -> None:
        """Changed rows, rows taken over, new ones with a uniqueid, then without; nothing where nothing is new."""
        found = self._db.execute("SELECT action, bare, count(*) FROM actions GROUP BY ALL").fetchall()
        counts = Counter({(action, bare): count for action, bare, count in found})
        new, new_bare = counts["insert", False], counts["insert", True]
        if counts["update", False] or counts["update", True]:
            self._write(*script.update_changed(source))
        if new and self._number(f"SELECT EXISTS ({script.bare_rows})"):
            self._db.execute(script.find_takeovers(source))
            self._write(*script.take_over(source))
            self._db.execute(script.follow_takeovers)
            new = self._number("SELECT count(*) FROM actions WHERE action = 'insert' AND NOT bare")
        if new:
            everything = new == counts.total()
            self._write(script.insert_all(source) if everything else script.insert_new(source, bare=False))
        if new_bare:
            self._db.execute(script.find_fills(source))
        if new_bare or counts["fill", False] or counts["fill", True]:
            self._db.execute(script.mark_fills(source))
            self._write(*script.fill(source))
        if new_bare:
            self._write(script.insert_new(source, bare=True))

    def _write(self, *statements: str) -> None:
        for statement in statements:
            self._db.execute(statement, {name: v for name, v in self._written.items() if f"${name}" in statement})

    def _number(self, query: str) -> int:
        row = self._db.execute(query).fetchone()
        return int(row[0]) if row else 0


def listed(paths: Sequence[str]) -> str:
    """A list of file names as an SQL literal."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
