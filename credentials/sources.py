"""Sources: the usable rows of the credentials table. Each other row is skipped alone, with its reason."""

import os
from collections.abc import Sequence
from dataclasses import replace

from config import Settings
from credentials.choices import column_parameters, url_parameters
from credentials.row_problems import MOST_CONNECTIONS, find_problems, find_variable_problems, is_time_zone
from credentials.rows import ParsedRow
from credentials.urls import host_of
from credentials.yes_no_words import is_no
from messages import SkippedRow, Source, SourceIdentity


def usable_sources(rows: Sequence[ParsedRow], settings: Settings) -> tuple[list[Source], list[SkippedRow]]:
    """Return the sources to read, and the skipped rows with their reasons, both in the table's order."""
    usable: dict[str, Source] = {}
    skipped: list[SkippedRow] = []
    seen: list[dict[str, str]] = []
    for row in rows:
        if row.cells in seen:
            skipped.append(_skip_row(row, "the same row stands in the table twice", failed=False))
            continue
        seen.append(row.cells)
        if row.is_switched_off:
            skipped.append(_skip_row(row, "switched off", failed=False))
        elif problems := find_problems(row) or find_variable_problems(row.cells, settings):
            reason = "; ".join(f"{problem.column}: {problem.text}" for problem in problems)
            skipped.append(_skip_row(row, reason, import_needed=any(problem.is_in_row for problem in problems)))
        elif (key := row.source_key) in usable:
            skipped.append(_skip_row(row, "another row has the same client, campaign and URL: keep one of them"))
        else:
            usable[key] = _build_source(row, key, settings)
    return _share_limits(list(usable.values())), skipped


def _build_source(parsed: ParsedRow, key: str, settings: Settings) -> Source:
    row, url = parsed.cells, parsed.url
    assert url is not None
    parameters = (*url_parameters(url), *column_parameters(row, url))
    password, client_id = row["password"], row["client_id"]
    agent = dict(parameters).get("user")
    return Source(
        identity=SourceIdentity(
            key, row["campaign"], client_id, row.get("client_name") or client_id, agent, url.address.host
        ),
        report=url.report,
        address=url.address,
        parameters=parameters,
        username=row["username"],
        password=os.environ[password[4:]] if password.startswith("env:") else password,
        timezone=row.get("timezone") or settings.default_timezone,
        max_connections=int(row.get("max_connections") or settings.max_connections_per_host),
        verify_tls=not is_no(row.get("verify_tls", "")),
    )


def _share_limits(sources: list[Source]) -> list[Source]:
    """Give all rows of a host the smallest limit of connections among them."""
    least: dict[str, int] = {}
    for source in sources:
        least[source.host] = min(source.max_connections, least.get(source.host, MOST_CONNECTIONS))
    return [replace(source, max_connections=least[source.host]) for source in sources]


def _skip_row(parsed: ParsedRow, reason: str, *, failed: bool = True, import_needed: bool = True) -> SkippedRow:
    row = parsed.cells
    return SkippedRow(
        identity=SourceIdentity(
            "",
            row.get("campaign") or "(no campaign)",
            row.get("client_id", ""),
            row.get("client_name") or row.get("client_id", ""),
            agent=parsed.agent,
            host=parsed.url.address.host if parsed.url else host_of(row.get("url", "")),
        ),
        reason=reason,
        failed=failed,
        import_needed=import_needed,
        address=parsed.shown_url,
        report=parsed.shown_report,
        username=row.get("username", ""),
        timezone=zone if is_time_zone(zone := row.get("timezone", "")) else "",
        source_key=parsed.source_key,
    )
