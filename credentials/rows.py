"""Rows of the credentials table to sources; a row that cannot be used is set aside alone, with its reason."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import xxhash

from config import Settings
from credentials.urls import address_of, canonical_or_empty, report_address
from errors import RowUnusable
from messages import Credential, SkippedRow
from reports.call_report_export import ALL
from tables import CREDENTIALS
from utils import one_line, squeezed

YES, NO = frozenset({"", "yes", "y", "true", "t", "1", "on"}), frozenset({"no", "n", "false", "f", "0", "off"})
MOST_CONNECTIONS = 50
LOST = "\ufffd"
"""What a program writes for a character that it cannot read."""
Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one column of a row."""

    column: str
    text: str


CANONICAL = {squeezed(column.name): column.name for column in CREDENTIALS.columns}


def by_our_names(row: Row) -> dict[str, str]:
    """A row with the names of ``tables.CREDENTIALS``, without surrounding blanks; other columns are dropped."""
    ours = {CANONICAL[squeezed(name)]: _text(value) for name, value in row.items() if squeezed(name) in CANONICAL}
    return {name: value if name == "password" else value.strip() for name, value in ours.items()}


def _text(value: str | None) -> str:
    """With the mark of a lost character in place of half a character, which nothing can store or send."""
    return re.sub("[\ud800-\udfff]", LOST, value or "")


def source_key(row: Row) -> str:
    """Identity of the source that a row stands for: client_id, campaign, URL without its dates."""
    ours = by_our_names(row)
    parts = (ours.get("client_id", ""), ours.get("campaign", ""), canonical_or_empty(ours))
    return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode("utf-8"))


def usable_credentials(rows: Sequence[Row], settings: Settings) -> tuple[list[Credential], list[SkippedRow]]:
    """Sources to read, and rows that are not read with the reason of each; both in the table's order."""
    usable: dict[str, Credential] = {}
    skipped: list[SkippedRow] = []
    seen: list[dict[str, str]] = []
    for row in map(by_our_names, rows):
        if row in seen:
            skipped.append(_skipped(row, "the same row stands in the table twice", failed=False))
            continue
        seen.append(row)
        if is_switched_off(row):
            skipped.append(_skipped(row, "switched off", failed=False))
        elif problems := problems_of(row):
            skipped.append(_skipped(row, "; ".join(f"{problem.column}: {problem.text}" for problem in problems)))
        elif (key := source_key(row)) in usable:
            skipped.append(_skipped(row, "another row has the same client, campaign and URL: keep one of them"))
        else:
            usable[key] = _credential(row, key, settings)
    return _with_common_limits(list(usable.values())), skipped


def is_switched_off(row: dict[str, str]) -> bool:
    """Of a row with our names."""
    return row.get("enabled", "").casefold() in NO


def problems_of(row: dict[str, str]) -> list[Problem]:
    """Everything that keeps a row from being used. No value is shown: a password may stand in the wrong column."""
    required = [column.name for column in CREDENTIALS.columns if column.required]
    problems = [Problem(name, "is empty") for name in required if not row.get(name)]
    problems += _problems_of_login(row.get("username", ""), row.get("password", ""))
    if row.get("url"):
        try:
            report_address(row["url"])
        except RowUnusable as exc:
            problems.append(Problem("url", str(exc)))
    if (zone := row.get("timezone", "")) and not _is_zone(zone):
        problems.append(Problem("timezone", "is no IANA time zone like America/New_York"))
    for name in ("enabled", "verify_tls"):
        if row.get(name, "").casefold() not in YES | NO:
            problems.append(Problem(name, "is neither yes nor no"))
    limit = row.get("max_connections", "")
    if limit and not (re.fullmatch(r"\d{1,3}", limit) and 1 <= int(limit) <= MOST_CONNECTIONS):
        problems.append(Problem("max_connections", f"must be a whole number from 1 to {MOST_CONNECTIONS}"))
    return problems


def _problems_of_login(username: str, password: str) -> list[Problem]:
    """What would reach the dialer as another login, and count there as a failed one."""
    lost = "has a character that was lost when it was saved or read: write it anew, in a file in UTF-8"
    problems = [Problem(n, lost) for n, text in (("username", username), ("password", password)) if LOST in text]
    if not problems and password.startswith("env:"):
        problems = _problems_of_reference(password.removeprefix("env:"))
    if ":" in username:
        problems.insert(0, Problem("username", "has a colon in it, which a login over HTTP cannot carry"))
    if not username.isprintable():
        problems.insert(0, Problem("username", "has a control character in it"))
    return problems


def _problems_of_reference(variable: str) -> list[Problem]:
    shown = one_line(variable, limit=40)
    secret = os.environ.get(variable)
    if not secret:
        return [Problem("password", f"the environment variable {shown} is not set")]
    if any("\ud800" <= character <= "\udfff" for character in secret):
        return [Problem("password", f"the environment variable {shown} is not UTF-8 text")]
    return []


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _credential(row: dict[str, str], key: str, settings: Settings) -> Credential:
    address = report_address(row["url"])
    password = row["password"]
    return Credential(
        source_key=key,
        campaign=row["campaign"],
        client_id=row["client_id"],
        client_name=row.get("client_name") or row["client_id"],
        report=address.report,
        dialer_url=address.dialer_url,
        parameters=address.parameters + _named_in_columns(row, address.report, address.parameters),
        username=row["username"],
        password=os.environ[password[4:]] if password.startswith("env:") else password,
        timezone=row.get("timezone") or settings.default_timezone,
        max_connections=int(row.get("max_connections") or settings.max_connections_per_host),
        verify_tls=row.get("verify_tls", "").casefold() not in NO,
    )


def _named_in_columns(
    row: dict[str, str], report: str, given: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Campaigns and in-groups of the columns; where only one column names some, all of the other kind are wanted."""
    columns = {"campaign[]": row.get("dialer_campaigns", ""), "group[]": row.get("ingroups", "")}
    if report != "call_report_export" or not any(columns.values()):
        return ()
    present = {name for name, _ in given}
    return tuple(
        (parameter, name.strip())
        for parameter, names in columns.items()
        if parameter not in present
        for name in (names or ALL).split(",")
        if name.strip()
    )


def _with_common_limits(credentials: list[Credential]) -> list[Credential]:
    """A host that several rows name allows the least that any of them says."""
    least: dict[str, int] = {}
    for credential in credentials:
        least[credential.host] = min(credential.max_connections, least.get(credential.host, MOST_CONNECTIONS))
    return [replace(credential, max_connections=least[credential.host]) for credential in credentials]


def _skipped(row: dict[str, str], reason: str, *, failed: bool = True) -> SkippedRow:
    return SkippedRow(
        campaign=row.get("campaign") or "(no campaign)",
        client_id=row.get("client_id", ""),
        client_name=row.get("client_name") or row.get("client_id", ""),
        reason=reason,
        failed=failed,
        address=address_of(row.get("url", "")),
        username=row.get("username", ""),
        timezone=zone if _is_zone(zone := row.get("timezone", "")) else "",
    )
