"""The trial of a report: the present hour is asked for, and no rows of the answer are kept."""

from dataclasses import dataclass
from pathlib import Path

from checks.findings import failure, success, warning
from data_fetcher import Dialer, Form
from dialers.export_form_cache import CachedChoices
from dialers.versions import DialerVersion
from errors import ReportUnknown, SentenceUnknown
from messages import Finding, ShownOffset, Source, Window
from planning.local_days import local_day, local_hour
from reading.no_calls import NoCalls
from reports import REPORTS, Header
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from reports.masks import Masks
from reports.utc_offsets import Offsets
from utils import utc_now

NO_CALLS = "the report is there; it has no calls of this hour, and so shows no columns"


@dataclass(frozen=True, slots=True)
class ReportTrial:
    """The finding about a report, and the offset of the dialer's clock if its calls have shown one."""

    finding: Finding
    offset: ShownOffset | None = None


def try_report(
    source: Source, dialer: Dialer, version: DialerVersion | None, names: CachedChoices, path: Path
) -> ReportTrial:
    """Ask for the present hour by the row's time zone.

    Args:
        names: choices of the export form. They tell whether an unknown sentence means that there are no calls.
        path: place for the answer. It is deleted at the end.

    Raises:
        SyncError: the dialer refuses or fails.
    """
    report = REPORTS[source.report]
    now = utc_now()
    day, hour = local_day(now, source.timezone), local_hour(now, source.timezone)
    window = Window(day=day, first_hour=hour, last_hour=hour, since=now, until=now)
    detail = report.details(version.build if version else None)[0]

    def ask(other: Window) -> tuple[str, Form]:
        return report.PAGE, report.build_form(source, other, detail)

    try:
        download = dialer.download(*ask(window), path)
        if not download:
            return ReportTrial(success(source, "report", NO_CALLS))
        header = report.parse_header(download.start)
        if header.detail is None:
            error = ReportUnknown(source.host, "an export with another header row")
            return ReportTrial(failure(source, "report", error))
        return _read_answer(source, header, path)
    except SentenceUnknown as exc:
        no_calls = NoCalls(path.parent, source.key, dialer, names)
        if source.report != CALL_REPORT_EXPORT or not no_calls.are_meant(exc, window, ask, path):
            raise
        text = f"{NO_CALLS}; the dialer says so in another language than English"
        return ReportTrial(success(source, "report", text))
    finally:
        path.unlink(missing_ok=True)


def _read_answer(source: Source, header: Header, path: Path) -> ReportTrial:
    """Look for columns that are hidden from the login, and for the offset of the dialer's clock."""
    masks, offsets = Masks(), Offsets()
    report = REPORTS[source.report]
    for chunk in report.parse_records(path, header, source, chunk_records=1_000, lead_fields=True):
        rows = chunk.table
        masks.add(rows)
        offsets.add(rows)
    hidden = masks.notice(source.host, source.username)
    if hidden is not None:
        return ReportTrial(warning(source, "report", *hidden), offsets.majority())
    return ReportTrial(
        success(source, "report", f"{source.report} has the columns that are needed"), offsets.majority()
    )
