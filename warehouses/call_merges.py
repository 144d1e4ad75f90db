"""Merges the spooled calls of one batch into the calls table, inside the caller's transaction, and counts them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

import duckdb

from errors import BatchRefused
from messages import SealedWindow
from tables import WRITTEN_AT_COMMIT, call_columns
from warehouses.commit_script import CommitScript
from warehouses.duckdb_tables import DuckDBTables

Counts = defaultdict[str, Counter[str]]
"""source_key → what its rows counted as: inserted, updated, unchanged; and overlapping, beside these."""

ACTIONS = {
    "insert": "inserted", "update": "updated", "takeover": "updated", "fill and change": "updated", "fill": "unchanged",
    "unchanged": "unchanged",
}  # fmt: skip
"""What is done to a row → what it counts as."""


class CallMerge:
    """Statements for the calls of one batch; a batch without any must not come here."""

    def __init__(self, db: duckdb.DuckDBPyConnection, tables: DuckDBTables, now: datetime, run_id: str) -> None:
        self._db = db
        self._tables = tables
        self._written = {"now": now, "run_id": run_id}

    def run(self, sealed: Sequence[SealedWindow]) -> Counts:
        """Counts by source.

        Raises:
            BatchRefused: the files do not hold what the windows say; without their days a call would be twice in the
                table.
        """
        windows = sorted((window for window in sealed if window.call_files), key=lambda window: window.read_at)
        script = CommitScript(
            calls=self._tables.calls,
            columns=tuple(
                column
                for column in call_columns(lead_fields=self._tables.lead_fields)
                if column.name not in WRITTEN_AT_COMMIT
            ),
            first_day=min(window.first_day for window in windows if window.first_day),
            last_day=max(window.last_day for window in windows if window.last_day),
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
        self._db.execute(script.keep_all)
        return self._merged(script)

    def _copies_merged(self, script: CommitScript) -> Counts:
        """Where several sources or windows show a leg: a round for each report that does."""
        counts: Counts = defaultdict(Counter)
        self._db.execute(script.rank_copies)
        for number in range(1, self._number(script.count_rounds) + 1):
            self._db.execute(script.keep_round(number))
            for source_key, counter in self._merged(script).items():
                counts[source_key] += counter
            for source_key, count, overlapping in self._db.execute(script.count_copies(number)).fetchall():
                counts[source_key] += Counter(unchanged=count, overlapping=overlapping)
        return counts

    def _merged(self, script: CommitScript) -> Counts:
        self._db.execute(script.classify)
        self._apply(script)
        counts: Counts = defaultdict(Counter)
        for source_key, action, count, overlapping in self._db.execute(script.count_actions).fetchall():
            counts[source_key] += Counter({ACTIONS[action]: count, "overlapping": overlapping})
        return counts

    def _apply(self, script: CommitScript) -> None:
        """Changed rows, rows taken over, new ones with a uniqueid, then without; nothing where nothing is new."""
        found = self._db.execute("SELECT action, bare, count(*) FROM actions GROUP BY ALL").fetchall()
        counts = Counter({(action, bare): count for action, bare, count in found})
        new, new_bare = counts["insert", False], counts["insert", True]
        if counts["update", False] or counts["update", True]:
            self._write(*script.update_changed)
        if new and self._number(script.has_bare_rows):
            self._db.execute(script.find_takeovers)
            self._write(*script.take_over)
            self._db.execute(script.follow_takeovers)
            new = self._number("SELECT count(*) FROM actions WHERE action = 'insert' AND NOT bare")
        if new:
            self._write(script.insert_all if new == counts.total() else script.insert_new(bare=False))
        if new_bare:
            self._db.execute(script.find_fills)
        if new_bare or counts["fill", False] or counts["fill", True]:
            self._db.execute(script.mark_fills)
            self._write(*script.fill)
        if new_bare:
            self._write(script.insert_new(bare=True))

    def _write(self, *statements: str) -> None:
        for statement in statements:
            self._db.execute(statement, {name: v for name, v in self._written.items() if f"${name}" in statement})

    def _number(self, query: str) -> int:
        row = self._db.execute(query).fetchone()
        return int(row[0]) if row else 0


def listed(paths: Sequence[str]) -> str:
    """A list of file names as an SQL literal."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
