"""Requests to BigQuery's REST interface: kind, job and statement.

Source: the discovery document of BigQuery v2; uploads as google-resumable-media sends them.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

Kind = Literal[
    "get_dataset", "create_dataset", "get_table", "create_table", "update_table", "delete_table", "rows",
    "start_upload", "upload", "query", "load", "copy", "get_job", "results", "cancel", "other",
]  # fmt: skip
_RESOURCES: tuple[tuple[str, str, Kind], ...] = (
    ("GET", r"datasets/[^/]+", "get_dataset"),
    ("POST", r"datasets", "create_dataset"),
    ("GET", r"datasets/[^/]+/tables/[^/]+", "get_table"),
    ("POST", r"datasets/[^/]+/tables", "create_table"),
    ("PATCH", r"datasets/[^/]+/tables/[^/]+", "update_table"),
    ("PUT", r"datasets/[^/]+/tables/[^/]+", "update_table"),
    ("DELETE", r"datasets/[^/]+/tables/[^/]+", "delete_table"),
    ("GET", r"datasets/[^/]+/tables/[^/]+/data", "rows"),
    ("POST", r"queries", "query"),
    ("GET", r"queries/[^/]+", "results"),
    ("GET", r"jobs/[^/]+", "get_job"),
    ("POST", r"jobs/[^/]+/cancel", "cancel"),
)
_PROJECT = re.compile(r".*/bigquery/v2/projects/[^/]+/")
_JOB = re.compile(r"(?:jobs|queries)/([^/]+)")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. ``path`` has no query string. ``job_id`` of an upload is that of its load job."""

    method: str
    path: str
    kind: Kind
    job_id: str | None = None
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in. ``target`` is the path with its query string."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def upload_id(self) -> str | None:
        return parse_qs(urlsplit(self.target).query).get("upload_id", [None])[0]

    def kind(self) -> Kind:
        if self.path.startswith("/upload/"):
            return "upload" if self.upload_id else "start_upload"
        resource = _PROJECT.sub("", self.path)
        if (self.method, resource) == ("POST", "jobs"):
            return _kind_of_job(self.job())
        matching = (kind for method, form, kind in _RESOURCES if method == self.method and re.fullmatch(form, resource))
        return next(matching, "other")

    def job(self) -> dict[str, Any]:
        """Return the part of a submission's body that describes the job. Other requests have none."""
        text = self.body
        if text.startswith(b"--"):  # multipart: the job first, then the bytes to load
            start = text.index(b"\r\n\r\n") + 4
            text = text[start : text.index(b"\r\n--", start)]
        elif not text.lstrip().startswith(b"{") or self.upload_id:
            return {}
        found: dict[str, Any] = json.loads(text)
        return found

    def job_id(self) -> str | None:
        """Return the job id in the address or the body. A short query calls it ``requestId``."""
        if named := _JOB.match(_PROJECT.sub("", self.path)):
            return unquote(named[1])
        job = self.job()
        found: str | None = job.get("jobReference", {}).get("jobId") or job.get("requestId")
        return found

    def statement(self) -> str | None:
        job = self.job()
        asked = job.get("query") or job.get("configuration", {}).get("query", {}).get("query")
        return asked if isinstance(asked, str) else None


def _kind_of_job(job: dict[str, Any]) -> Kind:
    configuration = job.get("configuration", {})
    kinds: tuple[Kind, ...] = ("query", "load", "copy")
    return next((kind for kind in kinds if kind in configuration), "other")
