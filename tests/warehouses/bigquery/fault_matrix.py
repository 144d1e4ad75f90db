"""Every fault at every request of a commit; ``python -m tests.warehouses.bigquery.fault_matrix`` prints all of them.

A commit that gave up is made once more without a fault: whatever had happened, its rows are there once.
"""

import random
import tempfile
import time
from base64 import b85encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

from errors import SyncError
from messages import Batch, ClientResult, HourCount, SourceIdentity, Watermark
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import (
    Fault,
    cut_after,
    cut_before,
    endless,
    refused,
    refused_after,
    running_for_ever,
    silent,
)
from tests.bigquery.proxy import FaultProxy, When
from tests.warehouses.analyst import execute
from tests.warehouses.bigquery.conftest import PATIENCE, asks, brief, desk_of, holding
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import DAY, NOON, call, outcome
from utils import utc_now

ABORTED = "Transaction is aborted due to concurrent update against table test-project.d.calls."
DENIED = "Access Denied: Project test-project: User does not have bigquery.jobs.create permission in it."
FAULTS: Mapping[str, Callable[[], Fault]] = {
    "403 rateLimitExceeded": lambda: refused(403, "rateLimitExceeded", "Exceeded rate limits: too many requests."),
    "403 quotaExceeded": lambda: refused(403, "quotaExceeded", "Quota exceeded: too many load jobs."),
    "400 aborted": lambda: refused(400, "invalidQuery", ABORTED),
    "503 backendError": lambda: refused(503, "backendError", "Visibility check was unavailable."),
    "503 after it took effect": lambda: refused_after(503, "backendError", "Visibility check was unavailable."),
    "409 duplicate": lambda: refused(409, "duplicate", "Already Exists: Job test-project:US.x"),
    "cut before": cut_before,
    "cut after it took effect": cut_after,
    "silent": silent,
    "endless": endless,
    "RUNNING for ever": running_for_ever,
    "403 accessDenied": lambda: refused(403, "accessDenied", DENIED),
    "400 invalidQuery": lambda: refused(400, "invalidQuery", "Syntax error: Unexpected end of script at [1:1]"),
}


@dataclass(frozen=True)
class Request:
    """One kind of request of a commit, and the events that lead to it."""

    fits: When
    first: tuple[tuple[Fault, When], ...] = ()
    wide: bool = False
    """True for a file above 5 MiB. Only such a file is sent in a request of its own."""
    runs: str = ""
    """Prefix of the job ids of a submission. A job that runs for ever does so for every poll."""
    times: int | None = 1


LOST = ((cut_after(), asks("query", "commit_")),)
"""The script's answer is lost, so that the ledger is asked."""
REQUESTS: Mapping[str, Request] = {
    "get_table calls": Request(asks("get_table", path="/tables/calls")),
    "create_table staging": Request(asks("create_table")),
    "load (multipart)": Request(asks("start_upload"), runs="load_"),
    "start of an upload": Request(asks("start_upload"), wide=True),
    "bytes of an upload": Request(asks("upload"), wide=True),
    "look at the load": Request(asks("get_job", "load_"), ((running_for_ever(), asks("start_upload")),)),
    "script": Request(asks("query", "commit_"), runs="commit_"),
    "look at the script": Request(asks("get_job", "commit_"), ((running_for_ever(), asks("query", "commit_")),)),
    "results": Request(asks("results", "commit_")),
    "delete_table staging": Request(asks("delete_table")),
    "fence, script done": Request(asks("query", "fence_"), LOST),
    "fence, script not done": Request(asks("query", "fence_"), ((cut_before(), asks("query", "commit_")),)),
    "ledger, script done": Request(asks("query", "ledger_"), LOST),
    "counts, script done": Request(asks("query", "counts_"), LOST),
}
BEFORE: Mapping[str, Any] = {
    "calls": [("1", "SALE", "run-1"), ("2", "SALE", "run-1")],
    "hours": [2],
    "watermarks": [1],
    "quarantine": [],
    "runs": [("run-1", 2, 0, 0)],
    "ledger": [1],
}
AFTER: Mapping[str, Any] = {
    "calls": [("1", "DROP", "run-2"), ("2", "SALE", "run-1"), ("3", "SALE", "run-2")],
    "hours": [3],
    "watermarks": [2],
    "quarantine": ["torn"],
    "runs": [("run-1", 2, 0, 0), ("run-2", 1, 1, 1)],
    "ledger": [1, 2],
}
COUNTS = [(1, 1, 1, 0)]


@dataclass(frozen=True)
class Survived:
    """The end of a commit with a fault: "committed" or the name of an error, and its effect."""

    ended: str
    applied: bool
    seconds: float
    told: str

    def __str__(self) -> str:
        done = "" if self.ended == "committed" else ", done all the same" if self.applied else ", not done"
        return f"{self.ended}{done}, {self.seconds:.1f} s"


def survive(desk: Desk, proxy: FaultProxy, request: Request, fault: Fault, patience: timedelta = PATIENCE) -> Survived:
    """Commit with a fault. If that gives up, commit once more without it. Raise AssertionError for a broken promise."""
    commit_first(desk)
    batch = second_batch(desk, wide=request.wide)
    proxy.clear()
    for earlier, when in request.first:
        proxy.inject(earlier, when)
    inject(proxy, request, fault)
    started = time.monotonic()
    ended, told, results = attempted(desk, batch, patience)
    seconds = time.monotonic() - started
    proxy.clear()
    proxy.release()
    found = settled_state(desk)
    assert found in (BEFORE, AFTER), found
    assert results is None or (counts(results), found) == (COUNTS, AFTER), (results, found)
    if results is None:
        _, reason, again = attempted(desk, batch, PATIENCE)
        assert again is not None, reason
        assert (counts(again), state(desk)) == (COUNTS, AFTER), (again, state(desk))
    return Survived(ended, found == AFTER, seconds, told)


def inject(proxy: FaultProxy, request: Request, fault: Fault) -> None:
    """Inject the fault once. A job that runs for ever does so for every poll of the first attempt."""
    runs = request.runs
    if runs and "running_for_ever" in fault.__qualname__:
        proxy.inject(fault, lambda seen: str(seen.job_id).startswith(runs) and str(seen.job_id).endswith("_1"), None)
    else:
        proxy.inject(fault, request.fits, request.times)


def attempted(desk: Desk, batch: Batch, patience: timedelta) -> tuple[str, str, list[ClientResult] | None]:
    desk.warehouse.patient_until = utc_now() + patience
    try:
        return "committed", "", desk.warehouse.commit(batch)
    except SyncError as error:
        return type(error).__name__, str(error), None


def counts(results: list[ClientResult]) -> list[tuple[int, int, int, int]]:
    return [(each.inserted, each.updated, each.unchanged, each.overlapping) for each in results]


def commit_first(desk: Desk) -> None:
    window = desk.spool.sealed(call(1), call(2))
    desk.warehouse.commit(desk.batches.of(outcome(window), watermarks=(read_until(1),)))


def second_batch(desk: Desk, *, wide: bool = False) -> Batch:
    """Return a batch with a changed call, an unchanged one, a new one, and rows of every other table."""
    long: dict[str, Any] = {"agent_name": b85encode(random.Random(1).randbytes(6_000_000)).decode()} if wide else {}
    hours = (HourCount(day=DAY, hour=9, legs=3, in_progress=0),)
    read_at = NOON + timedelta(minutes=15)
    calls = call(1, status="DROP"), call(2), call(3, **long)
    window = desk.spool.sealed(*calls, quarantine=["torn"], hours=hours, read_at=read_at)
    return desk.batches.of(outcome(window), watermarks=(read_until(2),))


def read_until(hours: int) -> Watermark:
    return Watermark(
        source=SourceIdentity("source-1", "SALES", "C1", "Client One"), report="call_report_export",
        host="dialer.example", read_until=NOON + timedelta(hours=hours), timezones=frozenset({"UTC"}),
    )  # fmt: skip


def state(desk: Desk) -> Mapping[str, Any]:
    """Return the visible rows of the batches, duplicates included."""
    known = {name: desk.rows(name) for name in BEFORE}
    return {
        "calls": sorted((row["lead_id"], row["status"], row["run_id"]) for row in known["calls"]),
        "hours": [row["legs"] for row in known["hours"]],
        "watermarks": [(row["read_until"] - NOON) // timedelta(hours=1) for row in known["watermarks"]],
        "quarantine": [row["record"] for row in known["quarantine"]],
        "runs": sorted((row["run_id"], row["inserted"], row["updated"], row["unchanged"]) for row in known["runs"]),
        "ledger": sorted(int(row["batch_id"].rpartition("-")[2]) for row in known["ledger"]),
    }


def settled_state(desk: Desk) -> Mapping[str, Any]:
    """Look until two looks are alike. A script without an answer may end between the look at one table and the next."""
    last, found = None, state(desk)
    while found != last:
        last, found = found, state(desk)
    return found


def cells(cases: list[tuple[str, str]], folder: Path) -> None:
    """Try some cells on an emulator of their own, and print each result at once."""
    emulator = Emulator(folder / "emulator")
    emulator.start()
    try:
        with FaultProxy(emulator.url) as proxy:
            settings = brief(emulator, folder / "data", proxy)
            with holding(settings) as warehouse:
                for number, (request, fault) in enumerate(cases):
                    desk = desk_of(settings, warehouse, emulator)
                    desk.batches.name += f"-{number}"
                    print(f"| {fault} | {request} | {cell(desk, proxy, request, fault)} |", flush=True)  # noqa: T201
    finally:
        emulator.stop()


def cell(desk: Desk, proxy: FaultProxy, request: str, fault: str) -> str:
    for table in BEFORE:
        execute(desk.settings, f"DELETE FROM vicidial.{table} WHERE TRUE")
    desk.warehouse.patient_until = utc_now() + PATIENCE
    try:
        return str(survive(desk, proxy, REQUESTS[request], FAULTS[fault]()))
    except (AssertionError, SyncError) as broken:
        proxy.clear()
        return f"**BROKEN** {type(broken).__name__}: {str(broken)[:300]}"


def main(at_once: int = 3) -> None:
    cases = list(product(REQUESTS, FAULTS))
    print("| fault | request | outcome |\n|---|---|---|", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as threads:
        shares = [
            threads.submit(cells, cases[number::at_once], Path(folder) / str(number)) for number in range(at_once)
        ]
        for share in shares:
            share.result()


if __name__ == "__main__":
    main()
