"""Queries of `main.py status`, pure: the same text in both warehouses. Each is bounded by days."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from errors import BECAUSE_OF_STOP, Label
from status_records import OpenCalls, Overview, RunOverview, SourceOverview
from tables import IN_PROGRESS

HISTORY = timedelta(days=31)
"""Age of the oldest runs and calls in the status."""
LONGEST_CALL = timedelta(hours=6)
"""Limit of a call in progress. Nobody will end a longer one."""
RUNS_SHOWN = 10
Rows = list[dict[str, Any]]

SOURCE = ("campaign", "client_id", "source_key")
SUMMED = (
    "windows_planned", "windows_read", "requests", "retries", "bytes_received", "records", "inserted", "updated",
    "unchanged", "duplicates", "quarantined", "stuck", "seconds",
)  # fmt: skip
OF_RUN = ("requests", "retries", "bytes_received", "inserted", "updated", "unchanged", "quarantined")
STOPPED = f"label IN ({', '.join(repr(str(label)) for label in sorted(BECAUSE_OF_STOP))})"
FAILED = f"failure IS NOT NULL AND coalesce(NOT {STOPPED}, true)"
OWN = "job_id = ''"
"""The run's own row of the history."""
REPLAYED = "job_id LIKE 'replay-%'"
"""Rows of `quarantine replay`. It asks no dialer, so they say nothing of the reading of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewScript:
    """Queries on the state tables and the calls.

    Args:
        name: quotes the name of a state table.
        calls: quoted name of the calls table.
        run_columns: columns of `runs`. An older version's lacks some until the next cycle adds them.
    """

    name: Callable[[str], str]
    calls: str
    now: datetime
    run_columns: Collection[str]

    @property
    def queries(self) -> tuple[str, str, str, str]:
        """Queries for the rows of `build_overview`, in that order."""
        return self._runs, self._sources, self._newest_calls, self._in_quarantine

    @property
    def _recent(self) -> str:
        return f"committed_at >= TIMESTAMP '{self.now - HISTORY:%Y-%m-%d} 00:00:00'"

    @property
    def _runs(self) -> str:
        own = ", ".join(f"max(CASE WHEN {OWN} THEN {name} END) AS {name}" for name in ("seconds", "commit_seconds"))
        return f"""
            SELECT run_id, max(committed_at) AS ended_at, {own},
                {_count_sources(f"NOT ({OWN})")} AS sources, {_count_sources(FAILED)} AS failed,
                {_count_sources(STOPPED)} AS stopped, {_sums(OF_RUN)}, max(bytes_billed) AS bytes_billed
            FROM {self.name("runs")} WHERE {self._recent}
            GROUP BY run_id ORDER BY ended_at DESC LIMIT {RUNS_SHOWN}"""

    @property
    def _sources(self) -> str:
        """Select the last run of each source, and the beginning of its failures. Rows of one run are taken together.

        A stop is the failure of its run, and neither a beginning nor an end of failures.
        """
        key = ", ".join(SOURCE)
        failed, stopped = f"CASE WHEN {FAILED} THEN {{}} END", f"CASE WHEN {STOPPED} THEN label END"
        after = "ended_at > coalesce(succeeded_at, TIMESTAMP '1970-01-01 00:00:00')"
        return f"""
            WITH by_run AS (
                SELECT {key}, run_id, max(client_name) AS client_name, max(committed_at) AS ended_at, {_sums(SUMMED)},
                    coalesce(max({failed.format("failure")}), max(failure)) AS failure,
                    coalesce(max({failed.format("label")}), max({stopped}), max(label)) AS label,
                    max(notices) AS notices, {self._told("build")}, {self._told("clock_gap_seconds")}
                FROM {self.name("runs")} WHERE {self._recent} AND NOT ({OWN} OR {REPLAYED})
                GROUP BY {key}, run_id),
            placed AS (
                SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY ended_at DESC, run_id DESC) AS place,
                    max(CASE WHEN windows_read > 0 THEN ended_at END) OVER (PARTITION BY {key}) AS read_at,
                    max(CASE WHEN failure IS NULL THEN ended_at END) OVER (PARTITION BY {key}) AS succeeded_at,
                    max({failed.format("ended_at")}) OVER (PARTITION BY {key}) AS failed_at,
                    max(CASE WHEN told_build IS NOT NULL THEN ended_at END) OVER (PARTITION BY {key}) AS told_at,
                    max(CASE WHEN told_clock_gap_seconds IS NOT NULL THEN ended_at END)
                        OVER (PARTITION BY {key}) AS clock_at
                FROM by_run),
            past AS (
                SELECT {key}, min(CASE WHEN {FAILED} AND {after} THEN ended_at END) AS failing_since,
                    max(CASE WHEN ended_at = failed_at THEN failure END) AS last_failure,
                    max(CASE WHEN ended_at = failed_at THEN label END) AS last_label,
                    max(CASE WHEN ended_at = told_at THEN told_build END) AS build,
                    max(CASE WHEN ended_at = clock_at THEN told_clock_gap_seconds END) AS clock_gap_seconds
                FROM placed GROUP BY {key})
            SELECT p.*, past.failing_since, past.last_failure, past.last_label, past.build, past.clock_gap_seconds
            FROM placed p JOIN past ON {" AND ".join(f"past.{name} = p.{name}" for name in SOURCE)}
            WHERE p.place = 1 ORDER BY {", ".join(f"p.{name}" for name in SOURCE)}"""

    def _told(self, name: str) -> str:
        return f"{f'max({name})' if name in self.run_columns else 'CAST(NULL AS INT64)'} AS told_{name}"

    @property
    def _newest_calls(self) -> str:
        """Select the newest call of each client and campaign, and its endless calls.

        These are stuck on their dialer, or it hides them since they got a hidden status.
        """
        statuses = ", ".join(f"'{status}'" for status in IN_PROGRESS)
        long_ago = f"call_time < TIMESTAMP '{self.now - LONGEST_CALL:%Y-%m-%d %H:%M:%S}'"
        is_open = f"CASE WHEN (length_seconds IS NULL OR status IN ({statuses})) AND {long_ago} THEN {{}} END"
        return f"""
            SELECT client_id, campaign, max(call_time) AS newest, count({is_open.format(1)}) AS open_calls,
                min({is_open.format("call_time")}) AS open_since
            FROM {self.calls}
            WHERE call_date >= DATE '{self.now - HISTORY:%Y-%m-%d}' GROUP BY client_id, campaign"""

    @property
    def _in_quarantine(self) -> str:
        return f"SELECT source_key, count(*) AS records FROM {self.name('quarantine')} GROUP BY source_key"


def _count_sources(condition: str) -> str:
    """Count each source once. A backfill has a row of it for each day."""
    source = ", '/', ".join(f"coalesce({name}, '')" for name in SOURCE)
    return f"count(DISTINCT CASE WHEN {condition} THEN concat({source}) END)"


def build_overview(rows: Sequence[Rows]) -> Overview:
    """Build the overview from the rows of ``OverviewScript.queries``."""
    runs, sources, newest, quarantined = rows
    return Overview(
        runs=tuple(RunOverview(**_take_fields(row, RunOverview)) for row in runs),
        sources=tuple(SourceOverview(**_take_fields(row, SourceOverview) | _labels(row)) for row in sources),
        newest_calls={(row["client_id"], row["campaign"]): row["newest"] for row in newest},
        open_calls={
            (row["client_id"], row["campaign"]): OpenCalls(calls=row["open_calls"], since=row["open_since"])
            for row in newest
            if row["open_calls"]
        },
        in_quarantine={row["source_key"]: row["records"] for row in quarantined},
    )


def _labels(row: dict[str, Any]) -> dict[str, Label | None]:
    return {name: Label.parse(row[name]) for name in ("label", "last_label")}


def _sums(names: Sequence[str]) -> str:
    return ", ".join(f"sum(seconds) AS {name}" if name == "seconds" else f"{_count(name)} AS {name}" for name in names)


def _count(what: str) -> str:
    """Return a sum of integers as INT64. DuckDB's own is of a wider type."""
    return f"CAST(sum({what}) AS INT64)"


def _take_fields(row: dict[str, Any], of: type) -> dict[str, Any]:
    return {each.name: row[each.name] for each in fields(of)}
