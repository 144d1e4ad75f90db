"""Damage by a spreadsheet or by copying in the cells of a credentials row. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from credentials.name_lists import SEPARATORS
from credentials.rows import Row
from utils import fold_name

SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?E[+-]?\d+", re.IGNORECASE)
"""A long number in the form of a spreadsheet. Its last digits are lost."""
ROUNDED = re.compile(r"\d{15}0+")
"""A long number rounded by a spreadsheet: it keeps fifteen digits and writes zeros for the others."""
NO_ID = re.compile(r"#+|#(N/A|REF!|VALUE!|NAME\?|NUM!|NULL!|DIV/0!|SPILL!|CALC!)|N/A|NAN|NULL|NONE", re.IGNORECASE)
"""Marks of spreadsheets and programs for a missing value."""
MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
DATE = re.compile(rf"\d{{1,2}}-{MONTH}(-\d{{2,4}})?|{MONTH}-\d{{2,4}}", re.IGNORECASE)
"""Dates that a spreadsheet makes of 3-4 or MAR4."""
WHOLE = re.compile(r"(\d+)[.,]0+")
"""A whole number in the form of a program that took the column for fractions."""
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Invisible characters, although they are letters or marks to Unicode."""
JOINERS = frozenset("\u200c\u200d")
"""Invisible parts of the letters of some scripts, and of emoji."""
SHOWN = {"campaign": "Campaign", "client_id": "ClientID", "client_name": "ClientName", "url": "URL"}
"""Column of ours → its name in a CSV file."""
LISTS = ("dialer_campaigns", "ingroups")


def visible_text(cell: str) -> str:
    """Return the cell without invisible characters, and with plain single blanks."""
    kept = "".join(each for at, each in enumerate(cell) if each.isspace() or not _is_unseen(cell, at))
    return " ".join(kept.split())


def comparison_key(cell: str) -> str:
    """Return a key that is equal for cells that look the same to people."""
    return unicodedata.normalize("NFKC", visible_text(cell)).casefold()


def id_comparison_key(client_id: str) -> str:
    """Return a key that is equal for all spellings that a spreadsheet or a program makes of one id."""
    text = comparison_key(client_id)
    whole = WHOLE.fullmatch(text)
    return (whole[1] if whole else text).lstrip("0")


def describe_damage(client_id: str) -> str | None:
    """Describe an id that a spreadsheet has damaged for sure. None for any other."""
    client_id = visible_text(client_id)
    if SCIENTIFIC.fullmatch(client_id):
        return "a long number that a spreadsheet has shortened"
    if NO_ID.fullmatch(client_id):
        return "the mark of an empty or broken cell"
    return "a date that a spreadsheet has made of it" if DATE.fullmatch(client_id) else None


def may_stand_for_several(client_id: str) -> bool:
    """Tell whether the ids of several clients may have become this one."""
    return describe_damage(client_id) is not None or ROUNDED.fullmatch(visible_text(client_id)) is not None


def find_odd_cells(cells: Mapping[str, str]) -> list[str]:
    """Return the shown names of the cells with invisible characters or doubled blanks. The cells come stripped."""
    odd = [
        shown
        for name, shown in SHOWN.items()
        if name != "url" and cells.get(name, "") != visible_text(cells.get(name, ""))
    ]
    odd += ["URL"] if _is_odd_url(cells.get("url", "")) else []
    return odd + [name for name in LISTS if any(map(_is_odd, SEPARATORS.sub(" ", cells.get(name, "")).split()))]


def find_padded_cells(row: Row) -> list[str]:
    """Return the names of the identifying cells with blanks around their text."""
    cells = {fold_name(name): cell or "" for name, cell in row.items()}
    return [shown for name, shown in SHOWN.items() if (cell := cells.get(fold_name(name), "")) != cell.strip()]


def _is_unseen(cell: str, at: int) -> bool:
    each = cell[at]
    if each in JOINERS:
        return at in (0, len(cell) - 1) or cell[at - 1].isascii()
    return each in UNSEEN or unicodedata.category(each) in {"Cf", "Cc"}


def _is_odd(cell: str) -> bool:
    return cell.strip() != visible_text(cell)


def _is_odd_url(url: str) -> bool:
    """Tell whether a URL has invisible characters, percent-encoded ones included, as browsers copy them."""
    try:
        query = urlsplit(url).query
    except ValueError:
        return _is_odd(url)
    return _is_odd(url) or any(value != visible_text(value) for _, value in parse_qsl(query))
