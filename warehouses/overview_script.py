"""The queries behind `main.py status`, pure: the same text in both warehouses. Each is bounded by days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from overviews import Overview, RunOverview, SourceOverview

HISTORY = timedelta(days=31)
"""How far back the run history and the calls are looked at."""
RUNS_SHOWN = 10
Rows = list[dict[str, Any]]

SOURCE = ("campaign", "client_id", "source_key")
SUMMED = (
    "windows_planned", "windows_read", "requests", "retries", "bytes_received", "records", "inserted", "updated",
    "unchanged", "duplicates", "quarantined", "seconds",
)  # fmt: skip
OF_RUN = ("requests", "retries", "bytes_received", "inserted", "updated", "unchanged", "quarantined")
OWN = "job_id = ''"
"""The run's own row of the history."""
REPLAYED = "job_id LIKE 'replay-%'"
"""Of `quarantine replay`, which asks no dialer: it tells nothing of how reading the source goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewScript:
    """``name`` quotes a state table; ``calls`` is quoted."""

    name: Callable[[str], str]
    calls: str
    now: datetime

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """What `overview_of` takes the rows of, in that order."""
        return self._runs, self._sources, self._newest_calls, self._in_quarantine

    @property
    def _recent(self) -> str:
        return f"committed_at >= TIMESTAMP '{self.now - HISTORY:%Y-%m-%d} 00:00:00'"

    @property
    def _runs(self) -> str:
        own = ", ".join(f"max(CASE WHEN {OWN} THEN {name} END) AS {name}" for name in ("seconds", "commit_seconds"))
        return f"""
            SELECT run_id, max(committed_at) AS ended_at, {own},
                {_count(f"CASE WHEN {OWN} THEN 0 ELSE 1 END")} AS sources,
                {_count("CASE WHEN failure IS NULL THEN 0 ELSE 1 END")} AS failed,
                {_sums(OF_RUN)}, max(bytes_billed) AS bytes_billed
            FROM {self.name("runs")} WHERE {self._recent}
            GROUP BY run_id ORDER BY ended_at DESC LIMIT {RUNS_SHOWN}"""

    @property
    def _sources(self) -> str:
        """A run's rows of a source are taken together; of all runs the last, and since when it has been failing."""
        key = ", ".join(SOURCE)
        failed = "CASE WHEN failure IS NOT NULL THEN {} END"
        after = "ended_at > coalesce(succeeded_at, TIMESTAMP '1970-01-01 00:00:00')"
        return f"""
            WITH by_run AS (
                SELECT {key}, run_id, max(client_name) AS client_name, max(committed_at) AS ended_at, {_sums(SUMMED)},
                    max(failure) AS failure, coalesce(max({failed.format("label")}), max(label)) AS label,
                    max(notices) AS notices
                FROM {self.name("runs")} WHERE {self._recent} AND NOT ({OWN} OR {REPLAYED})
                GROUP BY {key}, run_id),
            placed AS (
                SELECT *, row_number() OVER (PARTITION BY {key} ORDER BY ended_at DESC, run_id DESC) AS place,
                    max(CASE WHEN failure IS NULL THEN ended_at END) OVER (PARTITION BY {key}) AS succeeded_at,
                    max({failed.format("ended_at")}) OVER (PARTITION BY {key}) AS failed_at
                FROM by_run),
            past AS (
                SELECT {key}, min(CASE WHEN failure IS NOT NULL AND {after} THEN ended_at END) AS failing_since,
                    max(CASE WHEN ended_at = failed_at THEN failure END) AS last_failure,
                    max(CASE WHEN ended_at = failed_at THEN label END) AS last_label
                FROM placed GROUP BY {key})
            SELECT p.*, past.failing_since, past.last_failure, past.last_label
            FROM placed p JOIN past ON {" AND ".join(f"past.{name} = p.{name}" for name in SOURCE)}
            WHERE p.place = 1 ORDER BY {", ".join(f"p.{name}" for name in SOURCE)}"""

    @property
    def _newest_calls(self) -> str:
        return f"""
            SELECT client_id, campaign, max(call_time) AS newest FROM {self.calls}
            WHERE call_date >= DATE '{self.now - HISTORY:%Y-%m-%d}' GROUP BY client_id, campaign"""

    @property
    def _in_quarantine(self) -> str:
        return f"SELECT source_key, count(*) AS records FROM {self.name('quarantine')} GROUP BY source_key"


def overview_of(rows: Sequence[Rows]) -> Overview:
    """Of the rows that ``OverviewScript.texts`` give."""
    runs, sources, newest, quarantined = rows
    return Overview(
        runs=tuple(RunOverview(**_known(row, RunOverview)) for row in runs),
        sources=tuple(SourceOverview(**_known(row, SourceOverview)) for row in sources),
        newest_calls={(row["client_id"], row["campaign"]): row["newest"] for row in newest},
        in_quarantine={row["source_key"]: row["records"] for row in quarantined},
    )


def _sums(names: Sequence[str]) -> str:
    return ", ".join(f"sum(seconds) AS {name}" if name == "seconds" else f"{_count(name)} AS {name}" for name in names)


def _count(what: str) -> str:
    """DuckDB's sum of integers is of a wider type."""
    return f"CAST(sum({what}) AS INT64)"


def _known(row: dict[str, Any], of: type) -> dict[str, Any]:
    return {each.name: row[each.name] for each in fields(of)}
