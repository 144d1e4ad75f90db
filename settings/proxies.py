"""The setting of the proxy between this machine and the dialers."""

import re
from dataclasses import dataclass, field

from settings.kinds import Kind

OF_THIS_MACHINE = "environment"
_ADDRESS = re.compile(r"(https?://)(?:([^\s/?#]+)@)?((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?)/?", re.I)


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """The proxy at ``url``, or for None the one that this machine's own settings name for a dialer."""

    url: str | None = field(repr=False)

    def __str__(self) -> str:
        found = _ADDRESS.fullmatch(self.url or "")
        return found[1] + ("***@" if found[2] else "") + found[3] if found else OF_THIS_MACHINE


def _parse_proxy(text: str) -> ProxyChoice | None:
    if text.casefold() in ("none", "no", "direct"):
        return None
    if text.casefold() == OF_THIS_MACHINE:
        return ProxyChoice(None)
    found = _ADDRESS.fullmatch(text)
    if not found or int(found[4] or 1) not in range(1, 65536):
        raise ValueError
    return ProxyChoice(text)


PROXY = Kind("environment, or http://host:port (http://user:password@host:port)", _parse_proxy)
