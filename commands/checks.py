"""`main.py check`: tries what a run needs, one thing after another, and says what to do about each that fails."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from commands.sessions import ALL_WELL, CONFIGURATION, UNUSABLE
from config import SETTINGS, Settings
from database import open_warehouse
from messages import Finding
from stops import Stop
from utils import one_line

RETRIES, REQUEST, JOB = timedelta(seconds=10), timedelta(seconds=15), timedelta(seconds=60)
"""Time that BigQuery is given here at most; a cycle is more patient."""


def findings(settings: Settings, stop: Stop) -> Iterator[Finding]:
    """Each thing as soon as it has been tried."""
    warehouse = open_warehouse(_impatient(settings), stop)
    try:
        yield from warehouse.checks()
    finally:
        warehouse.close()


def _impatient(settings: Settings) -> Settings:
    return replace(
        settings,
        bigquery_retry=min(settings.bigquery_retry, RETRIES),
        bigquery_request_timeout=min(settings.bigquery_request_timeout, REQUEST),
        bigquery_job_timeout=min(settings.bigquery_job_timeout, JOB),
    )


def row(found: Finding, *, tick: str, cross: str) -> str:
    """One thing for people; where it failed, what to do stands in a line of its own."""
    line = f"{tick if found.ok else cross} {found.name}: {one_line(found.detail, limit=1000)}"
    return f"{line}\n    {one_line(found.advice, limit=1000)}" if found.advice else line


def report(settings: Settings, found: Sequence[Finding]) -> str:
    """Everything for a program: one JSON object."""
    checks = [{"name": each.name, "ok": each.ok, "detail": each.detail, "advice": each.advice} for each in found]
    values = {known.name: known.text(getattr(settings, known.attribute)) for known in SETTINGS}
    return json.dumps({"ok": all(each.ok for each in found), "settings": values, "checks": checks}, indent=2)


def exit_code(found: Sequence[Finding]) -> int:
    """A setting or a right comes first: who repairs it may find the warehouse usable."""
    failed = [each for each in found if not each.ok]
    if not failed:
        return ALL_WELL
    return UNUSABLE if all(each.unusable for each in failed) else CONFIGURATION
