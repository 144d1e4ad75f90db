"""One module per VICIdial report: how it is asked for, recognised, parsed and typed. Pure; they import only leaves."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from messages import Credential, Window
from reports import call_report_export, user_stats
from reports.kept import Layout
from reports.legs import Chunk

Names = tuple[str, ...]


class Report(Protocol):
    """What a report's module must offer; a new report is one module and one line in REPORTS."""

    NAME: str
    PAGE: str
    """The page below the dialer's ``/vicidial/``."""
    KEPT_PARAMETERS: frozenset[str]
    """Parameters of a report URL that a credentials row may set."""
    NEEDED_PARAMETERS: frozenset[str]
    """Those without which the report cannot be asked for."""
    MOST_RECORDS: int
    """An answer with as many may lack others, and does not say so."""
    KEPT: Layout
    """How records that were kept become an answer again."""

    def form(
        self, source: Credential, window: Window, detail: str, /, *, half: str | None = None, names: Names = ()
    ) -> list[tuple[str, str]]:
        """Form fields that ask for a window at a level of detail.

        Args:
            half: outbound or inbound calls alone, where the report can do that.
            names: the campaigns or in-groups of that half, instead of those that the source names.
        """
        ...

    def halves(self, source: Credential, /) -> tuple[str, ...]:
        """Return the halves that the source asks for, in the order of an answer; none where it cannot be divided."""
        ...

    def named(self, source: Credential, half: str, /) -> Names:
        """Return the campaigns or in-groups that the source names; none where it asks for all."""
        ...

    def details(self, build: int | None, /) -> tuple[str, ...]:
        """Levels of detail worth asking for, the best first; ``build`` as yymmdd, None where it is not known."""
        ...

    def shows(self, path: Path) -> str | None:
        """The level of detail that an answer has, by its header row; None if it is not this report."""
        ...

    def header(self, path: Path) -> bytes:
        """The header row of an answer, which is kept with what cannot be read."""
        ...

    def read(
        self,
        path: Path,
        source: Credential,
        *,
        chunk_records: int,
        lead_fields: bool,
        groups: frozenset[str] = frozenset(),
    ) -> Iterator[Chunk]:
        """Typed chunks of an answer that ``shows`` has recognised, in constant memory.

        ``groups``: campaigns and in-groups of the dialer that are known beside those of the answer's own records.
        """
        ...

    def whole_days_only(self) -> bool:
        """Whether the answer always covers the whole local day."""
        ...


REPORTS: Mapping[str, Report] = {report.NAME: report for report in (call_report_export, user_stats)}

__all__ = ["REPORTS", "Chunk", "Layout", "Report"]
