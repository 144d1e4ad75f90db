"""What a credentials row's URL asks for: a report with its own parameters, or a dialer's base address.

Reading parameters are kept, dates and formats are ours. Parameters that write to the dialer's database, by GET too, are
refused, and so is everything that is not known to read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

import requests

from errors import RowUnusable
from reports import REPORTS
from utils import one_line

DEFAULT_REPORT = "call_report_export"
OURS = frozenset(
    {
        "run_export", "query_date", "end_date", "begin_date", "query_hour", "end_hour", "header_row", "rec_fields",
        "custom_fields", "call_notes", "export_fields", "ivr_export", "date_field", "sort_dir", "file_download",
        "DB", "submit", "SUBMIT",
    }
)  # fmt: skip
"""Set by us, or without a meaning: dropped from the URL."""
WRITING = re.compile(
    r"^(end_call|modify_|CB|cb_|gdpr|delete|remove|reset|add|update|status_change|stage|function)", re.I
)
OTHER_MODES = frozenset({"did", "did_id", "pause_code_rpt", "park_rpt", "NVAuser"})
SCALARS = frozenset({"campaign", "group", "list_id", "status", "user_group"})
CLOSER_CALLS = "6"
USUAL_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f]*:[0-9a-f:.]+(%.+)?")
"""A name as DNS can look it up, or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAddress:
    """Where a row points to; ``canonical`` is the URL without its dates, by which a source is known."""

    dialer_url: str
    report: str
    parameters: tuple[tuple[str, str], ...]
    canonical: str


def report_address(url: str) -> ReportAddress:
    """Raises RowUnusable with what is wrong and how to mend it; never shows the URL, it may hold a password."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RowUnusable("the URL's host or port cannot be read") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise RowUnusable("the URL must begin with http:// or https:// and a host name")
    if "@" in parts.netloc:
        raise RowUnusable("the URL holds a user name or password: take it out, there are columns for them")
    if re.search(r"[\s\x00-\x1f]", url):
        raise RowUnusable("the URL has a blank or control character in it")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme = parts.scheme.lower()
    origin = f"{scheme}://{host}{'' if port in (None, USUAL_PORTS[scheme]) else f':{port}'}"
    folder, report = _page(parts.path)
    parameters = _parameters(report, parts.query)
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(parameters))
    dialer_url = origin + folder
    if not _can_be_asked(dialer_url):
        raise RowUnusable("the URL's host or port cannot be read")
    canonical = dialer_url + REPORTS[report].PAGE + (f"?{query}" if query else "")
    return ReportAddress(dialer_url=dialer_url, report=report, parameters=parameters, canonical=canonical)


def host_of(url: str) -> str:
    """Host, and port if it is named, of any text that has some; nothing else of it."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname}{port}" if parts.hostname else ""


def address_of(url: str) -> str:
    """Where a row points to, as a list may show it: scheme, host and folder; of what cannot be read, the host."""
    try:
        return report_address(url).dialer_url
    except RowUnusable:
        return host_of(url)


def _can_be_asked(url: str) -> bool:
    """Whether the HTTP library takes it and means the same host: a backslash ends one there, and not in urlsplit."""
    try:
        prepared = requests.Request("POST", url).prepare().url
    except requests.RequestException:
        return False
    return "\\" not in url and HOST.fullmatch(urlsplit(prepared or "").hostname or "") is not None


def _page(path: str) -> tuple[str, str]:
    """Folder of the dialer's pages, with slashes at both ends, and the report's name."""
    folder, _, page = path.rpartition("/")
    if page.lower().endswith(".php"):
        for report in REPORTS.values():
            if page == report.PAGE:
                return f"{folder}/", report.NAME
        pages = " or ".join(report.PAGE for report in REPORTS.values())
        raise RowUnusable(f"the URL's page is not a report that can be read: use {pages}, or the dialer's base URL")
    base = path.rstrip("/")
    return (f"{base}/" if base.endswith("/vicidial") else f"{base}/vicidial/"), DEFAULT_REPORT


def _parameters(report_name: str, query: str) -> tuple[tuple[str, str], ...]:
    report = REPORTS[report_name]
    given = parse_qsl(query, keep_blank_values=True)
    for name, value in given:
        shown = one_line(name, limit=40)
        if WRITING.match(name):
            raise RowUnusable(f"the URL's parameter {shown!r} can change data on the dialer: take it out")
        if name in OTHER_MODES:
            raise RowUnusable(f"the URL's parameter {name!r} asks for another kind of report: take it out")
        if report_name == "call_report_export" and name in SCALARS:
            raise RowUnusable(f"the dialer ignores {name!r}: write it as '{name}[]'")
        if name == "file_download" and report_name == "user_stats" and value not in ("", CLOSER_CALLS):
            raise RowUnusable("the URL's file_download is not the list of in-group calls: use file_download=6")
        if name not in OURS and name not in report.KEPT_PARAMETERS:
            raise RowUnusable(f"the URL's parameter {shown!r} is not known to this report: take it out")
    kept = tuple((name, value) for name, value in given if name in report.KEPT_PARAMETERS and value != "")
    missing = report.NEEDED_PARAMETERS - {name for name, _ in kept}
    if missing:
        raise RowUnusable(f"the URL lacks {', '.join(sorted(missing))}=…: that report is about one user")
    return kept


def canonical_or_empty(row: Mapping[str, str | None]) -> str:
    """The URL without its dates, or the URL as it is where it cannot be read."""
    url = row.get("url") or ""
    try:
        return report_address(url).canonical
    except RowUnusable:
        return url
