"""Problems that keep a row of the credentials table from being used."""

import os
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from config import Settings
from credentials.choices import COLUMN_OF_PARAMETER, asks_for_nothing, choice_cells, column_parameters, url_parameters
from credentials.name_lists import names_in_cell
from credentials.rows import LOST, ParsedRow, Row
from credentials.yes_no_words import is_no, is_yes
from errors import RowUnusable
from tables import CREDENTIALS
from utils import one_line

MOST_CONNECTIONS = 50
KEY = ("campaign", "url", "client_id")
"""Columns that identify a row."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in one column of a row."""

    column: str
    text: str
    is_in_row: bool = True
    """False if the row can stay, and the environment of the program has to be corrected."""


def find_problems(parsed: ParsedRow) -> list[Problem]:
    """Return every problem of a row. No value is shown, because a password may stand in the wrong column."""
    row = parsed.cells
    required = [column.name for column in CREDENTIALS.columns if column.required]
    problems = [Problem(name, "is empty") for name in required if not row.get(name)]
    problems += _login_problems(row.get("username", ""), row.get("password", ""))
    problems += _choice_problems(parsed)
    if (zone := row.get("timezone", "")) and not is_time_zone(zone):
        problems.append(Problem("timezone", "is no IANA time zone like America/New_York"))
    for name in ("enabled", "verify_tls"):
        cell = row.get(name, "")
        if not is_yes(cell) and not is_no(cell):
            problems.append(Problem(name, "is neither yes nor no"))
    limit = row.get("max_connections", "")
    if limit and not (re.fullmatch(r"\d{1,3}", limit) and 1 <= int(limit) <= MOST_CONNECTIONS):
        problems.append(Problem("max_connections", f"must be a whole number from 1 to {MOST_CONNECTIONS}"))
    return problems


def find_key_problems(parsed: ParsedRow) -> list[Problem]:
    """Return the empty cells of a row among those that identify it. No others count in a row to switch off."""
    return [Problem(name, "is empty") for name in KEY if not parsed.cells.get(name)]


def _choice_problems(row: ParsedRow) -> list[Problem]:
    """Return the problems of the URL and of the lists of names. Without either, a row asks for everything."""
    problems = []
    in_url: list[tuple[str, str]] = []
    if row.url_problem:
        problems.append(Problem("url", row.url_problem))
    elif row.url is not None:
        try:
            in_url = list(url_parameters(row.url))
        except RowUnusable as exc:
            problems.append(Problem("url", str(exc)))
    cells = row.cells if row.url is None else choice_cells(row.cells, row.url)
    for column in COLUMN_OF_PARAMETER.values():
        try:
            names_in_cell(cells.get(column, ""))
        except RowUnusable as exc:
            problems.append(Problem(column, str(exc)))
    if row.url is None:
        return problems
    if not problems and asks_for_nothing([*in_url, *column_parameters(row.cells, row.url)]):
        nothing = (
            "and ingroups both say none: leave one of them empty for all of its kind, or switch the row off, Enabled no"
        )
        problems.append(Problem("dialer_campaigns", nothing))
    return problems


def _login_problems(username: str, password: str) -> list[Problem]:
    """Return the problems that would make a failed login on the dialer."""
    lost = "has a character that was lost when it was saved or read: write it anew, in a file in UTF-8"
    problems = [Problem(n, lost) for n, text in (("username", username), ("password", password)) if LOST in text]
    if not problems and password.startswith("env:"):
        problems = _reference_problems(password.removeprefix("env:"))
    if re.search(r"[\r\n]", password):
        problems.append(Problem("password", "has a line break in it, which no login has"))
    if ":" in username:
        problems.insert(0, Problem("username", "has a colon in it, which a login over HTTP cannot carry"))
    if not username.isprintable():
        problems.insert(0, Problem("username", "has a control character in it"))
    return problems


def find_variable_problems(row: Row, settings: Settings) -> list[Problem]:
    """Return the problem of a variable that settings do not allow as a password.

    Its value would go to any host in the row.
    """
    scheme, _, variable = (row.get("password") or "").partition("env:")
    if scheme or not variable or settings.may_be_password(variable):
        return []
    shown = one_line(variable, limit=40)
    allowed = f"PASSWORD_VARIABLES={settings.password_variables},{shown}"
    text = f"{shown} may not be sent to a dialer: put it into .env, or allow it with {allowed}"
    return [Problem("password", text, is_in_row=False)]


def _reference_problems(variable: str) -> list[Problem]:
    shown = f"the environment variable {one_line(variable, limit=40)}"
    secret = os.environ.get(variable)
    if not secret:
        return [Problem("password", f"{shown} is not set: put it into .env", is_in_row=False)]
    if any("\ud800" <= character <= "\udfff" for character in secret):
        return [Problem("password", f"{shown} is not UTF-8 text", is_in_row=False)]
    if re.search(r"[\r\n]", secret):
        return [Problem("password", f"{shown} has a line break in it", is_in_row=False)]
    return []


def is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True
