"""One commit in DuckDB: everything of a batch inside the caller's transaction."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import duckdb
import pyarrow as pa

from messages import Batch, CampaignOutcome, ClientOutcome, ClientResult, HourCount, SealedWindow
from tables import (
    ACCOUNTS,
    BACKFILLS,
    COMPLETENESS,
    HOURS,
    QUARANTINE,
    RUNS,
    WATERMARKS,
    Table,
    arrow_schema,
)
from warehouses.call_merges import CallMerge, Counts, listed
from warehouses.duckdb_tables import DuckDBTables


class CommitInDuckDB:
    """Statements of one batch; nothing is visible before the caller commits."""

    def __init__(self, db: duckdb.DuckDBPyConnection, tables: DuckDBTables, batch: Batch) -> None:
        self._db = db
        self._tables = tables
        self._batch = batch
        self._sealed = [window for outcome in batch.outcomes for window in outcome.sealed]
        self._counts: Counts = defaultdict(Counter)
        self._runs: list[dict[str, object]] = []

    def run(self) -> list[ClientResult]:
        """One result per client of the batch. A batch that is in the ledger changes nothing."""
        ledger = self._tables.name("ledger")
        batch = self._batch
        if self._db.execute(f"SELECT 1 FROM {ledger} WHERE batch_id = ?", [batch.batch_id]).fetchone():
            return self._results()
        if any(window.call_files for window in self._sealed):
            merge = CallMerge(self._db, self._tables, batch.committed_at, batch.run_id)
            self._counts = merge.run(self._sealed)
        self._merge_quarantine()
        self._merge_completeness()
        self._merge_hours()
        self._merge_watermarks()
        self._merge_accounts()
        self._merge_backfills()
        results = self._results()
        self._merge(RUNS, self._runs, "committed_at = s.committed_at", only_if="false")
        self._db.execute(f"INSERT INTO {ledger} VALUES (?, ?, ?)", [batch.batch_id, batch.run_id, batch.committed_at])
        return results

    def _merge_quarantine(self) -> None:
        files = [file.path for window in self._sealed for file in window.quarantine_files]
        if not files:
            return
        names = [name for name in QUARANTINE.names if name not in ("first_seen_at", "last_seen_at", "run_id")]
        self._db.execute(
            f"""
            MERGE INTO {self._tables.name("quarantine")} t USING (
                SELECT DISTINCT ON (record_hash) * FROM read_parquet({listed(files)}) ORDER BY record_hash, seen_at DESC
            ) s ON t.record_hash = s.record_hash
            WHEN MATCHED THEN UPDATE SET last_seen_at = greatest(t.last_seen_at, s.seen_at), run_id = $run_id
            WHEN NOT MATCHED THEN INSERT ({", ".join(QUARANTINE.names)})
                VALUES ({", ".join(f"s.{name}" for name in names)}, s.seen_at, s.seen_at, $run_id)""",
            {"run_id": self._batch.run_id},
        )

    def _merge_completeness(self) -> None:
        """Hours in which an answer, twice the same, showed fewer legs than an earlier one; before hours are written."""
        short = [window for window in self._sealed if window.shortfall and window.suspect is None]
        if not short:
            return
        stored = f"SELECT day, hour, legs FROM {self._tables.name('hours')} WHERE source_key = ? AND day = ?"
        rows = []
        for window in short:
            before = {
                (d, h): legs
                for d, h, legs in self._db.execute(stored, [window.source_key, window.window.day]).fetchall()
            }
            for hour in window.hours:
                legs_before = before.get((hour.day, hour.hour), 0)
                if legs_before > hour.legs:
                    rows.append(self._short_hour(window, hour, legs_before))
        keep_most = (
            "legs_before = greatest(t.legs_before, s.legs_before), legs_now = s.legs_now, noticed_at = s.noticed_at"
        )
        self._merge(COMPLETENESS, rows, keep_most)

    def _short_hour(self, window: SealedWindow, hour: HourCount, legs_before: int) -> dict[str, object]:
        return {
            "source_key": window.source_key,
            "campaign": window.campaign,
            "client_id": window.client_id,
            "day": hour.day,
            "hour": hour.hour,
            "legs_before": legs_before,
            "legs_now": hour.legs,
            "noticed_at": window.read_at,
        }

    def _merge_hours(self) -> None:
        """The latest believed read of each hour."""
        rows: dict[tuple[str, object, int], dict[str, object]] = {}
        for window in sorted(self._sealed, key=lambda window: window.read_at):
            if window.suspect is None:
                for hour in window.hours:
                    key = window.source_key, hour.day, hour.hour
                    rows[key] = {**asdict(hour), "source_key": window.source_key, "read_at": window.read_at}
        newer = "legs = s.legs, in_progress = s.in_progress, read_at = s.read_at"
        self._merge(HOURS, list(rows.values()), newer)
        self._forget_recovered()

    def _forget_recovered(self) -> None:
        """An hour that shows all its legs again lacks none any more."""
        same = " AND ".join(f"t.{name} = s.{name}" for name in COMPLETENESS.key)
        self._db.execute(
            f"DELETE FROM {self._tables.name('completeness')} t USING {self._tables.name('hours')} s"
            f" WHERE {same} AND s.legs >= t.legs_before"
        )

    def _merge_watermarks(self) -> None:
        rows = [{**asdict(watermark), "updated_at": self._batch.committed_at} for watermark in self._batch.watermarks]
        moved = ", ".join(f"{name} = s.{name}" for name in ("campaign", "client_name", "read_until", "updated_at"))
        self._merge(WATERMARKS, rows, moved, only_if="s.read_until > t.read_until")

    def _merge_accounts(self) -> None:
        refused = [asdict(refused) for outcome in self._batch.outcomes for refused in outcome.refused]
        self._merge(ACCOUNTS, refused, "reason = s.reason", only_if="false")

    def _merge(self, table: Table, rows: Sequence[Mapping[str, object]], update: str, *, only_if: str = "true") -> None:
        """Rows by the table's key: new ones are inserted, others updated where ``only_if`` holds."""
        if not rows:
            return
        by_key = {tuple(row[name] for name in table.key): row for row in rows}
        incoming = pa.Table.from_pylist(
            [{name: _stored(value) for name, value in row.items()} for row in by_key.values()],
            schema=arrow_schema(table.columns),
        )
        self._db.register("incoming", incoming)
        same = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
        names = ", ".join(table.names)
        self._db.execute(f"""
            MERGE INTO {self._tables.name(table.name)} t USING incoming s ON {same}
            WHEN MATCHED AND {only_if} THEN UPDATE SET {update}
            WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({", ".join(f"s.{name}" for name in table.names)})""")
        self._db.unregister("incoming")

    def _merge_backfills(self) -> None:
        rows = [
            {"backfill_id": window.backfill_id, "source_key": window.source_key, "day": window.window.day}
            for window in self._sealed
            if window.backfill_id is not None and window.suspect is None
        ]
        self._merge(BACKFILLS, rows, "day = s.day", only_if="false")

    def _results(self) -> list[ClientResult]:
        """One per client, and one more for each campaign that failed as a whole."""
        results: list[ClientResult] = []
        for outcome in self._batch.outcomes:
            for client in outcome.clients or _clients_of(outcome.sealed):
                results.append(self._result(outcome, client))
            if not outcome.clients and outcome.label != "completed":
                results.append(self._campaign_failure(outcome))
        return results

    def _result(self, outcome: CampaignOutcome, client: ClientOutcome) -> ClientResult:
        windows = [window for window in outcome.sealed if window.source_key == client.source_key]
        counts = self._counts.pop(client.source_key, Counter())
        result = ClientResult(
            source_key=client.source_key,
            campaign=client.campaign,
            client_id=client.client_id,
            client_name=client.client_name,
            records=sum(window.records for window in windows),
            inserted=counts["inserted"],
            updated=counts["updated"],
            unchanged=counts["unchanged"],
            duplicates=sum(window.duplicates for window in windows),
            quarantined=sum(window.quarantined for window in windows),
            overlapping=counts["overlapping"],
            shortfall=sum(window.shortfall for window in windows),
            suspect=sum(window.suspect is not None for window in windows),
            windows_left=0 if client.failure else client.windows_planned - client.windows_read,
            failure=client.failure,
            label=client.label,
            notices=client.notices,
        )
        self._runs.append(_run(self._batch, outcome, client, result))
        return result

    def _campaign_failure(self, outcome: CampaignOutcome) -> ClientResult:
        failure = outcome.failure or "The run was stopped before this campaign was started; the next one reads it."
        client = ClientOutcome(source_key="", campaign=outcome.campaign, client_id="", client_name="", failure=failure)
        result = ClientResult(
            source_key="", campaign=outcome.campaign, client_id="", client_name="", failure=failure, label=outcome.label
        )
        self._runs.append(_run(self._batch, outcome, client, result))
        return result


def _clients_of(sealed: Sequence[SealedWindow]) -> list[ClientOutcome]:
    """The clients of a worker that was lost, as far as it had sealed windows of theirs."""
    clients: dict[str, ClientOutcome] = {}
    for window in sealed:
        read = clients[window.source_key].windows_read if window.source_key in clients else 0
        clients[window.source_key] = ClientOutcome(
            source_key=window.source_key,
            campaign=window.campaign,
            client_id=window.client_id,
            client_name=window.client_name,
            windows_planned=read + 1,
            windows_read=read + 1,
        )
    return list(clients.values())


def _run(batch: Batch, outcome: CampaignOutcome, client: ClientOutcome, result: ClientResult) -> dict[str, object]:
    """A row of the run history."""
    known = {**asdict(client), **asdict(result)}
    row = {name: known[name] for name in RUNS.names if name in known}
    return row | {"run_id": batch.run_id, "job_id": outcome.job_id, "committed_at": batch.committed_at}


def _stored(value: object) -> object:
    """Half a surrogate pair, such as an odd file name in an error's text, would fail the whole commit."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
