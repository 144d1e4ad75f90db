"""Rows of the state tables that a batch brings beside its calls, and the results of its clients. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date

from messages import NEVER, Batch, CampaignOutcome, ClientOutcome, ClientResult, SealedWindow, SourceIdentity
from tables import ACCOUNTS, BACKFILLS, COMPLETENESS, HOURS, INT64, RELEASED, RUNS, WATERMARKS, Table

Row = dict[str, object]
Counts = defaultdict[str, Counter[str]]
"""source_key → its inserted, updated and unchanged rows. ``overlapping`` counts beside these."""

COUNTED = ("inserted", "updated", "unchanged", "overlapping")
"""Columns of the run history that only the merge itself can count."""
ACTIONS = {
    "insert": "inserted", "update": "updated", "takeover": "updated", "fill and change": "updated", "fill": "unchanged",
    "unchanged": "unchanged",
}  # fmt: skip
"""Action of a row → column of the run history that counts it."""

ZEROS = [column.name for column in RUNS.columns if column.type == INT64 and column.required]
"""Counts of the run history. The run's own row does not sum them up."""


def run_row_values(mark: str) -> dict[str, str]:
    """Return column → expression of a run's own row of its history. ``mark`` begins the name of a parameter."""
    values = dict.fromkeys(("job_id", "source_key", "campaign", "client_id"), "''") | dict.fromkeys(ZEROS, "0")
    named = {name: f"{mark}{name}" for name in ("run_id", "seconds", "commit_seconds")}
    return values | named | {"committed_at": f"{mark}now"}


class BatchRows:
    """Rows by table, each key once. They do not depend on the contents of the tables."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._sealed = [window for outcome in batch.outcomes for window in outcome.sealed]
        self._believed = [window for window in self._sealed if window.suspect is None]

    @property
    def only_new(self) -> bool:
        """True for old records read again. The table's row of a call is newer than them."""
        return bool(self._batch.released)

    @property
    def windows_with_calls(self) -> list[SealedWindow]:
        """Windows with calls, the latest read last."""
        return sorted((window for window in self._sealed if window.call_files), key=lambda window: window.read_at)

    @property
    def windows_with_quarantine(self) -> list[SealedWindow]:
        return [window for window in self._sealed if window.quarantine_files]

    def state_rows(self) -> dict[Table, list[Row]]:
        """Return the rows of every state table but quarantine and runs. Leave out tables without rows."""
        refused = [asdict(refused) for outcome in self._batch.outcomes for refused in outcome.refused]
        found = {
            HOURS: list(self._hours()),
            COMPLETENESS: list(self._short_hours()),
            WATERMARKS: list(self._watermarks()),
            ACCOUNTS: refused,
            BACKFILLS: list(self._backfill_days()),
            RELEASED: [{"record_hash": record_hash} for record_hash in self._batch.released],
        }
        return {table: _by_key(table, rows) for table, rows in found.items() if rows}

    @property
    def days_of_hours(self) -> tuple[date, date]:
        """First and last day of the rows for ``hours``, the bounds of their merge."""
        days = [hour.day for window in self._sealed for hour in window.hours]
        days += [hour.day for hour in self._batch.unread]
        return min(days, default=date.max), max(days, default=date.min)

    def _hours(self) -> Iterator[Row]:
        """Yield the latest read of each hour last. An hour in doubt counts as never read, with the reason."""
        yield from map(asdict, self._batch.unread)
        for window in sorted(self._sealed, key=lambda window: window.read_at):
            read_at = window.read_at if window.suspect is None else NEVER
            for hour in window.hours:
                read = {"source_key": window.source.key, "read_at": read_at, "timezone": window.timezone}
                yield asdict(hour) | read | {"doubt": window.suspect}

    def _watermarks(self) -> Iterator[Row]:
        for each in self._batch.watermarks:
            yield {
                **each.source.columns(),
                "report": each.report,
                "host": each.host,
                "read_until": each.read_until,
                "timezone": " ".join(sorted(each.timezones)),
                "doubted_since": each.doubted_since,
                "updated_at": self._batch.committed_at,
            }

    def _short_hours(self) -> Iterator[Row]:
        """Yield the hours of believed answers with fewer legs than an earlier one, and their legs now."""
        for window in self._believed:
            for hour in window.hours if window.shortfall else ():
                yield {
                    "source_key": window.source.key,
                    "campaign": window.source.campaign,
                    "client_id": window.source.client_id,
                    "day": hour.day,
                    "hour": hour.hour,
                    "legs_now": hour.legs,
                    "noticed_at": window.read_at,
                }

    def _backfill_days(self) -> Iterator[Row]:
        for window in self._believed:
            if window.backfill_id is not None and window.ends_plan:
                yield {
                    "backfill_id": window.backfill_id, "source_key": window.source.key, "day": window.window.day,
                }  # fmt: skip

    def results(self, counts: Mapping[str, Mapping[str, int]]) -> list[ClientResult]:
        """Return one result per client, and one more for each wholly failed campaign.

        Args:
            counts: by source. If several jobs of a batch have read a source, the first of them gets all.
        """
        left = dict(counts)
        return [self._result(outcome, client, left.pop(client.source.key, {})) for outcome, client in self._clients()]

    def runs(self, results: Sequence[ClientResult]) -> list[Row]:
        """Return the rows of the run history, one per result."""
        rows = [
            _run_row(self._batch, outcome, client, result)
            for (outcome, client), result in zip(self._clients(), results, strict=True)
        ]
        return _by_key(RUNS, rows)

    def _clients(self) -> Iterator[tuple[CampaignOutcome, ClientOutcome]]:
        for outcome in self._batch.outcomes:
            for client in outcome.clients or _clients_of(outcome.sealed):
                yield outcome, client
            if not outcome.clients and outcome.failure:
                yield outcome, _whole_campaign(outcome)

    def _result(self, outcome: CampaignOutcome, client: ClientOutcome, counts: Mapping[str, int]) -> ClientResult:
        windows = [window for window in outcome.sealed if window.source.key == client.source.key]
        return ClientResult(
            source=client.source,
            records=sum(window.records for window in windows),
            inserted=counts.get("inserted", 0),
            updated=counts.get("updated", 0),
            unchanged=counts.get("unchanged", 0),
            duplicates=sum(window.duplicates for window in windows),
            quarantined=sum(window.quarantined for window in windows),
            overlapping=counts.get("overlapping", 0),
            shortfall=sum(window.shortfall for window in windows),
            suspect=sum(window.suspect is not None for window in windows),
            repaired=sum(window.mended is not None for window in windows),
            windows_left=0 if client.failure else client.windows_planned - client.windows_read,
            failure=client.failure,
            warning=client.warning,
            notices=client.notices,
            clock_gap=client.clock_gap,
            host=client.host,
        )


def _by_key(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Keep the last of several rows under one key."""
    by_key = {tuple(row[name] for name in table.key): row for row in rows}
    return [{name: _replace_surrogates(value) for name, value in row.items()} for row in by_key.values()]


def _whole_campaign(outcome: CampaignOutcome) -> ClientOutcome:
    return ClientOutcome(source=SourceIdentity.of_campaign(outcome.campaign), failure=outcome.failure)


def _clients_of(sealed: Sequence[SealedWindow]) -> list[ClientOutcome]:
    """Return the clients of a lost worker with sealed windows."""
    clients: dict[str, ClientOutcome] = {}
    for window in sealed:
        read = clients[window.source.key].windows_read if window.source.key in clients else 0
        clients[window.source.key] = ClientOutcome(
            source=window.source,
            windows_planned=read + 1,
            windows_read=read + 1,
        )
    return list(clients.values())


def _run_row(batch: Batch, outcome: CampaignOutcome, client: ClientOutcome, result: ClientResult) -> Row:
    """Return a row of the run history."""
    known = {**asdict(client), **asdict(result), **client.source.columns()}
    row = {name: known[name] for name in RUNS.names if name in known}
    row["notices"] = " | ".join(result.notices) or None
    row |= {"failure": result.failure and result.failure.text, "label": result.label}
    row["clock_gap_seconds"] = None if client.clock_gap is None else round(client.clock_gap.total_seconds())
    return row | {"run_id": batch.run_id, "job_id": outcome.job_id, "committed_at": batch.committed_at}


def _replace_surrogates(value: object) -> object:
    """Replace halves of surrogate pairs in a text. An odd file name in an error would fail the whole commit."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
