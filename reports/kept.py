"""Records that were kept in the quarantine, made an answer again; what each report's module must say of its layout."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the records of one report stand in its answers."""

    beginning: re.Pattern[bytes]
    """How a record begins: what does not could be taken for the end of the one before it."""
    separator: bytes
    line_end: bytes
    before: bytes = b""
    after: bytes = b""
    usual_header: bytes
    """For records that were kept without theirs: the layout that no other known one of as many fields can be."""

    def answer(self, header: bytes, records: Sequence[bytes]) -> bytes:
        lines = b"".join(line + self.line_end for line in (header, *records))
        return self.before + lines + self.after

    def begins(self, record: bytes) -> bool:
        return self.beginning.match(record) is not None

    def fits(self, header: bytes, record: bytes) -> bool:
        """Whether the record has as many fields as the header."""
        return header.count(self.separator) == record.count(self.separator)
