"""Records for the quarantine, and the layout by which they become an answer again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.text_decoding import to_quarantine_text


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A record that is no row, and the reason."""

    raw: bytes
    reason: str

    @property
    def text(self) -> str:
        """The record as the quarantine stores it."""
        return to_quarantine_text(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The records of one report as they stand in its answers."""

    beginning: re.Pattern[bytes]
    """The first bytes of a record. Anything else could be the end of the record before it."""
    separator: bytes
    line_end: bytes
    before: bytes = b""
    after: bytes = b""
    usual_header: bytes
    """For records without a stored header row. No other known layout has as many fields."""

    def build_answer(self, header: bytes, records: Sequence[bytes]) -> bytes:
        lines = b"".join(line + self.line_end for line in (header, *records))
        return self.before + lines + self.after

    def is_beginning(self, record: bytes) -> bool:
        return self.beginning.match(record) is not None

    def fits(self, header: bytes, record: bytes) -> bool:
        """Tell whether the record has as many fields as the header."""
        return header.count(self.separator) == record.count(self.separator)
