"""The interface of a warehouse (two protocols), and the one place that opens it.

Only the parent process opens a warehouse, never a worker. Drivers are imported at the opening.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from config import Settings
from messages import (
    Batch,
    CallChoice,
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
from pandas_on_demand import import_pandas_on_demand
from shutdown import Stop
from status_records import Overview
from utils import utc_now

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, str | None]

READING_PATIENCE = timedelta(seconds=30)
"""Wait of a command that only reads for a locked DuckDB file. A commit that is under way takes some seconds."""


class WarehouseReader(Protocol):
    """Everything that can be read of a warehouse. A table that is not there yet has no rows."""

    def read_together(self) -> AbstractContextManager[None]:
        """Let the reads of a block share one opening of the file, or run side by side. It may write in between."""
        ...

    def credential_rows(self) -> list[dict[str, str | None]]:
        """Return the credentials table as it stands, in its order: column name as stored → text."""
        ...

    def watermarks(self) -> dict[str, WatermarkRead]:
        """Return the watermarks by source_key."""
        ...

    def hours(self, since: date, everything_of: Collection[str] = ()) -> list[HourRead]:
        """Return the findings of earlier reads by local hour.

        Args:
            since: the first local day.
            everything_of: keys of sources whose earlier hours are returned as well.
        """
        ...

    def account_refusals(self) -> list[RefusedAccount]:
        """Return the logins that a dialer has refused, with the fingerprints of their passwords."""
        ...

    def quarantine(self) -> list[QuarantinedRecord]:
        """Return every record that could not be read as a call, and still is none."""
        ...

    def call_groups(self, days: Sequence[date]) -> set[tuple[str, str]]:
        """Return (client_id, campaign or in-group) of the calls in these local days."""
        ...

    def calls(self, choice: CallChoice) -> "Generator[pa.RecordBatch, None, None]":
        """Yield the chosen calls in batches of a bounded size. There is at least one, which names the columns.

        The types are those of ``tables.arrow_schema``. Lead columns are there if the table has them. The file stays
        open until the last batch is taken, or the generator is closed.
        """
        ...

    def call_days(self, choice: CallChoice) -> dict[date, int]:
        """Return the number of chosen calls by local day, the oldest day first. Days without calls are left out."""
        ...

    def first_day_read(self, source_keys: Collection[str] = ()) -> date | None:
        """Return the first local day that was ever read of these sources, or of any if none is named."""
        ...

    def days_read(self, choice: CallChoice, source_keys: Collection[str] = ()) -> set[date]:
        """Return the local days of the choice that were read of these sources, or of any if none is named.

        An hour is enough. Answers in doubt alone are none. Client and campaign of the choice do not count.
        """
        ...

    def call_hashes(self, keys: Sequence[str], days: Sequence[date]) -> dict[str, str]:
        """Return call_key → row_hash of the calls with these keys in these local days."""
        ...

    def backfill_progress(self, backfill_id: str) -> set[tuple[str, date]]:
        """Return every (source_key, day) committed by an unfinished backfill."""
        ...

    def forgotten_numbers(self) -> dict[str, str]:
        """Return the phone numbers that must not be stored: keyed hash → id of the key."""
        ...

    def overview(self, now: datetime) -> Overview:
        """Return the last runs, and the state of each source."""
        ...


class Warehouse(Protocol):
    """The store of credentials, calls and state. Methods raise WarehouseError and ConfigError, nothing else."""

    patient_until: datetime | None
    """End of a commit's wait for a free and reachable warehouse. None allows a cycle's length."""

    commits_after: timedelta
    """Wait of finished campaigns for more, to be committed together."""

    @property
    def reader(self) -> WarehouseReader: ...

    @property
    def clock_gap(self) -> timedelta | None:
        """Return the lead of the warehouse's own clock at the last read of hours. A file has no clock, and so None."""
        ...

    def describe(self) -> str:
        """Return the place of the credentials table for a log line, without secrets."""
        ...

    def prepare(self) -> None:
        """Make missing tables and migrate older ones. Raise TableRefused for a foreign table under one of our names."""
        ...

    def lease(self) -> AbstractContextManager[None]:
        """Hold the warehouse against a second daemon while the block runs. Raise WarehouseHeld at once."""
        ...

    def put_credential_rows(self, rows: Sequence[Row], key_of: Callable[[Row], str]) -> RowsMerged:
        """Add or change rows of the credentials table, all or none.

        Args:
            rows: each has every column of ``tables.CREDENTIALS``.
            key_of: returns the source of a row, be it a new one or one of the table with its own spelling.
        """
        ...

    def forget_refusals(self, refusals: Sequence[RefusedAccount]) -> None:
        """Delete refusals of passwords. They may be tried again, or are no longer in use."""
        ...

    def commit(self, batch: Batch) -> list[ClientResult]:
        """Commit rows, quarantine, watermarks, hours, accounts, run history and ledger together, or nothing.

        A batch that releases records of the quarantine adds calls, and changes no call that is there. A batch whose id
        is in the ledger changes nothing.

        Returns:
            One result per ClientOutcome in the batch, in order.
        """
        ...

    def end_backfill(self, backfill_id: str) -> None:
        """Delete the progress of a backfill, so that the same command starts over."""
        ...

    def end_run(self, end: RunEnd) -> int | None:
        """Record a run's own row and renew the copy for readers. Return the bytes billed, if any."""
        ...

    def delete_old(self, now: datetime) -> dict[str, int]:
        """Delete rows older than CALL_DAYS, QUARANTINE_DAYS and RUNS_DAYS, all or none. Return the rows by table."""
        ...

    def forget(self, number: PhoneForms, now: datetime) -> dict[str, int]:
        """Erase a number and the data of its person, and store its hash, all or nothing. Return the rows by table."""
        ...

    def checks(self) -> Iterator[Finding]:
        """Check each need of the warehouse on its own. Change nothing, and wait for nobody for long."""
        ...

    def close(self) -> None:
        """Close connections. The next use opens them again."""
        ...


def open_warehouse(settings: Settings, stop: Stop | None = None) -> Warehouse:
    """Return the warehouse of the settings. It connects and makes nothing before its first use.

    Args:
        settings: name the warehouse and its place.
        stop: once it is set, nothing waits for a lock, and a commit that outlasts the grace is abandoned.
    """
    import_pandas_on_demand()
    if settings.warehouse == "duckdb":
        from warehouses.duckdb.warehouse import DuckDBWarehouse  # noqa: PLC0415 - its driver is slow to import

        return DuckDBWarehouse(settings, stop or Stop())
    from warehouses.bigquery.warehouse import BigQueryWarehouse  # noqa: PLC0415 - the same

    return BigQueryWarehouse(settings, stop or Stop())


def open_for_reading(settings: Settings, stop: Stop | None = None) -> Warehouse:
    """Return the warehouse for somebody who only reads. A person waits for it, so it waits for nobody for long."""
    warehouse = open_warehouse(settings, stop)
    warehouse.patient_until = utc_now() + READING_PATIENCE
    return warehouse
