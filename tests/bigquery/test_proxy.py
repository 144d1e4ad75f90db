"""Each fault, seen by Google's own client: "before" has no effect, and "after" has one."""

import io
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery

from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import (
    Fault,
    cut_after,
    cut_before,
    endless,
    failed_job,
    refused,
    refused_after,
    running_for_ever,
    silent,
)
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.request_kinds import Seen

NO_RETRY: Any = None  # which the client understands, but its types do not say
ABORTED = "Transaction is aborted due to concurrent update against table"


class Bench:
    """A dataset with an empty table of numbers, and clients through the proxy and past it."""

    def __init__(self, emulator: Emulator, proxy: FaultProxy) -> None:
        self._emulator, self.proxy = emulator, proxy
        self.client = emulator.client(through=proxy.url)
        self.dataset = emulator.new_dataset()
        emulator.rows(f"CREATE SCHEMA {self.dataset}")
        emulator.rows(f"CREATE TABLE {self.dataset}.numbers (n INT64)")

    def insert(self, timeout: float = 10) -> bigquery.QueryJob:
        """Submit one row without any retry. A client that chooses the id itself takes a 409 for a success."""
        return self.submit(f"INSERT INTO {self.dataset}.numbers VALUES (1)", timeout)

    def submit(self, statement: str, timeout: float = 10) -> bigquery.QueryJob:
        return self.client.query(
            statement, job_id=f"job-{uuid.uuid4()}", retry=NO_RETRY, job_retry=NO_RETRY, timeout=timeout
        )

    def load(self, job_id: str, *, at_once: bool = False) -> bigquery.LoadJob:
        """Submit three rows as Parquet, in one request or as an upload of its own."""
        file = io.BytesIO()
        pq.write_table(pa.table({"n": [1, 2, 3]}), file)
        return self.client.load_table_from_file(
            file,
            f"{self.client.project}.{self.dataset}.numbers",
            rewind=True,
            size=len(file.getvalue()) if at_once else None,
            num_retries=0,
            job_id=job_id,
            job_config=bigquery.LoadJobConfig(source_format="PARQUET"),
            timeout=10,
        )

    def results(self, job: bigquery.QueryJob) -> requests.Response:
        """Return the proxy's answer to a request for a query's results."""
        return requests.get(
            f"{self.proxy.url}/bigquery/v2/projects/{self.client.project}/queries/{job.job_id}", timeout=5
        )

    def numbers(self) -> int:
        """Return the number of rows, read past the proxy."""
        found: int = self._emulator.rows(f"SELECT COUNT(*) AS n FROM {self.dataset}.numbers")[0]["n"]
        return found


@pytest.fixture
def bench(emulator: Emulator, proxy: FaultProxy) -> Bench:
    return Bench(emulator, proxy)


def of_kind(*kinds: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.kind in kinds


def wait_until(fact: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_request_is_seen_as_what_it_is(bench: Bench, emulator: Emulator) -> None:
    client, name = bench.client, emulator.new_dataset()
    client.create_dataset(name)
    client.get_dataset(name)
    columns = [bigquery.SchemaField("n", "INT64")]
    table = client.create_table(bigquery.Table(f"{client.project}.{name}.numbers", columns))
    client.get_table(table)
    table.description = "numbers"
    client.update_table(table, ["description"])
    job = bench.insert()
    job.result()
    list(client.list_rows(table))
    copy = client.copy_table(table, f"{client.project}.{name}.copied")
    client.get_job(copy.job_id)
    client.cancel_job(copy.job_id)
    client.query_and_wait(f"SELECT n FROM {name}.numbers")
    client.delete_table(table)
    list(client.list_tables(name))
    kinds = ["create_dataset", "get_dataset", "create_table", "get_table", "update_table", "query", "results"]
    kinds += ["rows", "copy", "get_job", "cancel", "delete_table", "other"]
    assert list(dict.fromkeys(seen.kind for seen in bench.proxy.seen)) == kinds
    assert bench.proxy.jobs == 3
    submitted, short = (seen for seen in bench.proxy.seen if seen.kind == "query")
    path = f"/bigquery/v2/projects/{client.project}"
    assert submitted == Seen(
        "POST", f"{path}/jobs", "query", job.job_id, f"INSERT INTO {bench.dataset}.numbers VALUES (1)"
    )
    assert (short.path, short.statement) == (f"{path}/queries", f"SELECT n FROM {name}.numbers")
    assert short.job_id is not None
    named = {seen.kind: seen.job_id for seen in bench.proxy.seen}
    assert (named["results"], named["get_job"], named["cancel"]) == (job.job_id, copy.job_id, copy.job_id)


def test_an_upload_of_json_is_not_taken_for_a_job(bench: Bench) -> None:
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    lines = io.BytesIO(b'{"n": 1}\n{"n": 2}\n')
    bench.client.load_table_from_file(lines, f"{bench.dataset}.numbers", job_config=config, num_retries=0).result()
    assert bench.numbers() == 2


def test_the_bytes_of_an_upload_come_through_the_proxy(bench: Bench) -> None:
    bench.load(f"{bench.dataset}-upload").result()
    bench.load(f"{bench.dataset}-at-once", at_once=True).result()
    sent = [(seen.kind, seen.job_id) for seen in bench.proxy.seen if seen.kind in ("start_upload", "upload")]
    assert sent == [
        ("start_upload", f"{bench.dataset}-upload"),
        ("upload", f"{bench.dataset}-upload"),
        ("start_upload", f"{bench.dataset}-at-once"),
    ]
    assert bench.proxy.jobs == 2
    assert bench.numbers() == 6


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ((403, "rateLimitExceeded", "Exceeded rate limits"), exceptions.Forbidden),
        ((403, "quotaExceeded", "Quota exceeded"), exceptions.Forbidden),
        ((400, "invalidQuery", ABORTED), exceptions.BadRequest),
        ((503, "backendError", "Try again"), exceptions.ServiceUnavailable),
        ((409, "duplicate", "Already Exists: Job"), exceptions.Conflict),
    ],
)
@pytest.mark.parametrize(("constructor", "rows"), [(refused, 0), (refused_after, 1)])
def test_a_refusal_is_an_error_of_google_before_or_after_its_effect(
    bench: Bench,
    constructor: Callable[[int, str, str], Fault],
    rows: int,
    refusal: tuple[int, str, str],
    error: type[exceptions.GoogleAPICallError],
) -> None:
    bench.proxy.inject(constructor(*refusal), of_kind("query"))
    with pytest.raises(error, match=refusal[2]) as caught:
        bench.insert()
    assert caught.value.errors == [{"message": refusal[2], "domain": "global", "reason": refusal[1]}]
    assert bench.numbers() == rows
    bench.insert().result()  # it happens once
    assert bench.numbers() == rows + 1


@pytest.mark.parametrize(("fault", "rows"), [(cut_before(), 0), (cut_after(), 1)])
def test_a_cut_connection_before_or_after_its_effect(bench: Bench, fault: Fault, rows: int) -> None:
    bench.proxy.inject(fault, of_kind("query"), times=2)
    for _ in range(2):
        with pytest.raises(requests.exceptions.ConnectionError):
            bench.insert()
    assert bench.numbers() == rows * 2
    bench.insert().result()
    assert bench.numbers() == rows * 2 + 1


@pytest.mark.parametrize(("fault", "rows"), [(cut_before(), 0), (cut_after(), 3)])
def test_an_upload_can_be_cut(bench: Bench, fault: Fault, rows: int) -> None:
    bench.proxy.inject(fault, of_kind("upload"))
    with pytest.raises(requests.exceptions.ConnectionError):
        bench.load(f"{bench.dataset}-cut")
    assert bench.numbers() == rows


def test_silence_lasts_until_the_client_gives_up(bench: Bench) -> None:
    bench.proxy.inject(silent(), of_kind("query"))
    with pytest.raises(requests.exceptions.ReadTimeout):
        bench.insert(timeout=0.5)
    assert bench.numbers() == 0


@pytest.mark.parametrize("fault", [silent(), endless()])
def test_a_release_hangs_up_on_those_who_wait(bench: Bench, fault: Fault) -> None:
    bench.proxy.inject(fault, of_kind("query"))
    raised: list[Exception] = []

    def submit() -> None:
        try:
            bench.insert(timeout=30)
        except requests.exceptions.RequestException as error:
            raised.append(error)

    waiting = threading.Thread(target=submit)
    waiting.start()
    wait_until(lambda: bench.proxy.jobs == 1)
    time.sleep(0.5)
    assert waiting.is_alive()
    bench.proxy.release()
    waiting.join(5)
    assert not waiting.is_alive()
    assert len(raised) == 1


def test_an_endless_answer_outlasts_a_timeout_between_bytes(proxy: FaultProxy, emulator: Emulator) -> None:
    proxy.inject(endless(), of_kind("get_job"))
    started = time.monotonic()
    with requests.get(
        f"{proxy.url}/bigquery/v2/projects/{emulator.project}/jobs/any", stream=True, timeout=0.4
    ) as answer:
        received = b"".join(piece for piece, _ in zip(answer.iter_content(1), range(4), strict=False))
    assert (answer.status_code, received) == (200, b"    ")
    assert time.monotonic() - started > 0.7


def test_a_job_runs_for_ever_although_it_is_done(bench: Bench) -> None:
    bench.proxy.inject(running_for_ever(), of_kind("query", "get_job", "results"), times=None)
    job = bench.insert()
    for _ in range(2):
        job.reload(retry=NO_RETRY, timeout=5)
        assert (job.state, job.error_result) == ("RUNNING", None)
    answer = bench.results(job)
    assert answer.json()["jobComplete"] is False
    assert bench.numbers() == 1
    bench.proxy.clear()
    job.reload(retry=NO_RETRY, timeout=5)
    assert job.state == "DONE"


def test_a_job_that_failed_runs_for_ever_as_well(bench: Bench) -> None:
    bench.proxy.inject(running_for_ever(), of_kind("query", "get_job", "results"), times=None)
    job = bench.submit("SELECT ERROR('no such luck') FROM UNNEST([1])")
    job.reload(retry=NO_RETRY, timeout=5)
    assert (job.state, job.error_result) == ("RUNNING", None)
    answer = bench.results(job)
    assert (answer.status_code, answer.json()["jobComplete"]) == (200, False)


def test_a_query_can_fail_as_a_job(bench: Bench) -> None:
    bench.proxy.inject(failed_job("invalidQuery", ABORTED), of_kind("query", "get_job", "results"), times=None)
    job = bench.insert()
    job.reload(retry=NO_RETRY, timeout=5)
    assert (job.state, job.error_result) == ("DONE", {"reason": "invalidQuery", "message": ABORTED})
    with pytest.raises(exceptions.BadRequest, match=ABORTED):
        job.result(retry=NO_RETRY, job_retry=NO_RETRY, timeout=5)
    answer = bench.results(job)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, ABORTED)
    assert bench.numbers() == 0


@pytest.mark.parametrize(("at_once", "kind"), [(False, "upload"), (True, "start_upload")])
def test_a_load_can_fail_as_a_job(bench: Bench, at_once: bool, kind: str) -> None:
    bench.proxy.inject(failed_job("quotaExceeded", "Too many loads"), of_kind(kind))
    job = bench.load(f"{bench.dataset}-failed", at_once=at_once)
    with pytest.raises(exceptions.Forbidden, match="Too many loads"):
        job.result(retry=NO_RETRY, timeout=5)
    assert bench.numbers() == 0


def test_a_job_submitted_elsewhere_can_have_failed(bench: Bench, emulator: Emulator) -> None:
    elsewhere = emulator.client().query("SELECT 1")
    elsewhere.result()
    bench.proxy.inject(failed_job("stopped", "cancelled"), of_kind("get_job"), times=2)
    job = bench.client.get_job(elsewhere.job_id, retry=NO_RETRY, timeout=5)
    assert isinstance(job, bigquery.QueryJob)
    assert (job.query, job.state, job.error_result) == (
        "SELECT 1",
        "DONE",
        {"reason": "stopped", "message": "cancelled"},
    )
    with pytest.raises(exceptions.NotFound):
        bench.client.get_job("nobody-submitted-this", retry=NO_RETRY, timeout=5)


def test_what_is_denied_stays_denied_until_it_is_allowed(bench: Bench) -> None:
    bench.proxy.deny(of_kind("query"), "Permission bigquery.jobs.create denied")
    for _ in range(3):
        with pytest.raises(exceptions.Forbidden, match=r"bigquery\.jobs\.create"):
            bench.insert()
    bench.proxy.allow()
    bench.insert().result()
    assert bench.numbers() == 1


def test_faults_happen_in_the_order_in_which_they_were_injected(bench: Bench) -> None:
    bench.proxy.inject(refused(503, "backendError", "first"), of_kind("query"))
    bench.proxy.inject(refused(503, "backendError", "second"), of_kind("query"))
    for message in ("first", "second"):
        with pytest.raises(exceptions.ServiceUnavailable, match=message):
            bench.insert()
    bench.insert().result()


def test_clearing_forgets_faults_refusals_and_requests(bench: Bench) -> None:
    bench.proxy.inject(refused(503, "backendError", "fault"), of_kind("query"), times=None)
    bench.proxy.deny(of_kind("get_dataset"), "refusal")
    with pytest.raises(exceptions.ServiceUnavailable):
        bench.insert()
    bench.proxy.clear()
    assert (bench.proxy.seen, bench.proxy.jobs) == ([], 0)
    bench.insert().result()
    bench.client.get_dataset(bench.dataset, retry=NO_RETRY)


def test_leaving_hangs_up_on_everybody(emulator: Emulator) -> None:
    before = set(threading.enumerate())
    with FaultProxy(emulator.url) as proxy:
        bench = Bench(emulator, proxy)
        proxy.inject(silent(), of_kind("get_dataset"))
        with pytest.raises(requests.exceptions.ReadTimeout):
            bench.client.get_dataset(bench.dataset, retry=NO_RETRY, timeout=0.2)
        bench.insert().result()  # leaves an idle connection
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(proxy.url, timeout=1)


@pytest.mark.parametrize("seconds_before_forwarding", [0, 0.5])
def test_leaving_does_not_wait_for_an_emulator_that_is_silent(seconds_before_forwarding: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        with FaultProxy(f"http://127.0.0.1:{target.getsockname()[1]}") as proxy:
            never = threading.Event()
            proxy.inject(cut_before(), lambda _: never.wait(seconds_before_forwarding))
            with pytest.raises(requests.exceptions.ReadTimeout):
                requests.get(proxy.url, timeout=0.2)
            started = time.monotonic()
        assert time.monotonic() - started < 5


def test_half_a_request_is_none(emulator: Emulator) -> None:
    with FaultProxy(emulator.url) as proxy:
        with socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0)) as connection:
            connection.sendall(b"POST /bigquery/v2/projects/p/queries HTTP/1.1\r\nContent-Length: 100\r\n\r\n{}")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
        assert proxy.seen == []


def test_a_mistake_in_a_condition_is_not_lost(emulator: Emulator) -> None:
    def mistaken(seen: Seen) -> bool:
        raise KeyError(seen.kind)

    with pytest.raises(ExceptionGroup, match="the proxy failed") as caught, FaultProxy(emulator.url) as proxy:
        client = emulator.client(through=proxy.url)
        proxy.inject(silent(), mistaken)
        with pytest.raises(requests.exceptions.ConnectionError):
            client.get_dataset("any", retry=NO_RETRY, timeout=5)
    assert [str(error) for error in caught.value.exceptions] == ["'get_dataset'"]


def test_the_proxy_outlives_the_emulator_behind_it(emulator_to_kill: Emulator) -> None:
    emulator_to_kill.rows("CREATE SCHEMA kept")
    with FaultProxy(emulator_to_kill.url) as proxy:
        client = emulator_to_kill.client(through=proxy.url)
        client.get_dataset("kept", retry=NO_RETRY, timeout=5)
        emulator_to_kill.kill()
        with pytest.raises(requests.exceptions.ConnectionError):
            client.get_dataset("kept", retry=NO_RETRY, timeout=5)
        emulator_to_kill.restart()
        client.get_dataset("kept", retry=NO_RETRY, timeout=5)


def test_a_kill_in_the_middle_of_a_request_cuts_the_connection(emulator_to_kill: Emulator) -> None:
    numbers = "UNNEST(GENERATE_ARRAY(1, 200000))"
    slow = f"SELECT SUM(a * b) FROM {numbers} a, {numbers} b"
    with FaultProxy(emulator_to_kill.url) as proxy:
        client = emulator_to_kill.client(through=proxy.url)
        raised: list[Exception] = []

        def submit() -> None:
            try:
                client.query(slow, retry=NO_RETRY, job_retry=NO_RETRY, timeout=30).result(retry=NO_RETRY, timeout=30)
            except requests.exceptions.ConnectionError as error:
                raised.append(error)

        waiting = threading.Thread(target=submit)
        waiting.start()
        wait_until(lambda: proxy.jobs == 1)
        time.sleep(0.3)
        emulator_to_kill.kill()
        waiting.join(10)
        assert len(raised) == 1


def test_a_condition_may_ask_what_was_seen(bench: Bench) -> None:
    bench.proxy.inject(refused(503, "backendError", "the second"), lambda _: bench.proxy.jobs == 2)
    bench.insert().result()
    with pytest.raises(exceptions.ServiceUnavailable, match="the second"):
        bench.insert()
