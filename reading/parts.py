"""The parts in which a window can be asked for, and the failures that a smaller part may not meet."""

from dataclasses import dataclass

from errors import AnswerBroken, AnswerTooLarge, DialerFailed, DialerTimeout


@dataclass(frozen=True, slots=True)
class Part:
    """The share of a window that one request asks for: all of it, a half, or some names of a half."""

    half: str | None = None
    names: tuple[str, ...] = ()
    detail: str | None = None
    """Level of detail. None for the best that the dialer has."""


ALL_AT_ONCE = (Part(),)
TOO_LARGE = (AnswerBroken, AnswerTooLarge, DialerFailed, DialerTimeout)
