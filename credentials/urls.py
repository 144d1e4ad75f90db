"""The URL of a credentials row: a report with its own parameters, or a dialer's base address.

Parameters of reading are kept. Dates and formats are ours. Parameters that write to the dialer's database (even by GET)
and unknown ones are refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import requests

from credentials.name_lists import LONGEST, NO_ID, clean_text
from errors import RowUnusable
from messages import DialerAddress
from reports import REPORTS
from reports.call_report_export import ALL, NONE, PARAMETER_OF
from utils import one_line

DEFAULT_REPORT = "call_report_export"
DATES = frozenset({"query_date", "end_date", "begin_date"})
"""Each run sets its own."""
HARMLESS = frozenset({"run_export", "header_row", "sort_dir", "file_download", "DB", "submit", "SUBMIT"})
"""Set by us too, or without an effect on what is read."""
OF_BROWSERS = re.compile(r"utm_\w+|fbclid|gclid|_ga|_|PHPSESSID|nocache")
"""Parameters of browsers, mail programs and web servers. No dialer looks at them."""
UNUSED = {
    "query_hour": (frozenset({"", "0", "00"}), "all hours are read"),
    "end_hour": (frozenset({"", "23"}), "all hours are read"),
    "date_field": (frozenset({"", "call_date"}), "calls are read by the time of the call"),
    "rec_fields": (frozenset({"", "NONE"}), "recordings are not read"),
    "custom_fields": (frozenset({"", "NO"}), "custom fields are not read"),
    "call_notes": (frozenset({"", "NO"}), "notes are not read"),
    "ivr_export": (frozenset({"", "NO"}), "IVR paths are not read"),
    "export_fields": (frozenset({"", "STANDARD", "EXTENDED", "EXTENDED_2"}), "the columns are always the same"),
}
"""Parameters that are not sent: their values without a wish of their own, and what is read instead."""
WRITING = re.compile(
    r"^(end_call|modify_|CB|cb_|gdpr|delete|remove|reset|add|update|status_change|stage|function)", re.I
)
OTHER_MODES = frozenset({"did", "did_id", "pause_code_rpt", "park_rpt", "NVAuser"})
WITHOUT_BRACKETS = frozenset({"campaign", "group", "list_id", "status", "user_group"})
"""Parameters that the export reads only with [] behind their name."""
NUMBERED = re.compile(r"(\w+)\[\d*\]")
"""One of several values, from a program that numbers them."""
ESCAPED_AND = re.compile(r"&(amp|#0*38|#x0*26);", re.IGNORECASE)
"""Escaped & of a page's source."""
PAGE_ENDING = re.compile(r"\.(php\d?|s?html?|aspx?|jsp|cgi)(/|;|$)", re.IGNORECASE)
"""Ending of a path that names a page. Any other path is a folder."""
SEVERAL = re.compile(r"[,;|=\s]")
ALL_WORD = re.compile(r"-*\s*all\s*-*|\*", re.IGNORECASE)
CHOICE_PARAMETERS = frozenset(PARAMETER_OF.values())
"""Parameters that are read together with the columns of the row."""
CLOSER_CALLS = "6"
Parameters = tuple[tuple[str, str], ...]
USUAL_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f]*:[0-9a-f:.]+(%.+)?")
"""A name for DNS, or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUrl:
    """The parsed URL of a row. ``canonical`` is the URL without dates, as part of the source's key."""

    address: DialerAddress
    report: str
    parameters: tuple[tuple[str, str], ...]
    canonical: str
    unused: tuple[tuple[str, str], ...] = ()
    """Parameters without an effect, each with what is done instead."""
    has_dates: bool = False

    @property
    def shown(self) -> str:
        """The URL for people, without dates and agent. A value that is no id may be a secret, and is shown as ….

        Taken as the URL of a row, it stands for the same source, unless it has an agent or such a value.
        """
        query = parse_qsl(urlsplit(self.canonical).query)
        parameters = "&".join(f"{name}={_show(value)}" for name, value in query if name != "user")
        if not parameters and self.report == DEFAULT_REPORT:
            return self.address.url
        return self.address.url + REPORTS[self.report].PAGE + (f"?{parameters}" if parameters else "")


def parse_report_url(url: str) -> ReportUrl:
    """Parse the URL of a row.

    Raises:
        RowUnusable: the URL cannot be used. The text says how to correct it and shows no URL: it may hold a password.
    """
    url = ESCAPED_AND.sub("&", url.strip())
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
    if any(
        value and name in each.ALLOWED_PARAMETERS
        for name, value in _parse_parameters(parts.fragment)
        for each in REPORTS.values()
    ):
        raise RowUnusable("the URL's parameters stand behind a #, where no dialer sees them: write ? instead")
    folder, report = _split_path(parts.path)
    given = _parse_parameters(parts.query)
    kept = _select_parameters(report, given)
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(kept))
    scheme = parts.scheme.lower()
    address = DialerAddress(
        scheme=scheme, hostname=parts.hostname, port=None if port == USUAL_PORTS[scheme] else port, folder=folder
    )
    if not _can_be_asked(address.url):
        raise RowUnusable("the URL's host or port cannot be read")
    return ReportUrl(
        address=address,
        report=report,
        parameters=tuple(
            dict.fromkeys((name, meant) for name, value in kept if (meant := _normalise_value(name, value)))
        ),
        canonical=address.url + REPORTS[report].PAGE + (f"?{query}" if query else ""),
        unused=tuple(_find_unused(given)),
        has_dates=any(name in DATES and value for name, value in given),
    )


def _show(value: str) -> str:
    return value if value in (ALL, NONE) or (len(value) <= LONGEST and not NO_ID.search(value)) else "…"


def host_of(url: str) -> str:
    """Return host and port of a text, as far as it has some, and nothing else of it."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname}{port}" if parts.hostname else ""


def _can_be_asked(url: str) -> bool:
    """Tell whether the HTTP library takes the URL and means the same host.

    A backslash ends the host there, but not in urlsplit.
    """
    try:
        prepared = requests.Request("POST", url).prepare().url
    except requests.RequestException:
        return False
    return "\\" not in url and HOST.fullmatch(urlsplit(prepared or "").hostname or "") is not None


def _split_path(path: str) -> tuple[str, str]:
    """Return the folder of the dialer's pages, with slashes at both ends, and the report's name."""
    if PAGE_ENDING.search(unquote(path)):
        folder, _, page = path.rstrip("/").rpartition("/")
        for report in REPORTS.values():
            if unquote(page) == report.PAGE:
                return f"{folder}/", report.NAME
        pages = " or ".join(report.PAGE for report in REPORTS.values())
        raise RowUnusable(f"the URL's page is not a report that can be read: use {pages}, or the dialer's base URL")
    base = path.rstrip("/")
    return (f"{base}/" if base.endswith("/vicidial") else f"{base}/vicidial/"), DEFAULT_REPORT


def _parse_parameters(query: str) -> tuple[tuple[str, str], ...]:
    """Return the parameters in the dialer's sense: ``campaign[0]`` is one of several, like ``campaign[]``."""
    found = parse_qsl(query, keep_blank_values=True)
    return tuple((f"{match[1]}[]" if (match := NUMBERED.fullmatch(name)) else name, value) for name, value in found)


def _select_parameters(report_name: str, given: Parameters) -> Parameters:
    """Return the parameters for a report, as written in the URL. A parameter without a value means nothing.

    Raises:
        RowUnusable: another parameter has an unsupported wish, or may change data.
    """
    report = REPORTS[report_name]
    for name, value in given:
        if WRITING.match(name):
            shown = one_line(name, limit=40)
            raise RowUnusable(f"the URL's parameter {shown!r} can change data on the dialer: take it out")
        if clean_text(value) and name not in report.ALLOWED_PARAMETERS:
            _refuse_unknown(report_name, name, clean_text(value))
    kept = tuple((name, value) for name, value in given if name in report.ALLOWED_PARAMETERS and clean_text(value))
    _refuse_several(kept)
    missing = report.NEEDED_PARAMETERS - {name for name, _ in kept}
    if missing:
        raise RowUnusable(f"the URL lacks {', '.join(sorted(missing))}=…: that report is about one user")
    return kept


def _refuse_unknown(report_name: str, name: str, value: str) -> None:
    """Refuse a parameter that is neither of a report, nor ours, nor harmless."""
    if name in OTHER_MODES and value != "0":
        raise RowUnusable(f"the URL's parameter {name!r} asks for another kind of report: take it out")
    if report_name == "call_report_export" and name in WITHOUT_BRACKETS:
        raise RowUnusable(f"the dialer ignores {name!r}: write it as '{name}[]'")
    if name == "file_download" and report_name == "user_stats" and value not in ("0", CLOSER_CALLS):
        raise RowUnusable("the URL's file_download is not the list of in-group calls: use file_download=6")
    if name not in DATES | HARMLESS | OTHER_MODES | UNUSED.keys() and not OF_BROWSERS.fullmatch(name):
        shown = one_line(name, limit=40)
        raise RowUnusable(f"the URL's parameter {shown!r} is not known to this report: take it out")


def _refuse_several(kept: Parameters) -> None:
    """Refuse two values of a single parameter, and several names in one value: the dialer takes it for one name."""
    for name in dict.fromkeys(name for name, _ in kept):
        values = {clean_text(value) for other, value in kept if other == name}
        if len(values) > 1 and not name.endswith("[]"):
            raise RowUnusable(f"the URL has {name!r} more than once, with different values: leave one of them")
        if name == "user" and (ALL_WORD.fullmatch(min(values)) or len(min(values)) > LONGEST):
            raise RowUnusable("the URL's 'user' is not the id of one agent: make a row for each agent")
        if any(SEVERAL.search(value) for value in values) and name not in CHOICE_PARAMETERS:
            advice = f"write {name}=… for each" if name.endswith("[]") else "make a row for each"
            raise RowUnusable(f"the URL's {name!r} holds several values in one, or a blank: {advice}")


def _normalise_value(name: str, value: str) -> str:
    """Return a value in the dialer's spelling. Empty if it is no choice at all."""
    value = clean_text(value)
    if name in CHOICE_PARAMETERS or not ALL_WORD.fullmatch(value):
        return value
    return ALL if name.endswith("[]") else ""


def _find_unused(given: Parameters) -> Iterator[tuple[str, str]]:
    for name, value in dict(given).items():
        if name in UNUSED and clean_text(value) not in UNUSED[name][0]:
            yield name, UNUSED[name][1]
