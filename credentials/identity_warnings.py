"""Warnings about cells that mix up clients: ids and names that are damaged, alike, or different for one client."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from credentials.cell_damage import (
    comparison_key,
    describe_damage,
    find_odd_cells,
    find_padded_cells,
    id_comparison_key,
)
from credentials.row_warnings import RowWarning, build_warning, names_of, rows_of_sources
from credentials.rows import ParsedRow
from messages import Source
from utils import one_line


def find_identity_warnings(sources: Sequence[Source], rows: Sequence[ParsedRow]) -> Iterator[RowWarning]:
    """Warn of mixed-up clients: the calls of two under one, or of one under two."""
    stored = rows_of_sources(sources, rows)
    yield from _id_damage(sources)
    yield from _odd_cells(stored)
    yield from _blanks_around_cells(stored)
    yield from _similar_ids(sources)
    yield from _other_ids(sources)


def _id_damage(sources: Sequence[Source]) -> Iterator[RowWarning]:
    """Warn of ids that a spreadsheet has damaged. One of them may stand for several clients."""
    for client_id in dict.fromkeys(source.client_id for source in sources):
        damage = describe_damage(client_id)
        if damage is not None:
            same = [source for source in sources if source.client_id == client_id]
            yield build_warning(
                same,
                f"the ClientID {one_line(client_id)} of {names_of(same)} looks like {damage}.",
                "Format that column as text, enter the whole id, and import the file again; then switch the old row"
                " off.",
            )


def _odd_cells(stored: Sequence[tuple[Source, ParsedRow]]) -> Iterator[RowWarning]:
    """Warn of rows with invisible characters. Two names that look the same are two clients in the tables."""
    for source, row in stored:
        if odd := find_odd_cells(row.cells):
            yield build_warning(
                [source],
                f"{' and '.join(odd)} of {names_of([source])} hold blanks or characters that cannot be seen, as copied"
                " text does.",
                "Type them anew and import the file again; then switch the old row off.",
            )


def _blanks_around_cells(stored: Sequence[tuple[Source, ParsedRow]]) -> Iterator[RowWarning]:
    """Warn of rows with blanks around a text. They are read without them, but a join of the tables finds nothing."""
    padded = [(source, cells) for source, row in stored if (cells := find_padded_cells(row.raw))]
    if padded:
        same = [source for source, _ in padded]
        columns = list(dict.fromkeys(name for _, cells in padded for name in cells))
        yield build_warning(
            same,
            f"{' and '.join(columns)} of {names_of(same)} have blanks around their text in the credentials table, which"
            " are left out when it is read.",
            "Import these rows again, which takes the blanks away.",
        )


def _similar_ids(sources: Sequence[Source]) -> Iterator[RowWarning]:
    """Warn of rows with one id for two names, or with two spellings of an id."""
    by_id: defaultdict[str, list[Source]] = defaultdict(list)
    for source in sources:
        by_id[id_comparison_key(source.client_id)].append(source)
    for same in by_id.values():
        ids = list(dict.fromkeys(one_line(source.client_id) for source in same))
        if len({source.client_id for source in same}) > 1:
            yield build_warning(
                same,
                f"the ClientIDs {' and '.join(ids)} of {names_of(same)} differ only in case, leading zeros, a decimal"
                " point or what cannot be seen.",
                "If they are one client, give it one id in every row; as they are, its calls are those of several.",
            )
        elif len({comparison_key(source.client_name) for source in same}) > 1:
            yield build_warning(
                same,
                f"{names_of(same)} have the same ClientID {ids[0]}.",
                "If they are different clients, give each an id of its own; as they are, their calls are one client's.",
            )


def _other_ids(sources: Sequence[Source]) -> Iterator[RowWarning]:
    """Warn of rows that differ only in ClientID. It is part of each call's identity."""
    alike: defaultdict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        request = source.address, source.report, source.parameters
        alike[comparison_key(source.client_name), source.campaign, request].append(source)
    for same in alike.values():
        ids = list(dict.fromkeys(one_line(source.client_id) for source in same))
        if len({id_comparison_key(source.client_id) for source in same}) > 1:
            yield build_warning(
                same,
                f"the rows of {names_of(same)} differ only in ClientID: {' and '.join(ids)}. Every call is stored once"
                " for each of them.",
                "Keep the row with the right ClientID, and import the other one with Enabled no; the calls that are"
                " stored under its ClientID stay.",
            )
