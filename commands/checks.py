"""`main.py check`: tries what a run needs, one thing after another, and says what to do about each that fails."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from commands.dialer_checks import Choice, dialer_findings
from commands.sessions import ALL_WELL, CONFIGURATION, SOME_FAILED, UNUSABLE
from commands.summaries import DOUBT
from config import SETTINGS, Settings
from database import Warehouse, open_warehouse
from errors import NoCampaigns, SyncError, WarehouseError
from messages import Finding
from stops import Stop
from utils import one_line, plural, utc_now

RETRIES, REQUEST, JOB = timedelta(seconds=10), timedelta(seconds=15), timedelta(seconds=60)
"""Time that BigQuery is given here at most; a cycle is more patient."""
UNREAD, ABOVE_FIRST = "no client could be read or tried", "First do what the rows above say."
SHOWN = ("name", "ok", "detail", "advice", "campaign", "client_id", "client_name")


def findings(settings: Settings, choice: Choice, stop: Stop) -> Iterator[Finding]:
    """Each thing as soon as it has been tried: the warehouse, then every client."""
    warehouse = open_warehouse(_impatient(settings), stop)
    failed: list[Finding] = []
    try:
        for found in warehouse.checks():
            failed += [] if found.ok else [found]
            yield found
        if any(found.unusable for found in failed):
            yield Finding(name="clients", ok=False, detail=UNREAD, advice=ABOVE_FIRST, unusable=True)
        else:
            warehouse.patient_until = utc_now() + RETRIES
            yield from _of_clients(warehouse, settings, choice, stop)
    finally:
        warehouse.close()


def _of_clients(warehouse: Warehouse, settings: Settings, choice: Choice, stop: Stop) -> Iterator[Finding]:
    try:
        yield from dialer_findings(warehouse, settings, choice, stop.is_set)
    except SyncError as exc:
        happened, advice = (text.format(*exc.args) for text in (exc.happened, exc.advice))
        detail = happened if isinstance(exc, NoCampaigns) else f"{UNREAD}: {happened}"
        unusable = isinstance(exc, WarehouseError)
        yield Finding(name="clients", ok=False, detail=detail, advice=advice, unusable=unusable)


def _impatient(settings: Settings) -> Settings:
    return replace(
        settings,
        bigquery_retry=min(settings.bigquery_retry, RETRIES),
        bigquery_request_timeout=min(settings.bigquery_request_timeout, REQUEST),
        bigquery_job_timeout=min(settings.bigquery_job_timeout, JOB),
    )


def row(found: Finding, *, tick: str, cross: str) -> str:
    """One thing for people; where it failed or leaves a doubt, what to do stands in a line of its own."""
    mark = cross if not found.ok else DOUBT if found.advice else tick
    line = f"{mark} {found.name}: {one_line(found.detail, limit=1000)}"
    return f"{line}\n    {one_line(found.advice, limit=1000)}" if found.advice else line


def closing_line(found: Sequence[Finding]) -> str:
    """How many there were of each kind, for people."""
    failed = sum(not each.ok for each in found)
    doubtful = sum(each.ok and bool(each.advice) for each in found)
    told = [f"{failed} failed"] * bool(failed) + [f"{doubtful} to look at"] * bool(doubtful)
    return f"{plural(len(found), 'check')}: {', '.join(told) or 'all well'}"


def report(settings: Settings, found: Sequence[Finding]) -> str:
    """Everything for a program: one JSON object."""
    checks = [{name: getattr(each, name) for name in SHOWN} for each in found]
    values = {known.name: known.text(getattr(settings, known.attribute)) for known in SETTINGS}
    return json.dumps({"ok": all(each.ok for each in found), "settings": values, "checks": checks}, indent=2)


def exit_code(found: Sequence[Finding]) -> int:
    """A setting or a right comes first: who repairs it may find the warehouse usable. Dialers come last."""
    failed = [each for each in found if not each.ok and each.campaign is None]
    if not failed:
        return ALL_WELL if all(each.ok for each in found) else SOME_FAILED
    return UNUSABLE if all(each.unusable for each in failed) else CONFIGURATION
