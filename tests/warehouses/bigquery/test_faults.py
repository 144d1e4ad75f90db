"""A commit survives every fault at each of its requests: its rows are there once, its counts are right, and it ends.

``fault_matrix`` has all pairs; here are those that differ in how they end.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.bigquery.faults import cut_after, refused
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.request_kinds import Seen
from tests.warehouses.bigquery.conftest import PATIENCE, asks
from tests.warehouses.bigquery.fault_matrix import FAULTS, REQUESTS, Request, survive
from tests.warehouses.conftest import Desk

OVERCOME = [
    pytest.param("get_table calls", "cut before", marks=pytest.mark.slow),
    ("create_table staging", "cut after it took effect"),
    ("load (multipart)", "cut after it took effect"),
    pytest.param("load (multipart)", "RUNNING for ever", marks=pytest.mark.slow),
    pytest.param("bytes of an upload", "cut after it took effect", marks=pytest.mark.slow),
    pytest.param("script", "400 aborted", marks=pytest.mark.slow),
    ("script", "503 after it took effect"),
    pytest.param("script", "endless", marks=pytest.mark.slow),
    pytest.param("look at the script", "cut before", marks=pytest.mark.slow),
    ("results", "RUNNING for ever"),
    pytest.param("delete_table staging", "403 accessDenied", marks=pytest.mark.slow),
    ("fence, script done", "cut after it took effect"),
    pytest.param("ledger, script done", "403 rateLimitExceeded", marks=pytest.mark.slow),
]
FOR_GOOD = [
    ("get_table calls", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    pytest.param(
        "create_table staging", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser", marks=pytest.mark.slow
    ),
    pytest.param(
        "load (multipart)", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser", marks=pytest.mark.slow
    ),
    pytest.param("load (multipart)", "400 invalidQuery", "BatchRefused", "Syntax error", marks=pytest.mark.slow),
    ("script", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    ("script", "400 invalidQuery", "BatchRefused", "Syntax error"),
]
QUOTA = "Quota exceeded: Your table exceeded quota for imports or query appends per table."


@pytest.mark.parametrize(("request_of", "fault"), OVERCOME)
def test_a_transient_fault_is_overcome(desk: Desk, proxy: FaultProxy, request_of: str, fault: str) -> None:
    survived = survive(desk, proxy, REQUESTS[request_of], FAULTS[fault]())
    assert (survived.ended, survived.told) == ("committed", "")
    assert survived.seconds < PATIENCE.total_seconds()


@pytest.mark.parametrize(("request_of", "fault", "error", "told"), FOR_GOOD)
def test_a_fault_for_good_changes_nothing(
    desk: Desk, proxy: FaultProxy, *, request_of: str, fault: str, error: str, told: str
) -> None:
    survived = survive(desk, proxy, REQUESTS[request_of], FAULTS[fault]())
    assert (survived.ended, survived.applied) == (error, False)
    assert told in survived.told


@pytest.mark.parametrize(
    ("message", "role"),
    [
        pytest.param(
            "Permission bigquery.tables.updateData denied on table d.calls",
            "roles/bigquery.dataEditor",
            marks=pytest.mark.slow,
        ),
        ("Permission bigquery.tables.getData denied on table d.calls", "roles/bigquery.dataViewer"),
        pytest.param("Access Denied", "roles/bigquery.dataEditor", marks=pytest.mark.slow),
    ],
)
def test_the_missing_role_is_that_of_the_permission(desk: Desk, proxy: FaultProxy, message: str, role: str) -> None:
    survived = survive(desk, proxy, REQUESTS["script"], refused(403, "accessDenied", message))
    assert (survived.ended, survived.applied) == ("RightMissing", False)
    assert f"the role {role} is missing" in survived.told


@pytest.mark.parametrize("request_of", ["script", pytest.param("load (multipart)", marks=pytest.mark.slow)])
def test_a_quota_needs_more_patience_than_there_is(desk: Desk, proxy: FaultProxy, request_of: str) -> None:
    """The first pause is a quarter of a minute. A commit with less time gives up before it."""
    fault = refused(403, "quotaExceeded", QUOTA)
    survived = survive(desk, proxy, REQUESTS[request_of], fault, patience=timedelta(seconds=8))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < PATIENCE.total_seconds() / 2
    assert "quotaExceeded" in survived.told


@pytest.mark.slow
def test_a_quota_is_waited_for_where_there_is_patience(desk: Desk, proxy: FaultProxy) -> None:
    fault = refused(403, "quotaExceeded", QUOTA)
    survived = survive(desk, proxy, REQUESTS["load (multipart)"], fault, patience=PATIENCE)
    assert survived.ended == "committed"
    assert 12 <= survived.seconds < PATIENCE.total_seconds()


def test_a_fault_that_stays_is_given_up(desk: Desk, proxy: FaultProxy) -> None:
    request = replace(REQUESTS["script"], times=None)
    survived = survive(desk, proxy, request, FAULTS["503 backendError"](), patience=timedelta(seconds=4))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < PATIENCE.total_seconds() / 2


def test_a_commit_without_further_answers_is_found_done_by_the_next(desk: Desk, proxy: FaultProxy) -> None:
    """The script takes effect, and every later answer is lost. The next commit of the batch finds it done."""
    request = Request(FromScriptOn(), times=None)
    survived = survive(desk, proxy, request, cut_after(), patience=timedelta(seconds=8))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", True)
    assert survived.seconds < PATIENCE.total_seconds() / 2


class FromScriptOn:
    """Matches the script of a commit and every later request."""

    def __init__(self) -> None:
        self.begun = False

    def __call__(self, seen: Seen) -> bool:
        self.begun = self.begun or asks("query", "commit_")(seen)
        return self.begun
