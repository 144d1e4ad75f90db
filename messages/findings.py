"""Findings of `main.py check`."""

from dataclasses import dataclass

from messages.sources import SourceIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding of `main.py check` about one thing that a run needs."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    unusable: bool = False
    """True if the warehouse itself failed, rather than a setting or a right. It decides the exit code."""
    source: SourceIdentity | None = None
    """The row of its client. None for a thing of the whole program."""
