"""Kinds of settings: the accepted text, and its value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of setting. ``parse`` raises ValueError for any text but ``allowed``."""

    allowed: str
    parse: Callable[[str], Any]
    unit: timedelta = timedelta(seconds=1)


def whole(low: int, high: int) -> Kind:
    """Return the kind of a whole number within bounds. ``10_000`` is read as in Python."""
    return Kind(
        f"a whole number, {low} to {high}", lambda text: int(_between(r"[0-9]{1,15}", text.replace("_", ""), low, high))
    )


def span(unit: str, low: float, high: float) -> Kind:
    """Return the kind of a timedelta, written in ``seconds``, ``minutes`` or ``hours``."""
    one = timedelta(**{unit: 1})
    return Kind(
        f"{unit}, {low:g} to {high:g}", lambda text: one * _between(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, low, high), one
    )


def word(*choices: str) -> Kind:
    """Return the kind of one of a few words, in any case."""
    by_word = {choice.casefold(): choice for choice in choices}
    return Kind(" or ".join(choices), lambda text: _choose(text, by_word))


def pattern_of(pattern: str, allowed: str) -> Kind:
    """Return the kind of a text that matches a pattern as a whole."""
    return Kind(allowed, lambda text: _match(pattern, text))


def _between(pattern: str, text: str, low: float, high: float) -> float:
    number = float(_match(pattern, text))
    if not low <= number <= high:
        raise ValueError
    return number


def _choose(text: str, choices: Mapping[str, Any]) -> Any:
    if text.casefold() not in choices:
        raise ValueError
    return choices[text.casefold()]


def _match(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError
    return text


def _path(text: str) -> Path:
    if not text.isprintable() or text.startswith("{"):  # "C:\new" in double quotes; a key pasted for its file's name
        raise ValueError
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as unknown_home:
        raise ValueError from unknown_home


def _zone(text: str) -> str:
    try:
        ZoneInfo(_match(r"[A-Za-z0-9_+/-]{1,64}", text))  # it imports what has dots in it as a package
    except (LookupError, OSError) as unknown:  # OSError: the name of a folder of zones, such as America
        raise ValueError from unknown
    return text


_YES_NO = dict.fromkeys(("yes", "true", "1", "on"), True) | dict.fromkeys(("no", "false", "0", "off"), False)
_NAME, _PROJECT = "[A-Za-z_][A-Za-z0-9_]{0,126}", r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{0,61}[a-z0-9]"
YES_NO = Kind("yes or no (also true, false, 1, 0, on, off)", lambda text: _choose(text, _YES_NO))
PATH = Kind("a path", _path)
KEY_FILE = Kind("the path of a JSON key file, not what is in it", _path)
ZONE = Kind("a time zone of the IANA list, such as Europe/Berlin", _zone)
PROJECT = pattern_of(_PROJECT, "a project ID: small letters, digits, hyphens")
IDENTIFIER = pattern_of(_NAME, "letters, digits, underscores; no digit first")
LOCATION = pattern_of("[A-Za-z][A-Za-z0-9-]{1,40}", "a location of BigQuery, such as US, EU or europe-west3")
VARIABLES = pattern_of(
    rf"{_NAME}\*?(?: *, *{_NAME}\*?)*",
    "names of environment variables, separated by commas; * ends one for all that begin so",
)
STATUSES = pattern_of(r"[A-Za-z0-9_-]+(?: *, *[A-Za-z0-9_-]+)*", "codes of statuses, separated by commas")
HOST = pattern_of(r"(?:https?://)?[A-Za-z0-9.\[\]:-]{1,200}", "host:port or http://host:port")
TABLE = pattern_of(
    rf"(?:(?:{_PROJECT}\.)?{_NAME}\.)?{_NAME}",
    "letters, digits, underscores; for BigQuery also dataset.table or project.dataset.table",
)
