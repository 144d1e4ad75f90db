"""The lease: a row of the table ``leases`` names the only writer, and every commit is bound to it.

The row's owner is a DATA_DIR, which an operating-system lock gives to one process. A run that finds its own name there
knows that the holder before it is gone, and need not wait. Another run may take over after the row has expired, by the
clock of BigQuery. Each new holder raises the generation, and a commit of an older generation does nothing.
"""

import logging
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config import Settings
from errors import SyncError, WarehouseHeld, WarehouseUnusable
from lock_owners import moment, this_process
from tables import LEASES
from utils import utc_now, write_durably
from warehouses.bigquery.failures import Kind, RequestFailed
from warehouses.bigquery.jobs import Value
from warehouses.bigquery.names import BigQueryNames
from warehouses.bigquery.service import BigQueryService
from warehouses.bigquery.tables import BigQueryTables

LOG = logging.getLogger(__name__)

SMALL_SECONDS = 60.0  # for a statement on one row
JOIN_SECONDS = 5.0  # for a renewal under way
RENEWALS = 3
"""Renewals within one lease's time."""
FREE = "t.owner IS NULL OR t.owner = @owner OR t.expires_at < CURRENT_TIMESTAMP()"
MINE = "name = 'writer' AND owner = @owner AND since = @since"
"""True for this holder only. The owner alone would also match a later run of the same DATA_DIR."""
NEXT_EXPIRY = "TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @seconds SECOND)"


class BigQueryLease:
    """The lease of one process, renewed in the background while it is held."""

    def __init__(
        self, settings: Settings, service: BigQueryService, names: BigQueryNames, tables: BigQueryTables
    ) -> None:
        self._jobs = service.jobs
        self._catalog = service.catalog
        self._names = names
        self._tables = tables
        self._owner_file = settings.data_dir / "lease-owner"
        self.seconds = int(settings.bigquery_lease.total_seconds())
        self._busy = threading.Lock()
        self._has_ended = threading.Event()
        self._since = datetime.min.replace(tzinfo=UTC)
        self.owner = ""
        self.generation = 0
        self.in_doubt = False
        """True if the answer of a fence was lost. The fence must be repeated before a commit."""

    @property
    def parameters(self) -> dict[str, Value]:
        """Return the parameters that bind a commit to this lease."""
        return {"owner": self.owner, "generation": self.generation}

    @property
    def _mine(self) -> dict[str, Value]:
        return {"owner": self.owner, "since": self._since}

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lease while the block runs. Raise WarehouseHeld at once if another run holds it."""
        self._tables.make_leases()
        self.owner = _read_owner(self._owner_file)
        self._take()
        self._has_ended.clear()
        thread = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._has_ended.set()
            thread.join(JOIN_SECONDS)
            self._give_back()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Keep renewals away from a commit's transaction. The commit renews the lease itself."""
        with self._busy:
            yield

    def fence(self) -> None:
        """Prevent every commit of this generation from taking effect, even one under way. It may be repeated.

        Afterwards the ledger says for good if a commit took effect.

        Raises:
            RequestFailed: the fence may have taken effect all the same.
            WarehouseHeld: another run holds the lease.
        """
        self.in_doubt = True
        fenced = self._jobs.run(
            f"UPDATE {self._names.sql_name(LEASES.name)} SET generation = @generation + 1, expires_at = {NEXT_EXPIRY}"
            f" WHERE {MINE} AND generation IN (@generation, @generation + 1)",
            {**self._mine, "generation": self.generation, "seconds": self.seconds},
            f"fence_{uuid.uuid4().hex}",
            seconds=SMALL_SECONDS,
        )
        if fenced.affected is None:
            raise RequestFailed(Kind.TRANSIENT, "no answer", "whether the lease is still ours")
        if fenced.affected == 0:
            raise self.loss_error()
        self.generation += 1
        self.in_doubt = False

    def holder(self) -> str | None:
        """Return the holder by this machine's clock, or None. This needs no query."""
        reference = self._names.name(LEASES.name).reference
        rows = self._catalog.list_rows_if_there(reference, self._names.rights().read)
        held = [row for row in rows if row["owner"] and row["expires_at"] > utc_now()]
        return self._describe_holder(held[0]) if held else None

    def loss_error(self) -> WarehouseHeld:
        """Build the error for a run that has lost its lease to another one."""
        return WarehouseHeld(self._describe_holder(self._read_row()))

    def _take(self) -> None:
        """Take the lease. Look at the row first, since a change would disturb the holder's commit or wait for it."""
        row = self._read_row()
        if row.get("owner") not in (None, self.owner) and not row["has_expired"]:
            raise WarehouseHeld(self._describe_holder(row))
        table = self._names.sql_name(LEASES.name)
        self._jobs.query(
            f"""
            MERGE INTO {table} t USING (SELECT 'writer' AS name) s ON t.name = s.name
            WHEN MATCHED AND ({FREE}) THEN
                UPDATE SET owner = @owner, generation = t.generation + 1, holder = @holder,
                    since = CURRENT_TIMESTAMP(), expires_at = {NEXT_EXPIRY}
            WHEN NOT MATCHED THEN INSERT (name, owner, generation, holder, since, expires_at)
                VALUES ('writer', @owner, 1, @holder, CURRENT_TIMESTAMP(), {NEXT_EXPIRY})""",
            {"owner": self.owner, "holder": this_process(), "seconds": self.seconds},
            self._names.rights().change,
        )
        row = self._read_row()
        if row.get("owner") != self.owner:
            raise WarehouseHeld(self._describe_holder(row))
        self.generation, self._since = int(str(row["generation"])), row["since"]

    def _read_row(self) -> dict[str, Any]:
        found = self._jobs.query(
            f"SELECT *, expires_at < CURRENT_TIMESTAMP() AS has_expired FROM {self._names.sql_name(LEASES.name)}"
            " WHERE name = 'writer' ORDER BY since LIMIT 1",
            {},
            self._names.rights().read,
        )
        return found.rows[0] if found.rows else {}

    def _describe_holder(self, row: dict[str, Any]) -> str:
        """Describe the holder, as far as the row names it."""
        if not row.get("owner"):
            return "another one had taken it in the meantime, and has given it back"
        expires = row.get("expires_at")
        until = moment(expires) if isinstance(expires, datetime) else "unknown"
        return f"{row.get('holder')}; without a sign of life it ends at {until}"

    def _keep_renewing(self) -> None:
        """Renew the lease until it is given back. After a failure the next renewal tries again."""
        due = time.monotonic() + self.seconds / RENEWALS
        while not self._has_ended.wait(min(max(due - time.monotonic(), 0.05), 1.0)):
            if time.monotonic() < due:
                continue
            due = time.monotonic() + self.seconds / RENEWALS
            try:
                self._renew()
            except RequestFailed as failure:
                LOG.warning("The lease could not be renewed now: %s", failure)
            except Exception:
                LOG.exception("The lease could not be renewed, for an unforeseen reason; please report it")

    def _renew(self) -> None:
        with self._busy:
            if self._has_ended.is_set():
                return
            renewed = self._jobs.run(
                f"UPDATE {self._names.sql_name(LEASES.name)} SET expires_at = {NEXT_EXPIRY} WHERE {MINE}",
                {**self._mine, "seconds": self.seconds},
                f"renew_{uuid.uuid4().hex}",
                seconds=SMALL_SECONDS,
            )
        if renewed.affected == 0:
            LOG.error("Another run has taken the lease of this warehouse: nothing more is committed here")

    def _give_back(self) -> None:
        try:
            self._jobs.query(
                f"UPDATE {self._names.sql_name(LEASES.name)} SET owner = NULL, expires_at = NULL WHERE {MINE}",
                self._mine,
                self._names.rights().change,
            )
        except SyncError as exc:
            LOG.warning("The lease could not be given back and expires by itself: %s", exc)


def _read_owner(path: Path) -> str:
    """Return the name of this DATA_DIR. It outlives processes, and the host names of containers."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, secrets.token_hex(8).encode("ascii"))
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        raise WarehouseUnusable(f"The file {path}", type(exc).__name__) from None
