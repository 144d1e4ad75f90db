"""One writer at a time: a row of the table ``leases`` says who, and every commit is bound to it.

The row's owner is a DATA_DIR, which an operating-system lock gives to one process: a run that finds its own name there
knows that the holder before it is gone, and need not wait. Another one may take over after the row has expired, by the
clock of BigQuery. Each taking raises the generation, and a commit of an older generation does nothing.
"""

import logging
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from errors import SyncError, WarehouseHeld, WarehouseUnusable
from holders import moment, this_process
from tables import LEASES
from utils import utc_now, write_durably
from warehouses.bigquery_service import BigQueryService, Value
from warehouses.bigquery_tables import BigQueryTables
from warehouses.bigquery_troubles import Kind, Trouble

LOG = logging.getLogger(__name__)

SMALL_SECONDS = 60.0  # for a statement on one row
JOIN_SECONDS = 5.0  # for a sign of life that is under way
RENEWALS = 3
"""Signs of life within one lease's time."""
FREE = "t.owner IS NULL OR t.owner = @owner OR t.expires_at < CURRENT_TIMESTAMP()"
MINE = "name = 'writer' AND owner = @owner AND since = @since"
"""Holds from a taking to the next one; the owner alone would hold for a later run of the same DATA_DIR as well."""
NEXT_EXPIRY = "TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @seconds SECOND)"


class BigQueryLease:
    """The lease of one process: taken, renewed in the background, given back."""

    def __init__(self, service: BigQueryService, tables: BigQueryTables, data_dir: Path, lasts: timedelta) -> None:
        self._service = service
        self._tables = tables
        self._identity = data_dir / "lease-owner"
        self._seconds = int(lasts.total_seconds())
        self._busy = threading.Lock()
        self._over = threading.Event()
        self._since = datetime.min.replace(tzinfo=UTC)
        self.owner = ""
        self.generation = 0
        self.in_doubt = False
        """Whether a fence may have raised the generation without our knowing: before a commit it must be repeated."""

    @property
    def parameters(self) -> dict[str, Value]:
        """What binds a commit to this lease."""
        return {"owner": self.owner, "generation": self.generation}

    @property
    def _mine(self) -> dict[str, Value]:
        return {"owner": self.owner, "since": self._since}

    @property
    def seconds(self) -> int:
        return self._seconds

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises WarehouseHeld at once where another run has it."""
        self._tables.make_leases()
        self.owner = _identity(self._identity)
        self._take()
        self._over.clear()
        thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(JOIN_SECONDS)
            self._give_back()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """A sign of life within a commit's transaction is the commit itself; a second one would conflict with it."""
        with self._busy:
            yield

    def fence(self) -> None:
        """Make sure that no commit of this generation takes effect any more, be it still under way.

        Afterwards the ledger says for good whether it did. Raises Trouble; may be repeated.
        """
        self.in_doubt = True
        fenced = self._service.run(
            f"UPDATE {self._tables.name(LEASES.name)} SET generation = @generation + 1, expires_at = {NEXT_EXPIRY}"
            f" WHERE {MINE} AND generation IN (@generation, @generation + 1)",
            {**self._mine, "generation": self.generation, "seconds": self._seconds},
            f"fence_{uuid.uuid4().hex}",
            seconds=SMALL_SECONDS,
        )
        if fenced.affected is None:
            raise Trouble(Kind.PASSING, "no answer", "whether the lease is still ours")
        if fenced.affected == 0:
            raise self.lost()
        self.generation += 1
        self.in_doubt = False

    def holder(self) -> str | None:
        """Who holds it, by this machine's clock; None if nobody does. Needs no query."""
        right = self._tables.rights().read
        table = self._service.table(self._tables.place(LEASES.name).reference, right)
        rows = self._service.rows(table, right) if table is not None else []
        taken = [row for row in rows if row["owner"] and row["expires_at"] > utc_now()]
        return self._told(taken[0]) if taken else None

    def lost(self) -> WarehouseHeld:
        """The error of a run whose lease somebody else has taken."""
        return WarehouseHeld(self._told(self._row()))

    def _take(self) -> None:
        """Looked at before it is written to: a change would wait for, or disturb, a commit of who has it."""
        row = self._row()
        if row.get("owner") not in (None, self.owner) and not row["has_expired"]:
            raise WarehouseHeld(self._told(row))
        table = self._tables.name(LEASES.name)
        self._service.query(
            f"""
            MERGE INTO {table} t USING (SELECT 'writer' AS name) s ON t.name = s.name
            WHEN MATCHED AND ({FREE}) THEN
                UPDATE SET owner = @owner, generation = t.generation + 1, holder = @holder,
                    since = CURRENT_TIMESTAMP(), expires_at = {NEXT_EXPIRY}
            WHEN NOT MATCHED THEN INSERT (name, owner, generation, holder, since, expires_at)
                VALUES ('writer', @owner, 1, @holder, CURRENT_TIMESTAMP(), {NEXT_EXPIRY})""",
            {"owner": self.owner, "holder": this_process(), "seconds": self._seconds},
            self._tables.rights().change,
        )
        row = self._row()
        if row.get("owner") != self.owner:
            raise WarehouseHeld(self._told(row))
        self.generation, self._since = int(str(row["generation"])), row["since"]

    def _row(self) -> dict[str, Any]:
        found = self._service.query(
            f"SELECT *, expires_at < CURRENT_TIMESTAMP() AS has_expired FROM {self._tables.name(LEASES.name)}"
            " WHERE name = 'writer' ORDER BY since LIMIT 1",
            {},
            self._tables.rights().read,
        )
        return found.rows[0] if found.rows else {}

    def _told(self, row: dict[str, Any]) -> str:
        """Who holds it, as far as the row says."""
        if not row.get("owner"):
            return "another one had taken it in the meantime, and has given it back"
        expires = row.get("expires_at")
        until = moment(expires) if isinstance(expires, datetime) else "unknown"
        return f"{row.get('holder')}; without a sign of life it ends at {until}"

    def _keep(self) -> None:
        """Renew it until it is given back; what fails is tried again at the next sign."""
        due = time.monotonic() + self._seconds / RENEWALS
        while not self._over.wait(min(max(due - time.monotonic(), 0.05), 1.0)):
            if time.monotonic() < due:
                continue
            due = time.monotonic() + self._seconds / RENEWALS
            try:
                self._renew()
            except Trouble as trouble:
                LOG.warning("The lease could not be renewed now: %s", trouble)
            except Exception:
                LOG.exception("The lease could not be renewed, for a reason that is not foreseen; please report it")

    def _renew(self) -> None:
        with self._busy:
            if self._over.is_set():
                return
            renewed = self._service.run(
                f"UPDATE {self._tables.name(LEASES.name)} SET expires_at = {NEXT_EXPIRY} WHERE {MINE}",
                {**self._mine, "seconds": self._seconds},
                f"renew_{uuid.uuid4().hex}",
                seconds=SMALL_SECONDS,
            )
        if renewed.affected == 0:
            LOG.error("Another run has taken the lease of this warehouse: nothing more is committed here")

    def _give_back(self) -> None:
        try:
            self._service.query(
                f"UPDATE {self._tables.name(LEASES.name)} SET owner = NULL, expires_at = NULL WHERE {MINE}",
                self._mine,
                self._tables.rights().change,
            )
        except SyncError as exc:
            LOG.warning("The lease could not be given back and expires by itself: %s", exc)


def _identity(path: Path) -> str:
    """A name of this DATA_DIR that outlives its processes, and the host names of its containers."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, secrets.token_hex(8).encode("ascii"))
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        raise WarehouseUnusable(f"The file {path}", type(exc).__name__) from None
