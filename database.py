"""What a warehouse must promise, and the one place that opens it.

Only the parent process holds a warehouse; a worker never opens one. Drivers are imported when they are opened.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Protocol

from config import Settings
from messages import (
    Batch,
    ClientResult,
    Finding,
    HourRead,
    PhoneForms,
    QuarantinedRecord,
    RefusedAccount,
    RowsMerged,
    RunEnd,
    WatermarkRead,
)
from overviews import Overview
from stops import Stop

Row = Mapping[str, str | None]


class Warehouse(Protocol):
    """Where credentials come from and calls go to. Methods raise WarehouseError and ConfigError, nothing else."""

    patient_until: datetime | None
    """Until when a commit waits for the warehouse to be free or reachable; None: for a cycle's length."""

    commits_after: timedelta
    """How long what is ready waits for more, to be committed together."""

    def describe(self) -> str:
        """Where it is, for a log line: no secret in it."""
        ...

    def prepare(self) -> None:
        """Make what is missing and migrate what is older; raises TableRefused rather than touch a foreign table."""
        ...

    def lease(self) -> AbstractContextManager[None]:
        """Hold the warehouse against a second daemon while the block runs; raises WarehouseHeld at once."""
        ...

    def credential_rows(self) -> list[dict[str, str | None]]:
        """The credentials table as it stands: column name as stored → text, in the table's order."""
        ...

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        """Add or change rows, all or none; each has every column of ``tables.CREDENTIALS``.

        ``key_of`` gives the source that a row stands for, be it a new one or one of the table with its own spelling.
        """
        ...

    def watermarks(self) -> dict[str, WatermarkRead]:
        """By source_key."""
        ...

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        """What earlier reads found in each local hour from that day on, and of some sources, by their keys, in all."""
        ...

    def refused_accounts(self) -> list[RefusedAccount]: ...

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        """These passwords may be tried again, or are in use no more."""
        ...

    def quarantined(self) -> list[QuarantinedRecord]:
        """Every record that could not be read as a call, and still is none."""
        ...

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        """(client_id, campaign or in-group) of the calls in these local days."""
        ...

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        """call_key → row_hash of the calls with these keys in these local days."""
        ...

    def commit(self, batch: Batch) -> list[ClientResult]:
        """Rows, quarantine, watermarks, hours, accounts, run history and ledger become visible together, or not at all.

        A batch that releases records of the quarantine adds calls, and changes none that is there.
        One result per ClientOutcome in the batch, in order. A batch whose id is in the ledger changes nothing.
        """
        ...

    def backfilled(self, backfill_id: str) -> set[tuple[str, date]]:
        """(source_key, day) that an unfinished backfill has committed."""
        ...

    def end_backfill(self, backfill_id: str) -> None:
        """Forget its progress, so that the same command starts over."""
        ...

    def end_run(self, end: RunEnd) -> int | None:
        """Put in place what a run leaves beside its commits; the bytes it was billed for, None where nothing is."""
        ...

    def delete_old(self, now: datetime) -> dict[str, int]:
        """Delete what CALL_DAYS, QUARANTINE_DAYS and RUNS_DAYS do not keep, in one transaction; table → its rows."""
        ...

    def forgotten(self) -> dict[str, str]:
        """Phone numbers that must not be stored: keyed hash → id of the key."""
        ...

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        """Erase a number and what tells of its person, and remember its hash, in one transaction; table → rows."""
        ...

    def overview(self, now: datetime) -> Overview:
        """What the tables tell of the last runs and of each source; nothing of what is not there yet."""
        ...

    def checks(self) -> Iterator[Finding]:
        """Try what the warehouse needs, one thing after another; changes nothing, and waits for nobody for long."""
        ...

    def close(self) -> None:
        """Let go of connections; it may be used again."""
        ...


def open_warehouse(settings: Settings, stop: Stop | None = None) -> Warehouse:
    """The warehouse that the settings name; nothing is connected or made before its first use.

    ``stop``: once it is set nobody is waited for, and a commit that outlasts its grace is abandoned.
    """
    if settings.warehouse == "duckdb":
        from warehouses.duckdb_warehouse import DuckDBWarehouse  # noqa: PLC0415 - only who opens it pays for the driver

        return DuckDBWarehouse(settings, stop or Stop())
    from warehouses.bigquery_warehouse import BigQueryWarehouse  # noqa: PLC0415 - the same

    return BigQueryWarehouse(settings, stop or Stop())
