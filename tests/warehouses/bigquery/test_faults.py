"""A commit survives every fault at each of its requests: its rows are there once, its counts are right, and it ends.

``fault_matrix`` has all pairs; here are those that differ in how they end.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.bigquery.faults import cut_after, refused
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.seen import Seen
from tests.warehouses.bigquery.conftest import PATIENCE, asks
from tests.warehouses.bigquery.fault_matrix import FAULTS, REQUESTS, Request, survive
from tests.warehouses.conftest import Desk

OVERCOME = [
    ("get_table calls", "cut before"),
    ("create_table staging", "cut after it took effect"),
    ("load (multipart)", "cut after it took effect"),
    ("load (multipart)", "RUNNING for ever"),
    ("bytes of an upload", "cut after it took effect"),
    ("script", "400 aborted"),
    ("script", "503 after it took effect"),
    ("script", "endless"),
    ("look at the script", "cut before"),
    ("results", "RUNNING for ever"),
    ("delete_table staging", "403 accessDenied"),
    ("fence, script done", "cut after it took effect"),
    ("ledger, script done", "403 rateLimitExceeded"),
]
FOR_GOOD = [
    ("get_table calls", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    ("create_table staging", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    ("load (multipart)", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    ("load (multipart)", "400 invalidQuery", "BatchRefused", "Syntax error"),
    ("script", "403 accessDenied", "RightMissing", "roles/bigquery.jobUser"),
    ("script", "400 invalidQuery", "BatchRefused", "Syntax error"),
]
QUOTA = "Quota exceeded: Your table exceeded quota for imports or query appends per table."


@pytest.mark.parametrize(("request_of", "fault"), OVERCOME)
def test_a_passing_fault_is_overcome(desk: Desk, proxy: FaultProxy, request_of: str, fault: str) -> None:
    survived = survive(desk, proxy, REQUESTS[request_of], FAULTS[fault]())
    assert (survived.ended, survived.told) == ("committed", "")
    assert survived.seconds < PATIENCE.total_seconds()


@pytest.mark.parametrize("case", FOR_GOOD, ids=", ".join)
def test_a_fault_for_good_changes_nothing(desk: Desk, proxy: FaultProxy, case: tuple[str, str, str, str]) -> None:
    request_of, fault, error, told = case
    survived = survive(desk, proxy, REQUESTS[request_of], FAULTS[fault]())
    assert (survived.ended, survived.applied) == (error, False)
    assert told in survived.told


@pytest.mark.parametrize(
    ("message", "role"),
    [
        ("Permission bigquery.tables.updateData denied on table d.calls", "roles/bigquery.dataEditor"),
        ("Permission bigquery.tables.getData denied on table d.calls", "roles/bigquery.dataViewer"),
        ("Access Denied", "roles/bigquery.dataEditor"),
    ],
)
def test_the_missing_role_is_that_of_the_permission(desk: Desk, proxy: FaultProxy, message: str, role: str) -> None:
    survived = survive(desk, proxy, REQUESTS["script"], refused(403, "accessDenied", message))
    assert (survived.ended, survived.applied) == ("RightMissing", False)
    assert f"the role {role} is missing" in survived.told


@pytest.mark.parametrize("request_of", ["load (multipart)", "script"])
def test_a_quota_needs_more_patience_than_there_is(desk: Desk, proxy: FaultProxy, request_of: str) -> None:
    """The first pause is a quarter of a minute: a commit that may not wait so long gives up before it."""
    fault = refused(403, "quotaExceeded", QUOTA)
    survived = survive(desk, proxy, REQUESTS[request_of], fault, patience=timedelta(seconds=8))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < 5
    assert "quotaExceeded" in survived.told


def test_a_quota_is_waited_for_where_there_is_patience(desk: Desk, proxy: FaultProxy) -> None:
    fault = refused(403, "quotaExceeded", QUOTA)
    survived = survive(desk, proxy, REQUESTS["load (multipart)"], fault, patience=PATIENCE)
    assert survived.ended == "committed"
    assert 12 <= survived.seconds < 30


def test_a_fault_that_stays_is_given_up(desk: Desk, proxy: FaultProxy) -> None:
    request = replace(REQUESTS["script"], times=None)
    survived = survive(desk, proxy, request, FAULTS["503 backendError"](), patience=timedelta(seconds=4))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", False)
    assert survived.seconds < 8


def test_nothing_is_answered_any_more(desk: Desk, proxy: FaultProxy) -> None:
    """The script takes effect, and from then on nobody is heard: the next commit of the batch finds it done."""
    request = Request(FromScriptOn(), times=None)
    survived = survive(desk, proxy, request, cut_after(), patience=timedelta(seconds=4))
    assert (survived.ended, survived.applied) == ("WarehouseUnreachable", True)
    assert survived.seconds < 8


class FromScriptOn:
    """Matches the script of a commit, and whatever follows it."""

    def __init__(self) -> None:
        self.begun = False

    def __call__(self, seen: Seen) -> bool:
        self.begun = self.begun or asks("query", "commit_")(seen)
        return self.begun
