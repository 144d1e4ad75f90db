"""The ways in which a request to BigQuery goes wrong; a test gives them to ``FaultProxy.inject``.

"before" and "after" is the difference that matters: whether BigQuery did what it was asked although nobody heard so.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.bigquery.seen import Seen

_SECONDS_BETWEEN_BYTES = 0.2
_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_STATUS_OF_REASON = {  # of a failed job whose results are asked for; every other reason is 400
    "accessDenied": 403,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "notFound": 404,
    "duplicate": 409,
    "internalError": 500,
    "backendError": 503,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What BigQuery answered, or what is answered in its place."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Exchange(Protocol):
    """One request that waits for its answer."""

    seen: Seen
    released: threading.Event

    def forward(self) -> Answer: ...
    def reply(self, answer: Answer) -> None: ...
    def reply_in_pieces(self, piece: bytes, seconds_between: float) -> None:
        """Until the proxy releases it or the client is gone."""

    def hang_up(self) -> None: ...
    def job(self) -> dict[str, Any] | None:
        """The resource of the request's job as it was submitted through this proxy."""


Fault = Callable[[Exchange], None]


def refused(status: int, reason: str, message: str) -> Fault:
    """Answers that error, and BigQuery never hears of the request."""
    return lambda exchange: exchange.reply(error_answer(status, reason, message))


def refused_after(status: int, reason: str, message: str) -> Fault:
    """Answers that error, although BigQuery did what it was asked."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.reply(error_answer(status, reason, message))

    return fault


def cut_before() -> Fault:
    """Closes the connection, and BigQuery never hears of the request."""
    return lambda exchange: exchange.hang_up()


def cut_after() -> Fault:
    """Closes the connection in place of the answer, although BigQuery did what it was asked."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.hang_up()

    return fault


def silent() -> Fault:
    """Never answers, and BigQuery never hears of the request; a release closes the connection."""

    def fault(exchange: Exchange) -> None:
        exchange.released.wait()
        exchange.hang_up()

    return fault


def endless() -> Fault:
    """Answers 200 and then one blank after the other, so that no timeout between two bytes ends it."""
    return lambda exchange: exchange.reply_in_pieces(b" ", _SECONDS_BETWEEN_BYTES)


def running_for_ever() -> Fault:
    """BigQuery does what it is asked, but every answer says that the job still runs.

    A client looks at the submission's answer, at the job and at its results: ``when`` should match them all.
    """

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        content = _content(answer)
        if exchange.seen.kind == "results" or "jobComplete" in content:
            exchange.reply(_json_answer(200, _incomplete(content, exchange.seen.job_id)))
        elif "status" in content:
            exchange.reply(_json_answer(answer.status, content | {"status": {"state": "RUNNING"}}))
        else:
            exchange.reply(answer)

    return fault


def failed_job(reason: str, message: str) -> Fault:
    """The job is accepted, and done with that error; BigQuery never hears of what came through this proxy.

    Only a job that was submitted elsewhere is asked for, so that there is something to rewrite. Of a load whose bytes
    follow, ``upload`` is the request that a job answers. The failure lasts as long as the fault: match ``get_job`` too.
    """

    def fault(exchange: Exchange) -> None:
        if exchange.seen.kind == "results" or exchange.seen.path.endswith("/queries"):
            exchange.reply(error_answer(_STATUS_OF_REASON.get(reason, 400), reason, message))
            return
        job = exchange.job()
        if job is None:
            answer = exchange.forward()
            job = _content(answer)
            if "jobReference" not in job:
                exchange.reply(answer)
                return
        error = {"reason": reason, "message": message}
        status = {"state": "DONE", "errorResult": error, "errors": [error]}
        exchange.reply(_json_answer(200, job | {"status": status}))

    return fault


def error_answer(status: int, reason: str, message: str) -> Answer:
    """An error as Google's interfaces write it."""
    error = {"message": message, "domain": "global", "reason": reason}
    content = {"code": status, "message": message, "errors": [error], "status": _STATUS_NAMES.get(status, "UNKNOWN")}
    return _json_answer(status, {"error": content})


def _incomplete(content: dict[str, Any], job_id: str | None) -> dict[str, Any]:
    """Query results without any result; made up where the job has failed and its results are an error."""
    reference = content.get("jobReference") or {"jobId": job_id, "location": "US"}
    return {"kind": "bigquery#getQueryResultsResponse", "jobReference": reference, "jobComplete": False}


def _content(answer: Answer) -> dict[str, Any]:
    """Empty where the answer is not a JSON object, as that to a piece of an upload."""
    found: dict[str, Any] = json.loads(answer.body) if answer.body.startswith(b"{") else {}
    return found


def _json_answer(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, (("Content-Type", "application/json; charset=UTF-8"),), json.dumps(content).encode())
