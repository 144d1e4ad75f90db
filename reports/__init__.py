"""Requests, recognition and parsing of VICIdial's reports, one module each. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from messages import Source, Window
from reports import call_report_export, user_stats
from reports.builds import Ability
from reports.chunks import Chunk
from reports.headers import Header
from reports.quarantined_records import Layout

Names = tuple[str, ...]


class Report(Protocol):
    """Interface of a report's module. A new report is one module and one line in REPORTS."""

    NAME: str
    PAGE: str
    """The page below the dialer's ``/vicidial/``."""
    ALLOWED_PARAMETERS: frozenset[str]
    """Parameters of a report URL that may stand in a credentials row."""
    KNOWN_SINCE: Mapping[str, Ability]
    """Abilities behind parameters. A build without one answers as if the parameter were not there."""
    NEEDED_PARAMETERS: frozenset[str]
    """Parameters that every row of the report must have."""
    MOST_RECORDS: int
    """An answer with as many records may lack others, and does not say so."""
    LAYOUT: Layout
    """Layout of quarantined records, to make them an answer again."""

    def build_form(
        self, source: Source, window: Window, detail: str, /, *, half: str | None = None, names: Names = ()
    ) -> list[tuple[str, str]]:
        """Build the form fields for a window at a level of detail.

        Args:
            half: outbound or inbound calls alone, if the report can do that.
            names: campaigns or in-groups of that half, instead of those of the source.
        """
        ...

    def halves(self, source: Source, /) -> tuple[str, ...]:
        """Return the halves of the source's calls, in the order of an answer. None if it cannot be divided."""
        ...

    def chosen_names(self, source: Source, half: str, /) -> Names:
        """Return the campaigns or in-groups named by the source. None if it asks for all."""
        ...

    def details(self, build: int | None, /) -> tuple[str, ...]:
        """Return the levels of detail to ask for, the best first. ``build`` is yymmdd, or None if it is not known."""
        ...

    def parse_header(self, start: bytes, /) -> Header:
        """Parse the header row at the start of an answer, and recognise its level of detail."""
        ...

    def parse_records(
        self,
        path: Path,
        header: Header,
        source: Source,
        *,
        chunk_records: int,
        lead_fields: bool,
        groups: frozenset[str] = frozenset(),
    ) -> Iterator[Chunk]:
        """Parse a recognised answer into typed chunks, in constant memory.

        Args:
            header: its header row, with a level of detail.
            chunk_records: records per chunk.
            lead_fields: keep the columns of the lead.
            groups: known campaigns and in-groups of the dialer, beside those of the answer's own records.

        Yields:
            Chunks in file order.

        Raises:
            AnswerBroken: the answer was cut off.
        """
        ...

    def whole_days_only(self) -> bool:
        """Tell whether every answer covers the whole local day."""
        ...


REPORTS: Mapping[str, Report] = {report.NAME: report for report in (call_report_export, user_stats)}

__all__ = ["REPORTS", "Chunk", "Header", "Layout", "Report"]
