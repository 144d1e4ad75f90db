"""What the tests of planning start from: sources, settings, and hours that were read, in few words."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from config import Settings
from messages import (
    CampaignJob,
    CampaignOutcome,
    ClientOutcome,
    DialerAddress,
    HourCount,
    HourRead,
    SealedWindow,
    Source,
    SourceIdentity,
    WatermarkRead,
    Window,
)
from planning.history import History
from planning.local_days import hour_start, hours_between, local_day, local_hour
from planning.plans import group_by_campaign, plan_cycle
from planning.run_facts import RunFacts
from tests.source_identities import pop_identity

NEW_YORK = "America/New_York"
SETTINGS = Settings(lookback=timedelta(hours=6), settle_days=3, first_run_days=7)
KEY = "0" * 32
FACTS = RunFacts(run_id="run")
MONDAY = date(2026, 3, 2)
IDENTITY = SourceIdentity(KEY, "Sales", "C1", "Client 1")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def source(**changes: Any) -> Source:
    values: dict[str, Any] = {
        "report": "call_report_export", "address": DialerAddress(scheme="https", hostname="dialer.example"),
        "username": "report", "password": "secret", "timezone": "UTC", "max_connections": 2,
    }  # fmt: skip
    values |= changes
    return Source(identity=pop_identity(values, IDENTITY), **values)


def hour_read(
    day: date, hour: int, read_at: datetime, *, legs: int = 10, in_progress: int = 0, zone: str | None = "UTC"
) -> HourRead:
    return HourRead(
        source_key=KEY, day=day, hour=hour, legs=legs, in_progress=in_progress, read_at=read_at, timezone=zone
    )


def all_read(since: datetime, until: datetime, read_at: datetime | None = None, zone: str = "UTC") -> list[HourRead]:
    """Every hour that overlaps, as one read at ``read_at`` (else at ``until``) found it."""
    return [hour_read(day, hour, read_at or until, zone=zone) for day, hour, _, _ in hours_between(since, until, zone)]


def known(read_until: datetime | None, hours: Iterable[HourRead] = (), zones: Iterable[str] = ()) -> History:
    """``zones`` that the hours were read in; none where an older version did."""
    return History.from_rows({KEY: WatermarkRead(read_until, frozenset(zones))} if read_until else {}, hours)


def planned(
    now: datetime, history: History | None = None, settings: Settings = SETTINGS, **changes: Any
) -> list[tuple[date, int, int]]:
    """Day, first and last hour of every window that a cycle asks one source for."""
    return [(window.day, window.first_hour, window.last_hour) for window in windows(now, history, settings, **changes)]


def windows(
    now: datetime, history: History | None = None, settings: Settings = SETTINGS, **changes: Any
) -> tuple[Window, ...]:
    [job] = jobs(now, history, settings, **changes)
    return job.clients[0].windows


def jobs(
    now: datetime, history: History | None = None, settings: Settings = SETTINGS, **changes: Any
) -> list[CampaignJob]:
    return plan_cycle(group_by_campaign([source(**changes)]), history or known(None), settings, now, FACTS)


def day_before(day: date, days: int = 1) -> date:
    return day - timedelta(days=days)


def sealed(window: Window, read_at: datetime, zone: str = "UTC", **changes: Any) -> SealedWindow:
    """A window that was read; its hours up to the one that was under way, each with a leg."""
    today, latest = local_day(read_at, zone), local_hour(read_at, zone)
    values: dict[str, Any] = {
        "source": IDENTITY, "report": "call_report_export", "timezone": zone, "window": window, "read_at": read_at,
        "hours": tuple(
            HourCount(day=window.day, hour=hour, legs=1, in_progress=0)
            for hour in window.hours
            if window.day < today or hour <= latest
        ),
    }  # fmt: skip
    return SealedWindow(**(values | changes))


def hours_of(day: date, first_hour: int, last_hour: int, zone: str = "UTC") -> Window:
    return Window(
        day=day, first_hour=first_hour, last_hour=last_hour,
        since=hour_start(day, first_hour, zone), until=hour_start(day, last_hour + 1, zone),
    )  # fmt: skip


def outcome(*windows: SealedWindow, job_id: str = "0000") -> CampaignOutcome:
    client = ClientOutcome(source=SourceIdentity(KEY, "Sales", "C1", "Client 1"))
    return CampaignOutcome(job_id=job_id, campaign="Sales", sealed=windows, clients=(client,))
