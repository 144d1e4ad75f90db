"""The campaigns and in-groups in the form of the export page: the ones that its user may see."""

from dataclasses import dataclass
from html.parser import HTMLParser

MARKERS = frozenset({"", "---ALL---", "---NONE---"})


@dataclass(frozen=True, slots=True)
class Choices:
    """Names as the dialer spells them, in its order."""

    campaigns: tuple[str, ...]
    groups: tuple[str, ...]


def parse_choices(html: str) -> Choices | None:
    """Parse the form. None if it is another page, or ends within a list of names."""
    form = _Form()
    form.feed(html)
    form.close()
    if not form.names or form.is_within_list:
        return None
    return Choices(tuple(form.names.get("campaign[]", ())), tuple(form.names.get("group[]", ())))


class _Form(HTMLParser):
    """Parser that collects the values of the two lists."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, list[str]] = {}
        self._list: list[str] | None = None

    @property
    def is_within_list(self) -> bool:
        return self._list is not None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "select":
            name = given.get("name")
            self._list = self.names.setdefault(name, []) if name in {"campaign[]", "group[]"} else None
        value = given.get("value") or ""
        if tag == "option" and self._list is not None and value not in MARKERS:
            self._list.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "form", "body", "html"}:
            self._list = None
