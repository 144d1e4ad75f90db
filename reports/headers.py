"""The header row of an answer. It is read once and handed to every later step."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header row of an answer."""

    row: bytes
    """As it came. The quarantine keeps it beside the records."""
    names: tuple[str, ...]
    """Column names."""
    detail: str | None
    """Level of detail of the answer. None if the answer is not this report."""
    length: int
    """Bytes before the first record."""
