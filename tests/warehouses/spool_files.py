"""Spool files of a worker, built from a few words per call. They are real Parquet files."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from messages import Batch, CampaignOutcome, ClientOutcome, HourCount, SealedWindow, SourceIdentity, SpoolFile, Window
from tables import QUARANTINE_COLUMNS, arrow_schema, spool_columns
from tests.source_identities import pop_identity

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXPORT, STATS = "call_report_export", "user_stats"


def digest(*parts: object) -> str:
    return hashlib.md5("\x1f".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def call(
    number: int, *, uniqueid: str | None = "", report: str = EXPORT, nth: int = 1, **changed: Any
) -> dict[str, Any]:
    """Return an outbound leg at second ``number`` of the day. ``uniqueid=None`` is hidden by the report."""
    local = datetime(2026, 11, 20, 9) + timedelta(seconds=number)
    if uniqueid == "":
        uniqueid = f"{number}.{nth}"
    row: dict[str, Any] = {
        "client_id": "C1", "client_name": "Client One", "campaign": "SALES", "direction": "outbound",
        "call_date": local.date(), "call_time": local.replace(tzinfo=UTC), "call_time_local": local,
        "time_ambiguous": False, "lead_id": str(number), "phone": f"0700{number}", "status": "SALE",
        "dialer_campaign": "OUT1", "agent": "1001", "length_seconds": 30, "uniqueid": uniqueid, "source_report": report,
    } | changed  # fmt: skip
    leg = row["client_id"], row["direction"], row["call_time_local"], row.get("ingroup") or row.get("dialer_campaign")
    row["call_key"] = changed.get("call_key") or digest(*leg, uniqueid or (row["phone"], nth))
    shown = sorted((name, str(value)) for name, value in row.items() if name not in ("campaign", "client_name"))
    row["row_hash"] = changed.get("row_hash") or digest(*shown)
    return row


@dataclass
class Spool:
    """Files of one run in a folder, and their records."""

    folder: Path
    lead_fields: bool = False
    files: int = 0

    def sealed(
        self,
        *calls: dict[str, Any],
        source: str = "source-1",
        read_at: datetime = NOON,
        quarantine: Sequence[str] = (),
        **fields: Any,
    ) -> SealedWindow:
        """Seal one window of whole ``DAY``. ``fields`` replace values from the rows."""
        first = calls[0] if calls else {}
        days = [row["call_date"] for row in calls]
        known: dict[str, Any] = {
            "campaign": first.get("campaign", "SALES"),
            "client_id": first.get("client_id", "C1"),
            "client_name": first.get("client_name", "Client One"),
            "report": first.get("source_report", EXPORT),
            "timezone": "UTC",
            "window": Window(day=DAY, first_hour=0, last_hour=23, since=NOON - timedelta(hours=12), until=NOON),
            "hours": (HourCount(day=DAY, hour=9, legs=len(calls), in_progress=0),),
            "records": len(calls) + len(quarantine),
            "rows": len(calls),
            "quarantined": len(quarantine),
            "first_day": min(days, default=None),
            "last_day": max(days, default=None),
        }
        known |= fields
        if calls and "call_files" not in fields:
            schema = arrow_schema(spool_columns(lead_fields=self.lead_fields))
            known["call_files"] = (self._write([row | {"source_key": source} for row in calls], schema),)
        if quarantine:
            known["quarantine_files"] = (self._quarantined(quarantine, source, read_at, known),)
        return SealedWindow(source=pop_identity(known, SourceIdentity(source, "")), read_at=read_at, **known)

    def _quarantined(self, records: Sequence[str], source: str, seen_at: datetime, known: dict[str, Any]) -> SpoolFile:
        rows = [
            {
                "record_hash": digest(record), "source_key": source, "campaign": known["campaign"],
                "client_id": known["client_id"], "client_name": known["client_name"], "report": known["report"],
                "reason": "too few fields", "record": record, "window_day": DAY, "seen_at": seen_at,
            }
            for record in records
        ]  # fmt: skip
        return self._write(rows, arrow_schema(QUARANTINE_COLUMNS))

    def _write(self, rows: list[dict[str, Any]], schema: pa.Schema) -> SpoolFile:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.files}.parquet"
        self.files += 1
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
        return SpoolFile(path=str(path), rows=len(rows))


def outcome(*sealed: SealedWindow, **fields: Any) -> CampaignOutcome:
    """Return one campaign's outcome with a ClientOutcome for each source in it."""
    by_source = {window.source.key: window for window in sealed}
    clients = tuple(
        ClientOutcome(
            source=window.source,
        )
        for window in by_source.values()
    )
    campaign = sealed[0].source.campaign if sealed else "SALES"
    known: dict[str, Any] = {"job_id": f"job-{campaign}", "campaign": campaign, "clients": clients} | fields
    return CampaignOutcome(sealed=sealed, **known)


@dataclass
class Batches:
    """Batches one minute after another, each with a name of its own."""

    number: int = 0
    name: str = "batch"
    started_at: datetime = field(default=NOON)
    last: Batch = field(init=False)

    def of(self, *outcomes: CampaignOutcome, **fields: Any) -> Batch:
        self.number += 1
        known: dict[str, Any] = {
            "batch_id": f"{self.name}-{self.number}",
            "run_id": f"run-{self.number}",
            "watermarks": (),
            "committed_at": self.started_at + timedelta(minutes=self.number),
        } | fields
        self.last = Batch(outcomes=outcomes, **known)
        return self.last
