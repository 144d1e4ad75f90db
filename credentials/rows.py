"""Rows of the credentials table: their columns under our names, their URL parsed once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import xxhash

from credentials.urls import ReportUrl, host_of, parse_report_url
from credentials.yes_no_words import is_no
from errors import RowUnusable
from tables import CREDENTIALS
from utils import fold_name

LOST = "\ufffd"
"""Mark of a program for a character that it cannot read."""
CANONICAL = {fold_name(column.name): column.name for column in CREDENTIALS.columns}
Row = Mapping[str, str | None]


@dataclass(frozen=True)
class ParsedRow:
    """A row of the credentials table, its URL parsed once."""

    raw: Row = field(repr=False)
    """The row as it stands in the table."""
    cells: dict[str, str] = field(repr=False)
    """Its cells by the names of ``tables.CREDENTIALS``, without surrounding blanks."""
    url: ReportUrl | None
    """None for a URL that is empty or unusable."""
    url_problem: str = ""

    @cached_property
    def source_key(self) -> str:
        """The key of its source, from client_id, campaign and URL without dates."""
        url = self.url.canonical if self.url else self.cells.get("url", "")
        parts = (self.cells.get("client_id", ""), self.cells.get("campaign", ""), url)
        return xxhash.xxh3_128_hexdigest("\x1f".join(parts).encode("utf-8"))

    @property
    def shown_address(self) -> str:
        """Scheme, host and folder. The host of an unusable URL."""
        return self.url.address.url if self.url else host_of(self.cells.get("url", ""))

    @property
    def shown_url(self) -> str:
        """The URL, fit for a list. The host of an unusable one."""
        return self.url.shown if self.url else host_of(self.cells.get("url", ""))

    @property
    def shown_report(self) -> str:
        """The report and its agent, fit for a list. Empty for an unusable URL."""
        if self.url is None:
            return ""
        return f"{self.url.report}, agent {self.agent}" if self.agent else self.url.report

    @property
    def agent(self) -> str | None:
        """The one user of a report about one user."""
        return dict(self.url.parameters).get("user") if self.url else None

    @property
    def is_switched_off(self) -> bool:
        return is_switched_off(self.cells)


def rename_columns(row: Row) -> dict[str, str]:
    """Return the cells under the names of ``tables.CREDENTIALS``, without surrounding blanks. Drop other columns."""
    ours = {
        CANONICAL[fold_name(name)]: _mark_lost_characters(value)
        for name, value in row.items()
        if fold_name(name) in CANONICAL
    }
    return {name: value if name == "password" else value.strip() for name, value in ours.items()}


def _mark_lost_characters(value: str | None) -> str:
    """Return a text with a mark for each half character, because nothing can store or send these."""
    return re.sub("[\ud800-\udfff]", LOST, value or "")


def parse_row(row: Row) -> ParsedRow:
    """Return a row with its columns renamed and its URL parsed."""
    cells = rename_columns(row)
    url = cells.get("url", "")
    try:
        return ParsedRow(row, cells, parse_report_url(url) if url else None)
    except RowUnusable as exc:
        return ParsedRow(row, cells, None, str(exc))


def parse_rows(rows: Sequence[Row]) -> list[ParsedRow]:
    """Return the rows of the credentials table, parsed."""
    return [parse_row(row) for row in rows]


def source_key(row: Row) -> str:
    """Return the key of a row's source, from client_id, campaign and URL without dates."""
    return parse_row(row).source_key


def is_switched_off(row: dict[str, str]) -> bool:
    """Tell whether a row, under our names, is switched off."""
    return is_no(row.get("enabled", ""))
