"""The declaration of a setting: name, default, kind and help in one place."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from settings.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of the program. ``default`` is its text as in `.env`."""

    name: str
    attribute: str = ""
    default: str
    kind: Kind
    description: str
    empty: Any
    """Value of an empty text. ``...`` for a setting that must have a text."""

    @property
    def allowed(self) -> str:
        return self.kind.allowed

    def value(self, text: str) -> Any:
        return self.empty if not text and self.empty is not ... else self.kind.parse(text)

    def text(self, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, timedelta):
            return f"{value / self.kind.unit:.10g}"
        return "" if value is None else str(value)


def setting(name: str, default: Any, kind: Kind, description: str, empty: Any = ...) -> Any:
    """Return the field of ``Settings`` for one setting."""
    known = Setting(name=name, default="", kind=kind, description=description, empty=empty)
    known = replace(known, default=known.text(default).strip())
    return field(default_factory=lambda: known.value(known.default), metadata={"setting": known})
