"""What a batch brings beside its calls, as rows of the state tables, and what is answered for it; pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date

from messages import NEVER, Batch, CampaignOutcome, ClientOutcome, ClientResult, SealedWindow
from tables import ACCOUNTS, BACKFILLS, COMPLETENESS, HOURS, INT64, RELEASED, RUNS, WATERMARKS, Table

Row = dict[str, object]
Counts = defaultdict[str, Counter[str]]
"""source_key → what its rows counted as: inserted, updated, unchanged; and overlapping, beside these."""

COUNTED = ("inserted", "updated", "unchanged", "overlapping")
"""Columns of the run history that only the merge itself can tell."""
ACTIONS = {
    "insert": "inserted", "update": "updated", "takeover": "updated", "fill and change": "updated", "fill": "unchanged",
    "unchanged": "unchanged",
}  # fmt: skip
"""What is done to a row → what it counts as."""

ZEROS = [column.name for column in RUNS.columns if column.type == INT64 and column.required]
"""Counts of the run history, which the run's own row does not sum up."""


def own_row(mark: str) -> dict[str, str]:
    """Column → expression of a run's own row of its history; parameters are marked as the warehouse does."""
    values = dict.fromkeys(("job_id", "source_key", "campaign", "client_id"), "''") | dict.fromkeys(ZEROS, "0")
    named = {name: f"{mark}{name}" for name in ("run_id", "seconds", "commit_seconds")}
    return values | named | {"committed_at": f"{mark}now"}


class BatchRows:
    """Rows by table, each key once; nothing in them depends on what the tables hold."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._sealed = [window for outcome in batch.outcomes for window in outcome.sealed]
        self._believed = [window for window in self._sealed if window.suspect is None]

    @property
    def only_new(self) -> bool:
        """Its calls are old records read again: what the table knows of a call is newer."""
        return bool(self._batch.released)

    @property
    def windows_with_calls(self) -> list[SealedWindow]:
        """The latest read last."""
        return sorted((window for window in self._sealed if window.call_files), key=lambda window: window.read_at)

    @property
    def windows_with_quarantine(self) -> list[SealedWindow]:
        return [window for window in self._sealed if window.quarantine_files]

    def state(self) -> dict[Table, list[Row]]:
        """Rows of every state table but quarantine and runs; tables without rows are left out."""
        refused = [asdict(refused) for outcome in self._batch.outcomes for refused in outcome.refused]
        found = {
            HOURS: list(self._hours()),
            COMPLETENESS: list(self._short_hours()),
            WATERMARKS: list(self._watermarks()),
            ACCOUNTS: refused,
            BACKFILLS: list(self._backfilled()),
            RELEASED: [{"record_hash": record_hash} for record_hash in self._batch.released],
        }
        return {table: _by_key(table, rows) for table, rows in found.items() if rows}

    @property
    def days_of_hours(self) -> tuple[date, date]:
        """First and last day of the rows for ``hours``: what a merge need not look beyond."""
        days = [hour.day for window in self._sealed for hour in window.hours]
        days += [hour.day for hour in self._batch.unread]
        return min(days, default=date.max), max(days, default=date.min)

    def _hours(self) -> Iterator[Row]:
        """The latest read of each hour comes last; of an hour in doubt only that it was never read, and why."""
        yield from map(asdict, self._batch.unread)
        for window in sorted(self._sealed, key=lambda window: window.read_at):
            read_at = window.read_at if window.suspect is None else NEVER
            for hour in window.hours:
                read = {"source_key": window.source_key, "read_at": read_at, "timezone": window.timezone}
                yield asdict(hour) | read | {"doubt": window.suspect}

    def _watermarks(self) -> Iterator[Row]:
        for each in self._batch.watermarks:
            row = asdict(each)
            zones = " ".join(sorted(row.pop("timezones")))
            yield row | {"timezone": zones, "updated_at": self._batch.committed_at}

    def _short_hours(self) -> Iterator[Row]:
        """Hours of answers that, twice the same, showed fewer legs than an earlier one: what they show now."""
        for window in self._believed:
            for hour in window.hours if window.shortfall else ():
                yield {
                    "source_key": window.source_key,
                    "campaign": window.campaign,
                    "client_id": window.client_id,
                    "day": hour.day,
                    "hour": hour.hour,
                    "legs_now": hour.legs,
                    "noticed_at": window.read_at,
                }

    def _backfilled(self) -> Iterator[Row]:
        for window in self._believed:
            if window.backfill_id is not None and window.ends_plan:
                yield {
                    "backfill_id": window.backfill_id, "source_key": window.source_key, "day": window.window.day,
                }  # fmt: skip

    def results(self, counts: Mapping[str, Mapping[str, int]]) -> list[ClientResult]:
        """One per client, and one more for each campaign that failed as a whole.

        ``counts`` are by source; where several jobs of a batch have read a source, the first of them gets all.
        """
        left = dict(counts)
        return [self._result(outcome, client, left.pop(client.source_key, {})) for outcome, client in self._clients()]

    def runs(self, results: Sequence[ClientResult]) -> list[Row]:
        """Rows of the run history, one per result."""
        rows = [
            _run(self._batch, outcome, client, result)
            for (outcome, client), result in zip(self._clients(), results, strict=True)
        ]
        return _by_key(RUNS, rows)

    def _clients(self) -> Iterator[tuple[CampaignOutcome, ClientOutcome]]:
        for outcome in self._batch.outcomes:
            for client in outcome.clients or _clients_of(outcome.sealed):
                yield outcome, client
            if not outcome.clients and outcome.label != "completed":
                yield outcome, _whole_campaign(outcome)

    def _result(self, outcome: CampaignOutcome, client: ClientOutcome, counts: Mapping[str, int]) -> ClientResult:
        windows = [window for window in outcome.sealed if window.source_key == client.source_key]
        return ClientResult(
            source_key=client.source_key,
            campaign=client.campaign,
            client_id=client.client_id,
            client_name=client.client_name,
            records=sum(window.records for window in windows),
            inserted=counts.get("inserted", 0),
            updated=counts.get("updated", 0),
            unchanged=counts.get("unchanged", 0),
            duplicates=sum(window.duplicates for window in windows),
            quarantined=sum(window.quarantined for window in windows),
            overlapping=counts.get("overlapping", 0),
            shortfall=sum(window.shortfall for window in windows),
            suspect=sum(window.suspect is not None for window in windows),
            windows_left=0 if client.failure else client.windows_planned - client.windows_read,
            failure=client.failure,
            label=client.label,
            notices=client.notices,
            clock_gap=client.clock_gap,
        )


def _by_key(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Of several rows under one key the last."""
    by_key = {tuple(row[name] for name in table.key): row for row in rows}
    return [{name: _stored(value) for name, value in row.items()} for row in by_key.values()]


def _whole_campaign(outcome: CampaignOutcome) -> ClientOutcome:
    failure = outcome.failure or "The run was stopped before this campaign was started; the next one reads it."
    return ClientOutcome(
        source_key="", campaign=outcome.campaign, client_id="", client_name="", failure=failure, label=outcome.label
    )


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


def _run(batch: Batch, outcome: CampaignOutcome, client: ClientOutcome, result: ClientResult) -> Row:
    """A row of the run history."""
    known = {**asdict(client), **asdict(result)}
    row = {name: known[name] for name in RUNS.names if name in known}
    row["notices"] = " | ".join(result.notices) or None
    return row | {"run_id": batch.run_id, "job_id": outcome.job_id, "committed_at": batch.committed_at}


def _stored(value: object) -> object:
    """Half a surrogate pair, such as an odd file name in an error's text, would fail the whole commit."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
