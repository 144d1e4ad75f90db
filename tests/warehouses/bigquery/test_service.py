"""Every request to BigQuery ends in time, none is hidden, and failures are classified by their remedy."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import google.auth.exceptions
import pytest
import requests
from google.api_core.exceptions import from_http_response

from config import Settings
from database import open_warehouse
from errors import ProjectUnknown, SyncError, WarehouseUnreachable
from shutdown import COMMIT_SECONDS, FAREWELL_SECONDS, Stop
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import Fault, cut_before, endless, refused, running_for_ever, silent
from tests.bigquery.proxy import FaultProxy
from tests.warehouses.bigquery.conftest import asks, desk_of
from tests.warehouses.bigquery.fault_matrix import (
    ABORTED,
    AFTER,
    REQUESTS,
    commit_first,
    counts,
    second_batch,
    state,
    survive,
)
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import DAY, call, outcome
from warehouses.bigquery.failures import Kind, classify_error, classify_exception
from warehouses.bigquery.rights import Rights
from warehouses.bigquery.service import BigQueryService

LIMIT = timedelta(seconds=1)
RIGHT = Rights("test-project", "test-project.d").read
KINDS_OF_A_COMMIT = ["get_table", "create_table", "start_upload", "query", "results", "delete_table"]
CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE_TABLE")


@pytest.fixture
def impatient(settings: Settings) -> Iterator[BigQueryService]:
    """A service that tries each request once."""
    once = replace(settings, bigquery_request_timeout=LIMIT, bigquery_retry=timedelta(0))
    once = replace(once, bigquery_job_timeout=2 * LIMIT)
    service = BigQueryService(once, Stop())
    yield service
    service.close()


@pytest.mark.parametrize("fault", [silent, endless])
@pytest.mark.parametrize("kind", ["get_table", "query", "results"])
def test_one_request_ends_in_time(
    impatient: BigQueryService, proxy: FaultProxy, kind: str, fault: Callable[[], Fault]
) -> None:
    proxy.inject(fault(), lambda seen: seen.kind == kind, None)
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable, match="no answer in time"):
        if kind == "get_table":
            impatient.catalog.find_table("test-project.d.calls", RIGHT)
        else:
            impatient.jobs.query("SELECT 1 AS one", {}, RIGHT)
    assert time.monotonic() - started < 3 * LIMIT.total_seconds()


def test_a_job_that_nobody_answers_for_ends_in_time(impatient: BigQueryService, proxy: FaultProxy) -> None:
    """A single poll may take a request's time, and all polls together one poll more than a job's time."""
    proxy.inject(running_for_ever(), asks("query"), None)
    proxy.inject(endless(), asks("get_job"), None)
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable, match="no end in time"):
        impatient.jobs.query("SELECT 1 AS one", {}, RIGHT)
    assert time.monotonic() - started < 5 * LIMIT.total_seconds()


@pytest.mark.parametrize("fault", [silent, pytest.param(endless, marks=pytest.mark.slow)])
def test_the_bytes_of_a_file_end_in_time(desk: Desk, proxy: FaultProxy, fault: Callable[[], Fault]) -> None:
    limit = desk.settings.bigquery_request_timeout + desk.settings.bigquery_retry
    request = replace(REQUESTS["bytes of an upload"], times=None)
    survived = survive(desk, proxy, request, fault(), patience=timedelta(0))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < 3 * limit.total_seconds()


def test_a_stop_signal_ends_the_waiting_at_once(settings: Settings, proxy: FaultProxy) -> None:
    proxy.inject(refused(403, "quotaExceeded", "Quota exceeded"), asks("query"), None)
    stop = Stop()
    service = BigQueryService(replace(settings, bigquery_retry=timedelta(minutes=5)), stop)
    threading.Timer(1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable):
        service.jobs.query("SELECT 1 AS one", {}, RIGHT)
    assert 0.9 < time.monotonic() - started < 2
    service.close()


@pytest.mark.parametrize(("fault", "kinds"), [(running_for_ever, ["query", "cancel"]), (silent, ["query"])])
def test_a_stop_signal_leaves_running_requests_the_grace(
    settings: Settings, proxy: FaultProxy, fault: Callable[[], Fault], kinds: list[str]
) -> None:
    """A silent request is abandoned, even with a timeout of minutes. Nothing more is sent afterwards."""
    proxy.inject(fault(), lambda seen: seen.job_id is not None and seen.kind != "cancel", None)
    minutes = timedelta(minutes=5)
    patient = replace(settings, bigquery_job_timeout=minutes, bigquery_request_timeout=minutes)
    stop = Stop(timedelta(seconds=1))
    service = BigQueryService(patient, stop)
    stop.set()
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable):
        service.jobs.query("SELECT 1 AS one", {}, RIGHT)
    assert 1 + COMMIT_SECONDS - 0.1 < time.monotonic() - started < 1 + FAREWELL_SECONDS
    assert [seen.kind for seen in proxy.seen if seen.kind != "get_job"] == kinds
    service.close()


def test_a_commit_sends_no_hidden_request(desk: Desk, proxy: FaultProxy) -> None:
    commit_first(desk)
    proxy.clear()
    desk.warehouse.commit(second_batch(desk))
    looked = [seen.kind for seen in proxy.seen if seen.kind != "get_job"]  # as many as the job takes to run
    assert [kind for kind, _ in groupby(looked)] == KINDS_OF_A_COMMIT
    assert looked.count("results") == 1
    assert proxy.jobs == 2


def test_a_hundred_campaigns_cost_what_one_costs(desk: Desk, proxy: FaultProxy, emulator: Emulator) -> None:
    sent, statements = [], []
    desk.warehouse.reader.hours(DAY, [])  # as every cycle does before it commits: it tells BigQuery's time
    desk.commit(outcome(desk.spool.sealed(call(1000))))  # whether the table has calls decides what is looked for
    for campaigns in (1, 100):
        proxy.clear()
        outcomes = [
            outcome(desk.spool.sealed(call(number, campaign=f"C{number}"), source=f"source-{number}"))
            for number in range(campaigns)
        ]
        batch = desk.batches.of(*outcomes)
        assert sum(result.inserted for result in desk.warehouse.commit(batch)) == (1 if campaigns == 1 else 99)
        sent.append((proxy.jobs, [seen.kind for seen in proxy.seen if seen.kind != "get_job"]))
        statements.append([name for name, _ in executed(emulator, batch.batch_id)])
    assert sent[0] == sent[1]
    assert statements[0] == statements[1]
    assert sent[0][0] == 2


def test_a_commit_without_changes_does_not_touch_the_calls(desk: Desk, emulator: Emulator) -> None:
    changes = []
    for _ in range(2):
        batch = desk.batches.of(outcome(desk.spool.sealed(call(1), call(2, uniqueid=None))))
        results = desk.warehouse.commit(batch)
        ran = executed(emulator, batch.batch_id)
        changes.append([name for name, tables in ran if name in CHANGING and "calls" in tables])
    assert counts(results) == [(0, 0, 2, 0)]
    assert changes[0].count("INSERT") == 2
    assert changes[1] == []


def executed(emulator: Emulator, batch_id: str) -> list[tuple[str, set[str]]]:
    """Return the executed statements of a commit, and the tables of each: the ones it reads, and the target."""
    jobs = sorted(
        emulator.client().list_jobs(parent_job=f"commit_{batch_id}_1"), key=lambda job: int(job.job_id.split("_")[-1])
    )
    return [(job.statement_type, {table.table_id for table in job.referenced_tables}) for job in jobs]


def test_a_connection_closed_in_between_is_opened_again(desk: Desk, proxy: FaultProxy) -> None:
    """Google closes idle connections. The next request then meets a dead one."""
    commit_first(desk)
    proxy.inject(cut_before(), lambda seen: True)
    desk.warehouse.commit(second_batch(desk))
    assert state(desk) == AFTER


def test_the_time_of_a_commit_is_that_of_the_cycle_where_nobody_says_otherwise(
    emulator: Emulator, proxy: FaultProxy, settings: Settings
) -> None:
    warehouse = open_warehouse(replace(settings, cycle_interval=timedelta(seconds=2)))
    with warehouse.lease():
        warehouse.prepare()
        desk = desk_of(settings, warehouse, emulator)
        proxy.inject(refused(503, "backendError", ""), asks("start_upload"), None)
        started = time.monotonic()
        with pytest.raises(WarehouseUnreachable):
            commit_first(desk)
        assert time.monotonic() - started < 6
    warehouse.close()


@pytest.mark.parametrize(
    ("reason", "message", "status", "kind"),
    [
        ("rateLimitExceeded", "Exceeded rate limits", 403, Kind.TRANSIENT),
        ("jobRateLimitExceeded", "", 400, Kind.TRANSIENT),
        ("quotaExceeded", "Quota exceeded", 403, Kind.QUOTA),
        ("resourcesExceeded", "Resources exceeded during query execution", 400, Kind.INVALID),
        ("backendError", "", 503, Kind.TRANSIENT),
        ("backendError", "", 0, Kind.TRANSIENT),
        ("internalError", "", 500, Kind.TRANSIENT),
        ("jobInternalError", "", 400, Kind.TRANSIENT),
        ("tableUnavailable", "", 400, Kind.TRANSIENT),
        ("stopped", "Job execution was cancelled", 0, Kind.TRANSIENT),
        ("invalidQuery", ABORTED, 400, Kind.CONFLICT),
        ("invalidQuery", "Could not serialize access to table d.calls due to concurrent update", 0, Kind.CONFLICT),
        ("jobAborted", "Transaction is aborted due to concurrent update against table d.t", 409, Kind.CONFLICT),
        ("resourcesExceeded", "Too many DML statements outstanding against table d.t, limit is 20.", 0, Kind.QUOTA),
        ("invalidQuery", "Too many DML statements outstanding against table d.t", 400, Kind.QUOTA),
        ("duplicate", "Already Exists: Job p:US.j", 409, Kind.EXISTS),
        ("notFound", "Not found: Table p:d.t", 404, Kind.MISSING),
        ("accessDenied", "Access Denied: Table p:d.t", 403, Kind.DENIED),
        (
            "bytesBilledLimitExceeded",
            "Query exceeded limit for bytes billed: 1. 2 or higher required.",
            400,
            Kind.COSTLY,
        ),
        ("invalidQuery", "Query exceeded limit for bytes billed: 1. 2 or higher required.", 400, Kind.COSTLY),
        ("invalidQuery", "Syntax error: Unexpected keyword", 400, Kind.INVALID),
        ("invalid", "Required field k cannot be null", 0, Kind.INVALID),
        ("", "", 401, Kind.DENIED),
        ("", "", 403, Kind.DENIED),
        ("", "", 404, Kind.MISSING),
        ("", "", 408, Kind.TRANSIENT),
        ("", "", 409, Kind.EXISTS),
        ("", "", 429, Kind.TRANSIENT),
        ("", "<html>Bad Gateway</html>", 502, Kind.TRANSIENT),
        ("new in 2031", "", 504, Kind.TRANSIENT),
        ("new in 2031", "", 400, Kind.INVALID),
        ("", "", 0, Kind.INVALID),
    ],
)
def test_failures_are_classified(reason: str, message: str, status: int, kind: Kind) -> None:
    trouble = classify_error(reason, message, status)
    assert trouble.kind is kind
    assert trouble.is_transient == (kind in (Kind.TRANSIENT, Kind.CONFLICT, Kind.QUOTA))
    assert str(trouble)


UPLOAD = "https://bigquery.example/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=SECRET-KEY"


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(f"HTTPSConnectionPool: Max retries exceeded with url: {UPLOAD}"),
        requests.ReadTimeout(f"Read timed out. {UPLOAD}"),
        ConnectionResetError(104, f"reset {UPLOAD}"),
        TimeoutError(UPLOAD),
        google.auth.exceptions.TransportError(f"cannot reach {UPLOAD}"),
        google.auth.exceptions.RefreshError("invalid_grant: SECRET-KEY", {"private_key": "SECRET-KEY"}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_error_quotes_no_address_and_no_key(error: Exception) -> None:
    trouble = classify_exception(error)
    assert trouble is not None
    assert "SECRET" not in repr(trouble)
    assert "http" not in repr(trouble)


def test_a_refusal_is_shown_without_its_address() -> None:
    answer = requests.Response()
    answer.status_code = 403
    answer._content = b'{"error": {"message": "Not so fast", "errors": [{"reason": "rateLimitExceeded"}]}}'
    answer.request = requests.Request("POST", UPLOAD).prepare()
    trouble = classify_exception(from_http_response(answer))
    assert str(trouble) == "rateLimitExceeded: Not so fast"


@pytest.mark.parametrize("error", [ValueError("our own mistake"), KeyError("x"), AssertionError()])
def test_an_error_of_our_own_is_not_classified(error: Exception) -> None:
    assert classify_exception(error) is None


@pytest.mark.parametrize(
    ("status", "reason", "label"),
    [
        (403, "billingNotEnabled", "project not ready"),
        (403, "accessNotConfigured", "project not ready"),
        (400, "bytesBilledLimitExceeded", "bill too high"),
        (400, "invalid", "BigQuery refused"),
    ],
)
def test_what_bigquery_refuses_is_named(desk: Desk, proxy: FaultProxy, status: int, reason: str, label: str) -> None:
    proxy.inject(refused(status, reason, "Google's own words"), lambda seen: True, None)
    with pytest.raises(SyncError) as caught:
        desk.warehouse.reader.hours(DAY, ["any"])
    proxy.clear()
    assert caught.value.label == label
    assert "Google's own words" in str(caught.value)


def test_an_emulator_without_a_project_is_reported(settings: Settings) -> None:
    with pytest.raises(ProjectUnknown, match="PROJECT_ID"):
        open_warehouse(replace(settings, project_id=None)).prepare()
