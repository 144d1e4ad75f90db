"""Faults of a request to BigQuery, for ``FaultProxy.inject``.

"before" and "after" is the difference that matters: whether BigQuery did what it was asked although nobody heard so.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.bigquery.request_kinds import Seen

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
    """The answer of BigQuery, or another one in its place."""

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
        """Wait until the proxy releases the request or the client is gone."""

    def hang_up(self) -> None: ...
    def job(self) -> dict[str, Any] | None:
        """Return the resource of the request's job as it was submitted through this proxy."""


Fault = Callable[[Exchange], None]


def refused(status: int, reason: str, message: str) -> Fault:
    """Answer with an error, and keep the request from BigQuery."""
    return lambda exchange: exchange.reply(error_answer(status, reason, message))


def refused_after(status: int, reason: str, message: str) -> Fault:
    """Answer with an error, although BigQuery has executed the request."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.reply(error_answer(status, reason, message))

    return fault


def cut_before() -> Fault:
    """Close the connection, and keep the request from BigQuery."""
    return lambda exchange: exchange.hang_up()


def cut_after() -> Fault:
    """Close the connection in place of the answer, although BigQuery has executed the request."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.hang_up()

    return fault


def silent() -> Fault:
    """Never answer, and keep the request from BigQuery. A release closes the connection."""

    def fault(exchange: Exchange) -> None:
        exchange.released.wait()
        exchange.hang_up()

    return fault


def endless() -> Fault:
    """Answer 200 and then one blank after the other, so that no timeout between two bytes ends it."""
    return lambda exchange: exchange.reply_in_pieces(b" ", _SECONDS_BETWEEN_BYTES)


def running_for_ever() -> Fault:
    """Let BigQuery execute the job, but answer every poll that it still runs.

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
    """Answer that the job was accepted and failed with an error. Keep it from BigQuery.

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
    """Return an error as Google's interfaces write it."""
    error = {"message": message, "domain": "global", "reason": reason}
    content = {"code": status, "message": message, "errors": [error], "status": _STATUS_NAMES.get(status, "UNKNOWN")}
    return _json_answer(status, {"error": content})


def _incomplete(content: dict[str, Any], job_id: str | None) -> dict[str, Any]:
    """Return query results without rows. They are made up for a failed job, whose results would be an error."""
    reference = content.get("jobReference") or {"jobId": job_id, "location": "US"}
    return {"kind": "bigquery#getQueryResultsResponse", "jobReference": reference, "jobComplete": False}


def _content(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer. It is empty for other answers, such as those to pieces of an upload."""
    found: dict[str, Any] = json.loads(answer.body) if answer.body.startswith(b"{") else {}
    return found


def _json_answer(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, (("Content-Type", "application/json; charset=UTF-8"),), json.dumps(content).encode())
