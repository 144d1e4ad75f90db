"""The requirements of a run, tried one after another: semaphores, warehouse, clients."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from checks.clients import ClientChoice, check_clients
from config import Settings
from database import Warehouse, open_warehouse
from engine.semaphores import find_missing_semaphores
from errors import NoCampaigns, SyncError, WarehouseError
from messages import Finding
from shutdown import Stop
from utils import utc_now

RETRIES, REQUEST, JOB = timedelta(seconds=10), timedelta(seconds=15), timedelta(seconds=60)
"""Time that BigQuery is given here at most; a cycle is more patient."""
UNREAD, ABOVE_FIRST = "no client could be read or tried", "First do what the rows above say."


def run_checks(settings: Settings, choice: ClientChoice, stop: Stop) -> Iterator[Finding]:
    """Yield a finding for each thing as soon as it has been tried: the warehouse, then every client."""
    if missing := find_missing_semaphores():
        yield Finding(name="semaphores", ok=True, detail=missing.happened, advice=missing.advice)
    warehouse = open_warehouse(_shorten_timeouts(settings), stop)
    failed: list[Finding] = []
    try:
        for finding in warehouse.checks():
            failed += [] if finding.ok else [finding]
            yield finding
        if any(finding.unusable for finding in failed):
            yield Finding(name="clients", ok=False, detail=UNREAD, advice=ABOVE_FIRST, unusable=True)
        else:
            warehouse.patient_until = utc_now() + RETRIES
            yield from _check_clients(warehouse, settings, choice, stop)
    finally:
        warehouse.close()


def _check_clients(warehouse: Warehouse, settings: Settings, choice: ClientChoice, stop: Stop) -> Iterator[Finding]:
    try:
        yield from check_clients(warehouse, settings, choice, stop.is_set)
    except SyncError as exc:
        notice = exc.notice
        detail = notice.happened if isinstance(exc, NoCampaigns) else f"{UNREAD}: {notice.happened}"
        unusable = isinstance(exc, WarehouseError)
        yield Finding(name="clients", ok=False, detail=detail, advice=notice.advice, unusable=unusable)


def _shorten_timeouts(settings: Settings) -> Settings:
    return replace(
        settings,
        bigquery_retry=min(settings.bigquery_retry, RETRIES),
        bigquery_request_timeout=min(settings.bigquery_request_timeout, REQUEST),
        bigquery_job_timeout=min(settings.bigquery_job_timeout, JOB),
    )
