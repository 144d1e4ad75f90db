"""Small batches for the warehouse's tests: legs as dicts, spooled and committed for real."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import xxhash

from config import Settings
from messages import (
    Batch,
    CampaignOutcome,
    ClientOutcome,
    HourCount,
    RefusedAccount,
    SealedWindow,
    Watermark,
    Window,
)
from spools.files import QUARANTINE_COLUMNS, WindowSpool
from tables import arrow_schema, spooled_columns

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
SOURCE = "a" * 32
numbers = itertools.count()


def leg(**changes: Any) -> dict[str, Any]:
    """A leg as call_report_export shows it; keys and hashes follow from what it holds."""
    row: dict[str, Any] = {
        "client_id": "1", "client_name": "Acme", "campaign": "Sales", "direction": "inbound", "call_date": DAY,
        "call_time": datetime(2026, 11, 20, 15, 0, 0, tzinfo=UTC), "call_time_local": datetime(2026, 11, 20, 10, 0, 0),
        "time_ambiguous": False, "lead_id": "77", "vendor_lead_code": "V77", "source_id": None, "phone": "0700123",
        "status": "SALE", "status_name": "Sale Made", "ingroup": "SALES_IN", "dialer_campaign": None, "agent": "2001",
        "agent_name": "Kim", "user_group": "CLOSERS", "length_seconds": 60, "queue_seconds": 5.0, "talk_seconds": 55.0,
        "wrapup_seconds": 7, "term_reason": None, "list_id": "101", "uniqueid": "1795181335.924",
        "source_report": "call_report_export", "source_key": SOURCE,
    }  # fmt: skip
    row |= changes
    number = row.pop("number", 0)
    identity = [row["client_id"], row["direction"], row["call_time_local"], row["ingroup"], row["dialer_campaign"]]
    identity += [row["uniqueid"]] if row["uniqueid"] else [row["phone"], number]
    content = [value for name, value in row.items() if name not in ("campaign", "client_name", "source_key")]
    row.setdefault("call_key", _hash(identity))
    row.setdefault("row_hash", _hash(content))
    return row


def bare(**changes: Any) -> dict[str, Any]:
    """The same leg as user_stats shows it: without uniqueid and names, but with the reason of the hang-up."""
    unknown = dict.fromkeys(
        ("uniqueid", "status_name", "agent_name", "user_group", "vendor_lead_code", "wrapup_seconds")
    )
    return leg(**{**unknown, "term_reason": "CALLER", "source_report": "user_stats", **changes})


def _hash(values: Iterable[object]) -> str:
    return xxhash.xxh3_128_hexdigest(repr(list(values)).encode())


def window(settings: Settings, legs: Iterable[Mapping[str, Any]], **changes: Any) -> SealedWindow:
    """A sealed window of these legs, of one source."""
    rows = list(legs)
    spool = WindowSpool(settings.data_dir / "spool" / "run", f"w{next(numbers)}", lead_fields=False)
    schema = arrow_schema(spooled_columns(lead_fields=False))
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    spool.write_calls([table.to_pandas(types_mapper=pd.ArrowDtype)])
    days = [row["call_date"] for row in rows]
    sealed = SealedWindow(
        source_key=rows[0]["source_key"] if rows else SOURCE,
        campaign=rows[0]["campaign"] if rows else "Sales",
        client_id="1",
        client_name="Acme",
        report="call_report_export",
        window=Window(day=DAY, first_hour=10, last_hour=10, since=NOON, until=NOON),
        read_at=NOON,
        call_files=tuple(spool.call_files),
        hours=(HourCount(day=DAY, hour=10, legs=len(rows), in_progress=0),),
        records=len(rows),
        rows=len(rows),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )
    return replace(sealed, **changes)


def quarantine(settings: Settings, *records: str) -> tuple[Any, ...]:
    spool = WindowSpool(settings.data_dir / "spool" / "run", f"q{next(numbers)}", lead_fields=False)
    rows = [
        {
            "record_hash": _hash([record]), "source_key": SOURCE, "campaign": "Sales", "client_id": "1",
            "client_name": "Acme", "report": "call_report_export", "reason": "no", "record": record, "window_day": DAY,
            "seen_at": NOON,
        }
        for record in records
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=arrow_schema(QUARANTINE_COLUMNS))
    spool.write_quarantine([table.to_pandas(types_mapper=pd.ArrowDtype)])
    return tuple(spool.quarantine_files)


def outcome(*windows: SealedWindow, refused: tuple[RefusedAccount, ...] = (), **changes: Any) -> CampaignOutcome:
    """An outcome with one client per source of its windows."""
    clients = {
        sealed.source_key: ClientOutcome(
            source_key=sealed.source_key, campaign=sealed.campaign, client_id=sealed.client_id, client_name="Acme"
        )
        for sealed in windows
    }
    made = CampaignOutcome(
        job_id=f"{next(numbers):04}",
        campaign=windows[0].campaign if windows else "Sales",
        sealed=windows,
        clients=tuple(clients.values()),
        refused=refused,
    )
    return replace(made, **changes)


def batch(*outcomes: CampaignOutcome, read_until: datetime | None = None, **changes: Any) -> Batch:
    number = next(numbers)
    watermark = Watermark(
        source_key=SOURCE, campaign="Sales", client_id="1", client_name="Acme", report="call_report_export",
        host="dialer", read_until=read_until or NOON,
    )  # fmt: skip
    made = Batch(
        batch_id=f"batch{number}",
        run_id=f"run{number}",
        outcomes=outcomes,
        watermarks=(watermark,) if read_until else (),
        committed_at=datetime(2026, 11, 20, 18, number % 60, tzinfo=UTC),
    )
    return replace(made, **changes)


def settings_in(folder: Path, **changes: Any) -> Settings:
    return Settings(data_dir=folder, **changes)
