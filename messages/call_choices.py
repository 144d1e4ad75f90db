"""Choices of calls to be read from the warehouse."""

from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class CallChoice:
    """Calls of some local days, oldest first."""

    first: date
    last: date
    """Inclusive."""
    client: str | None = None
    """ClientName or ClientID. None takes all."""
    campaign: str | None = None
    """Campaign of the credentials table. None takes all."""
    columns: tuple[str, ...] = ()
    """Names of columns, in their order. None of them takes all."""
    newest: int | None = None
    """The number of calls at most, newest first. None takes all."""

    def of_days(self, first: date, last: date) -> "CallChoice":
        """Return the same choice for other days."""
        return replace(self, first=first, last=last)
