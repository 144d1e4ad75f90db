"""An event with the advice for it, and the words for both."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """An event and the advice for it, as people read them."""

    happened: str
    advice: str

    def __str__(self) -> str:
        if self.happened.endswith("\n"):
            return f"{self.happened}{self.advice}"
        return f"{self.happened} {self.advice}".rstrip()
