"""The script of one commit in BigQuery: one text, one transaction, one result.

A script is one request, whatever the number of campaigns. Its transaction updates the lease, so that two daemons
conflict on that row. It asks the ledger first, so that a repeated script does nothing. Answers of the tables are kept
in variables, since every statement is billed for ten megabytes at least.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tables import (
    CALLS,
    COMPLETENESS,
    HOURS,
    QUARANTINE,
    RELEASED,
    RUNS,
    STATE_TABLES,
    WRITTEN_AT_COMMIT,
    Table,
    call_columns,
)
from warehouses.bigquery.staging import Staged
from warehouses.sql.batch_rows import ACTIONS, COUNTED
from warehouses.sql.commit_scope import CommitScope
from warehouses.sql.commit_script import CommitScript
from warehouses.sql.state_script import StateScript

APPLIED, ALREADY, LEASE_LOST = "applied", "already applied", "lease lost"
INDENT = "  "


class BigQueryDialect:
    """BigQuery's SQL: parameters are named with @, and rows are changed in place, only in the days that hold some."""

    new_table = "CREATE TEMP TABLE"  # within a transaction no table is replaced: each round drops its own
    digest = "TO_HEX(MD5({}))"
    now = "@now"
    run_id = "@run_id"

    @staticmethod
    def rewrite_calls(scope: CommitScope, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """Change rows in the days of a variable. This prunes partitions, and each touched one is billed."""
        old_key = "coalesce(other_key, call_key) AS old_key"
        chosen = f"SELECT call_key, own_key, {old_key} FROM actions WHERE action = '{action}'"
        return (
            f"SET changed_days = ARRAY(SELECT DISTINCT call_date FROM actions WHERE action = '{action}')",
            f"""
            MERGE INTO {scope.calls} t
            USING (SELECT s.*, a.own_key, a.old_key FROM {source} s JOIN ({chosen}) a ON a.call_key = s.call_key) s
            ON t.call_key = s.old_key AND t.call_date IN UNNEST(changed_days)
            WHEN MATCHED THEN UPDATE SET {", ".join(f"{name} = {value}" for name, value in values.items())}""",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BigQueryScript:
    """Text of one commit. Its parameters: batch_id, run_id, now, owner, generation, lease_seconds."""

    name: Callable[[str], str]
    """Returns a state table's full name, quoted."""
    calls: str
    staging: str | None
    """Quoted name of the staging table, None if nothing was staged."""
    staged: Staged
    lead_fields: bool

    @property
    def text(self) -> str:
        """Return the script. Its result has the outcome, and the counts of rows for each source."""
        return ";\n".join(
            [
                "DECLARE changed_days ARRAY<DATE>",
                "DECLARE found_actions ARRAY<STRING>",
                "BEGIN TRANSACTION",
                self._keep_lease,
                f"IF @@row_count = 0 THEN\n  ROLLBACK TRANSACTION;\n  {self._result(LEASE_LOST)};\n  RETURN;\nEND IF",
                f"IF EXISTS (SELECT 1 FROM {self.name('ledger')} WHERE batch_id = @batch_id) THEN\n"
                f"  ROLLBACK TRANSACTION;\n  {self._result(ALREADY)};\n  RETURN;\nEND IF",
                *self._merges(),
                f"INSERT INTO {self.name('ledger')} (batch_id, run_id, committed_at) VALUES (@batch_id, @run_id, @now)",
                "COMMIT TRANSACTION",
                self._result(APPLIED),
            ]
        ).replace("\n            ", "\n")

    @property
    def _keep_lease(self) -> str:
        return (
            f"UPDATE {self.name('leases')}"
            " SET expires_at = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @lease_seconds SECOND)"
            " WHERE name = 'writer' AND owner = @owner AND generation = @generation"
        )

    def _result(self, outcome: str) -> str:
        """Select the outcome with the counts of the run history, which hold for a repeated commit too."""
        nothing = ", ".join(f"0 AS {name}" for name in COUNTED)
        counted = self.counts.removeprefix("SELECT ")
        return f"SELECT '{outcome}' AS outcome, '' AS source_key, {nothing} UNION ALL SELECT '{outcome}', {counted}"

    @property
    def counts(self) -> str:
        """Return the query for the counts of the batch in the run history."""
        return (
            f"SELECT source_key, {', '.join(f'SUM({name}) AS {name}' for name in COUNTED)} FROM {self.name('runs')}"
            " WHERE run_id = @run_id AND committed_at = @now GROUP BY source_key"
        )

    def _merges(self) -> Iterator[str]:
        if CALLS.name in self.staged.kinds:
            yield from self._merge_calls()
        state = StateScript(name=self.name, source=self._staging_rows, run_id="@run_id", days=self.staged.days_of_hours)
        tables = [
            table for table in (QUARANTINE, RELEASED, *STATE_TABLES) if table.name in self.staged.kinds - {RUNS.name}
        ]
        for table in sorted(dict.fromkeys(tables), key=lambda table: (table is not COMPLETENESS, table is HOURS)):
            yield from state.merges(table)
        if RUNS.name in self.staged.kinds:
            yield self._insert_runs()

    def _staging_rows(self, table: Table) -> str:
        columns = [name for name in table.names if name not in ("first_seen_at", "last_seen_at", "run_id")]
        columns = [*columns, "seen_at"] if table is QUARANTINE else list(table.names)
        columns = [name for name in columns if (table, name) != (COMPLETENESS, "legs_before")]
        return f"(SELECT {', '.join(columns)} FROM {self.staging} WHERE kind = '{table.name}')"

    def _merge_calls(self) -> Iterator[str]:
        columns = tuple(
            column for column in call_columns(lead_fields=self.lead_fields) if column.name not in WRITTEN_AT_COMMIT
        )
        scope = CommitScope(
            calls=self.calls,
            columns=columns,
            spooled=f"(SELECT *, FALSE AS apart FROM {self.staging} WHERE kind = '{CALLS.name}')",
            first_day=self.staged.first_day,
            last_day=self.staged.last_day,
            dialect=BigQueryDialect(),
            only_new=RELEASED.name in self.staged.kinds,
        )
        script = CommitScript(scope)
        yield "CREATE TEMP TABLE counts (source_key STRING, action STRING, legs INT64, overlapping INT64)"
        if not self.staged.copies:
            yield from self._round(script, scope.spooled)
            return
        yield script.copies.rank
        for number in range(1, len(self.staged.reports) + 1):  # a leg has at most a round for each report
            yield from self._round(script, script.copies.select_round(number))
            copies = script.copies.count(number)
            yield f"INSERT INTO counts SELECT source_key, 'unchanged', legs, overlapping FROM ({copies})"
            yield "DROP TABLE actions"

    @staticmethod
    def _round(script: CommitScript, source: str) -> Iterator[str]:
        """Yield the statements for one round of calls. Each runs only if there are rows for it.

        The order: calls with the key of another call, changed rows, takeovers, new calls with a uniqueid, without one.
        """
        yield script.actions.classify(source)
        found = f"SET found_actions = ({FOUND})"
        yield found
        yield _when(
            "'insert apart' IN UNNEST(found_actions)",
            script.actions.find_apart(source), script.actions.mark_rest_as_new, found,
        )  # fmt: skip
        yield _when("'bare insert' IN UNNEST(found_actions)", script.actions.find_known(source), found)
        if changes := script.writes.update_changed(source):
            yield _when("'update' IN UNNEST(found_actions)", *changes)
        yield _when(
            f"'insert' IN UNNEST(found_actions) AND EXISTS ({script.matches.rows_to_take_over})",
            script.matches.find_takeovers(source), *script.writes.take_over(source), script.matches.follow_takeovers,
        )  # fmt: skip
        yield _when("'insert' IN UNNEST(found_actions)", script.writes.insert_new(source, bare=False))
        yield _when("'bare insert' IN UNNEST(found_actions)", script.matches.find_fills(source))
        yield _when(
            "'bare insert' IN UNNEST(found_actions) OR 'fill' IN UNNEST(found_actions)",
            script.writes.mark_fills(source), *script.writes.fill(source),
        )  # fmt: skip
        yield _when("'bare insert' IN UNNEST(found_actions)", script.writes.insert_new(source, bare=True))
        yield f"INSERT INTO counts {script.actions.count}"

    def _insert_runs(self) -> str:
        """Insert the run history. The counts of a source stand in the row of the first job that read it."""
        names = [name for name in RUNS.names if name not in COUNTED]
        rows = f"(SELECT {', '.join(names)} FROM {self.staging} WHERE kind = '{RUNS.name}') r"
        if CALLS.name not in self.staged.kinds:
            zeros = ", ".join("0" for _ in COUNTED)
            return self._into_runs(names, f"SELECT {', '.join(names)}, {zeros} FROM {rows}")
        sums = [
            f"SUM(IF(action IN ({_quote(action for action, counts in ACTIONS.items() if counts == name)}), legs, 0))"
            f" AS {name}"
            for name in COUNTED[:-1]
        ]
        counted = (
            f"SELECT source_key, {', '.join(sums)}, SUM(overlapping) AS overlapping FROM counts GROUP BY source_key"
        )
        values = ", ".join(f"COALESCE(c.{name}, 0)" for name in COUNTED)
        chosen = ", ".join(f"r.{name}" for name in names)
        first = "SELECT source_key, MIN(job_id) AS job_id FROM ({}) GROUP BY source_key".format(
            f"SELECT source_key, job_id FROM {self.staging} WHERE kind = '{RUNS.name}'"
        )
        counted = f"SELECT n.*, f.job_id FROM ({counted}) n JOIN ({first}) f ON f.source_key = n.source_key"
        same = "c.source_key = r.source_key AND c.job_id = r.job_id"
        source = f"SELECT {chosen}, {values} FROM {rows} LEFT JOIN ({counted}) c ON {same}"
        return self._into_runs(names, source)

    def _into_runs(self, names: list[str], source: str) -> str:
        return f"INSERT INTO {self.name('runs')} ({', '.join([*names, *COUNTED])}) {source}"


def in_one_transaction(statements: Mapping[str, str]) -> str:
    """Join statements into one transaction. Its result has a column for each, with the number of changed rows."""
    counted = [f"{statement};\nSET changed_{name} = @@row_count" for name, statement in statements.items()]
    found = ", ".join(f"changed_{name} AS {name}" for name in statements)
    declared = [f"DECLARE changed_{name} INT64 DEFAULT 0" for name in statements]
    return ";\n".join([*declared, "BEGIN TRANSACTION", *counted, "COMMIT TRANSACTION", f"SELECT {found}"])


FOUND = "SELECT ARRAY_AGG(DISTINCT IF(bare AND action = 'insert', 'bare insert', action)) FROM actions"


def _when(condition: str, *statements: str) -> str:
    return f"IF {condition} THEN\n" + "".join(f"{statement};\n" for statement in statements) + "END IF"


def _quote(words: Iterator[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
