"""Requests of a client: page, parameters as seen by PHP, and login."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

_SECRETS = frozenset({"pass", "password", "api_pass"})


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password as sent."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``parameters`` keeps order; those of a POST body follow those of the address, and win."""

    method: str
    page: str
    parameters: tuple[tuple[str, str], ...]
    login: Login | None
    address: str = "127.0.0.1"

    def one(self, name: str, default: str = "") -> str:
        """Return a scalar parameter. Of several the last one counts, as in PHP."""
        return next((value for key, value in reversed(self.parameters) if key == name), default)

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.parameters)

    def many(self, name: str) -> list[str]:
        """Return an array parameter, sent as ``name[]``. A scalar of this name is ignored."""
        return [value for key, value in self.parameters if _ARRAY.sub("", key) == name and _ARRAY.search(key)]

    def without_secrets(self) -> tuple[tuple[str, str], ...]:
        return tuple((key, "***" if key in _SECRETS else value) for key, value in self.parameters)


_ARRAY = re.compile(r"\[\d*\]$")


def parameters_of(*encoded: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a query string and, after them, of a form body."""
    pairs: list[tuple[str, str]] = []
    for text in encoded:
        pairs += parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    return tuple(pairs)


def login_of(header: str | None) -> Login | None:
    """Return the login of an Authorization header. None for anything but well-formed Basic."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(token, validate=True).decode("utf-8", "replace").partition(":")
    except (binascii.Error, ValueError):
        return None
    return Login(user, password) if colon else None


def chosen(values: Sequence[str]) -> list[str]:
    """Return the values of a multiple select without the empty entry."""
    return [value for value in values if value not in {"", "---NONE---"}]
