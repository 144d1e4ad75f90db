"""A warning about rows of the credentials table, and the names of rows in its text."""

from collections.abc import Sequence
from dataclasses import dataclass

from credentials.rows import ParsedRow
from errors import Notice
from messages import Source
from utils import one_line

SHOWN = 3
"""Clients by name in one line."""


@dataclass(frozen=True, slots=True)
class RowWarning(Notice):
    """A warning about rows. Their clients are read all the same."""

    sources: frozenset[str]
    """Keys of the rows."""


def build_warning(sources: Sequence[Source], happened: str, advice: str) -> RowWarning:
    return RowWarning(happened, advice, frozenset(source.key for source in sources))


def rows_of_sources(sources: Sequence[Source], rows: Sequence[ParsedRow]) -> list[tuple[Source, ParsedRow]]:
    by_key = {source.key: source for source in sources}
    return [(by_key[row.source_key], row) for row in rows if row.source_key in by_key]


def _name(source: Source, sources: Sequence[Source]) -> str:
    """Return the client's name, with its id if another client has that name too."""
    name = one_line(source.client_name)
    ids = {other.client_id for other in sources if other.client_name == source.client_name}
    return f"{name} ({one_line(source.client_id)})" if len(ids) > 1 else name


def names_of(sources: Sequence[Source], everyone: Sequence[Source] = ()) -> str:
    names = list(dict.fromkeys(f"{one_line(each.campaign)} / {_name(each, everyone or sources)}" for each in sources))
    if len(names) > SHOWN:
        names = [*names[:SHOWN], f"{len(names) - SHOWN} more"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
