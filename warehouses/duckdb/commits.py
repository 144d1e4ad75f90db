"""One commit in DuckDB: everything of a batch inside the caller's transaction."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from messages import Batch, ClientResult
from tables import COMPLETENESS, HOURS, QUARANTINE, RUNS, Table, arrow_schema
from warehouses.duckdb.calls import CallMerge, quote_paths
from warehouses.duckdb.tables import DuckDBTables
from warehouses.sql.batch_rows import COUNTED, BatchRows, Counts, Row
from warehouses.sql.state_script import StateScript


class CommitInDuckDB:
    """Runs the statements of one batch. Nothing is visible before the caller commits."""

    def __init__(self, db: duckdb.DuckDBPyConnection, tables: DuckDBTables, batch: Batch) -> None:
        self._db = db
        self._tables = tables
        self._batch = batch
        self._rows = BatchRows(batch)
        self._state = StateScript(name=tables.name, source=_incoming, run_id="$run_id", days=self._rows.days_of_hours)

    def run(self) -> list[ClientResult]:
        """Apply the batch and return one result per client. A batch in the ledger changes nothing."""
        ledger = self._tables.name("ledger")
        batch = self._batch
        if self._db.execute(f"SELECT 1 FROM {ledger} WHERE batch_id = ?", [batch.batch_id]).fetchone():
            return self._rows.results(self._read_counts())
        counts: Counts = defaultdict(Counter)
        if self._rows.windows_with_calls:
            merge = CallMerge(self._db, self._tables, batch.committed_at, batch.run_id, only_new=self._rows.only_new)
            counts = merge.run(self._rows.windows_with_calls)
        self._merge_state()
        results = self._rows.results(counts)
        self._insert_runs(self._rows.runs(results))
        self._db.execute(f"INSERT INTO {ledger} VALUES (?, ?, ?)", [batch.batch_id, batch.run_id, batch.committed_at])
        return results

    def _read_counts(self) -> dict[str, dict[str, int]]:
        """Return the counts of this batch from the run history, since it was committed before."""
        found = self._db.execute(
            f"SELECT source_key, {', '.join(f'sum({name})::BIGINT' for name in COUNTED)}"
            f" FROM {self._tables.name('runs')} WHERE run_id = ? AND list_contains(?, job_id) GROUP BY source_key",
            [self._batch.run_id, [outcome.job_id for outcome in self._batch.outcomes]],
        ).fetchall()
        return {source_key: dict(zip(COUNTED, counts, strict=True)) for source_key, *counts in found}

    def _merge_state(self) -> None:
        """Merge the state tables. ``completeness`` goes first, since it compares with the former ``hours``."""
        files = [file.path for window in self._rows.windows_with_quarantine for file in window.quarantine_files]
        if files:
            self._db.execute(
                f"CREATE TEMP VIEW incoming_quarantine AS SELECT * FROM read_parquet({quote_paths(files)})"
            )
            self._merge(QUARANTINE)
        state = self._rows.state_rows()
        for table in sorted(state, key=lambda table: (table is not COMPLETENESS, table is HOURS)):
            self._register(table, state[table])
            self._merge(table)

    def _merge(self, table: Table) -> None:
        for statement in self._state.merges(table):
            named = {"run_id": self._batch.run_id} if "$run_id" in statement else {}
            self._db.execute(statement, named)

    def _insert_runs(self, rows: Sequence[Row]) -> None:
        if rows:
            self._register(RUNS, rows)
            names = ", ".join(RUNS.names)
            self._db.execute(f"INSERT INTO {self._tables.name('runs')} ({names}) SELECT {names} FROM {_incoming(RUNS)}")

    def _register(self, table: Table, rows: Sequence[Row]) -> None:
        self._db.register(_incoming(table), pa.Table.from_pylist(list(rows), schema=arrow_schema(table.columns)))


def _incoming(table: Table) -> str:
    return f"incoming_{table.name}"
