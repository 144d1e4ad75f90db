"""Every call to BigQuery ends in time and is one that was meant; what goes wrong is sorted by what is done about it."""

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
from errors import WarehouseUnreachable
from stops import COMMIT_SECONDS, FAREWELL_SECONDS, Stop
from tests.bigquery.faults import Fault, cut_before, endless, refused, running_for_ever, silent
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.running import Emulator
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
from tests.warehouses.spool_files import call, outcome
from warehouses.bigquery_rights import Rights
from warehouses.bigquery_service import BigQueryService
from warehouses.bigquery_troubles import Kind, sorted_out, trouble_of

LIMIT = timedelta(seconds=1)
RIGHT = Rights("test-project", "test-project.d").read
KINDS_OF_A_COMMIT = ["get_table", "create_table", "start_upload", "query", "results", "delete_table"]
CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE_TABLE")


@pytest.fixture
def impatient(settings: Settings) -> Iterator[BigQueryService]:
    """Tries once."""
    once = replace(settings, bigquery_request_timeout=LIMIT, bigquery_retry=timedelta(0))
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
            impatient.table("test-project.d.calls", RIGHT)
        else:
            impatient.query("SELECT 1 AS one", {}, RIGHT)
    assert time.monotonic() - started < 3 * LIMIT.total_seconds()


def test_a_job_that_nobody_answers_for_ends_in_time(impatient: BigQueryService, proxy: FaultProxy) -> None:
    """Each look at it may take a request's time; all of them together no longer than a job may, and one look more."""
    proxy.inject(running_for_ever(), asks("query"), None)
    proxy.inject(endless(), asks("get_job"), None)
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable, match="no end in time"):
        impatient.query("SELECT 1 AS one", {}, RIGHT)
    assert time.monotonic() - started < 2 + 3 * LIMIT.total_seconds()


@pytest.mark.parametrize("fault", [silent, endless])
def test_the_bytes_of_a_file_end_in_time(desk: Desk, proxy: FaultProxy, fault: Callable[[], Fault]) -> None:
    limit = desk.settings.bigquery_request_timeout + desk.settings.bigquery_retry
    request = replace(REQUESTS["bytes of an upload"], times=None)
    survived = survive(desk, proxy, request, fault(), patience=timedelta(0))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < 3 * limit.total_seconds()


def test_giving_up_ends_the_waiting_at_once(settings: Settings, proxy: FaultProxy) -> None:
    proxy.inject(refused(403, "quotaExceeded", "Quota exceeded"), asks("query"), None)
    stop = Stop()
    service = BigQueryService(replace(settings, bigquery_retry=timedelta(minutes=5)), stop)
    threading.Timer(1, stop.set).start()
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable):
        service.query("SELECT 1 AS one", {}, RIGHT)
    assert 0.9 < time.monotonic() - started < 2
    service.close()


@pytest.mark.parametrize(("fault", "kinds"), [(running_for_ever, ["query", "cancel"]), (silent, ["query"])])
def test_giving_up_leaves_what_is_under_way_the_grace(
    settings: Settings, proxy: FaultProxy, fault: Callable[[], Fault], kinds: list[str]
) -> None:
    """A silent request is abandoned, though it would be given minutes; then nothing more is asked."""
    proxy.inject(fault(), lambda seen: seen.job_id is not None and seen.kind != "cancel", None)
    minutes = timedelta(minutes=5)
    patient = replace(settings, bigquery_job_timeout=minutes, bigquery_request_timeout=minutes)
    stop = Stop(timedelta(seconds=1))
    service = BigQueryService(patient, stop)
    stop.set()
    started = time.monotonic()
    with pytest.raises(WarehouseUnreachable):
        service.query("SELECT 1 AS one", {}, RIGHT)
    assert 1 + COMMIT_SECONDS - 0.1 < time.monotonic() - started < 1 + FAREWELL_SECONDS
    assert [seen.kind for seen in proxy.seen if seen.kind != "get_job"] == kinds
    service.close()


def test_a_commit_sends_no_request_that_is_not_meant(desk: Desk, proxy: FaultProxy) -> None:
    commit_first(desk)
    proxy.clear()
    desk.warehouse.commit(second_batch(desk))
    looked = [seen.kind for seen in proxy.seen if seen.kind != "get_job"]  # as many as the job takes to run
    assert [kind for kind, _ in groupby(looked)] == KINDS_OF_A_COMMIT
    assert looked.count("results") == 1
    assert proxy.jobs == 2


def test_a_hundred_campaigns_cost_what_one_costs(desk: Desk, proxy: FaultProxy, emulator: Emulator) -> None:
    sent, statements = [], []
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


def test_a_commit_without_news_does_not_touch_the_calls(desk: Desk, emulator: Emulator) -> None:
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
    """The statements of a commit that really ran, and the tables of each: those that are read, and the target."""
    jobs = sorted(
        emulator.client().list_jobs(parent_job=f"commit_{batch_id}_1"), key=lambda job: int(job.job_id.split("_")[-1])
    )
    return [(job.statement_type, {table.table_id for table in job.referenced_tables}) for job in jobs]


def test_a_connection_that_was_closed_in_between_is_no_trouble(desk: Desk, proxy: FaultProxy) -> None:
    """Google closes what is idle for long; the next request then meets a dead connection."""
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
        ("rateLimitExceeded", "Exceeded rate limits", 403, Kind.PASSING),
        ("jobRateLimitExceeded", "", 400, Kind.PASSING),
        ("quotaExceeded", "Quota exceeded", 403, Kind.QUOTA),
        ("resourcesExceeded", "Resources exceeded during query execution", 400, Kind.INVALID),
        ("backendError", "", 503, Kind.PASSING),
        ("backendError", "", 0, Kind.PASSING),
        ("internalError", "", 500, Kind.PASSING),
        ("jobInternalError", "", 400, Kind.PASSING),
        ("tableUnavailable", "", 400, Kind.PASSING),
        ("stopped", "Job execution was cancelled", 0, Kind.PASSING),
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
        ("", "", 408, Kind.PASSING),
        ("", "", 409, Kind.EXISTS),
        ("", "", 429, Kind.PASSING),
        ("", "<html>Bad Gateway</html>", 502, Kind.PASSING),
        ("new in 2031", "", 504, Kind.PASSING),
        ("new in 2031", "", 400, Kind.INVALID),
        ("", "", 0, Kind.INVALID),
    ],
)
def test_troubles_are_sorted(reason: str, message: str, status: int, kind: Kind) -> None:
    trouble = sorted_out(reason, message, status)
    assert trouble.kind is kind
    assert trouble.passes == (kind in (Kind.PASSING, Kind.CONFLICT, Kind.QUOTA))
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
def test_a_trouble_on_the_way_quotes_no_address_and_no_key(error: Exception) -> None:
    trouble = trouble_of(error)
    assert trouble is not None
    assert "SECRET" not in repr(trouble)
    assert "http" not in repr(trouble)


def test_a_refusal_is_told_without_the_address_that_was_asked() -> None:
    answer = requests.Response()
    answer.status_code = 403
    answer._content = b'{"error": {"message": "Not so fast", "errors": [{"reason": "rateLimitExceeded"}]}}'
    answer.request = requests.Request("POST", UPLOAD).prepare()
    trouble = trouble_of(from_http_response(answer))
    assert str(trouble) == "rateLimitExceeded: Not so fast"


@pytest.mark.parametrize("error", [ValueError("our own mistake"), KeyError("x"), AssertionError()])
def test_a_mistake_of_ours_is_no_trouble(error: Exception) -> None:
    assert trouble_of(error) is None
