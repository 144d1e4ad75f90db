"""What no row shows alone: rows that can each be read, and that are probably not meant so together."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from messages import Credential
from reports.call_report_export import ALL, NONE
from utils import one_line

KINDS = ("campaign[]", "group[]")
SHOWN = 3
"""Clients by name in one line."""
ROUNDED = re.compile(r"[+-]?\d+([.,]\d+)?E[+-]?\d+", re.IGNORECASE)
"""A long number as a spreadsheet writes it, which has lost its last digits."""
ARCHIVE = "search_archived_data"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to make sure of; every client is read all the same."""

    sources: frozenset[str]
    """Keys of the rows that it is about."""
    happened: str
    advice: str


def doubts(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """Of all rows that are read."""
    yield from _read_more_than_once(sources)
    yield from _passwords_that_differ(sources)
    yield from _rounded_ids(sources)
    yield from _invisible_characters(sources)
    yield from _ids_alike(sources)
    yield from _archives(sources)


def _read_more_than_once(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """A client is part of a call's identity, so that the same call of two clients is two rows."""
    alike: defaultdict[tuple[object, ...], list[Credential]] = defaultdict(list)
    for source in sources:
        where = urlsplit(source.dialer_url)[1:]  # http or https, it is the same machine
        others = frozenset(pair for pair in source.parameters if pair[0] not in KINDS)
        alike[where, source.report, others].append(source)
    for of_dialer in alike.values():
        for same in _that_overlap(of_dialer):
            yield _doubt(
                same,
                f"{_names(same)} are rows that ask {same[0].host} for some of the same calls. Such a call is stored for"
                " each client, and within one client for the campaign that shows it first.",
                "Say in dialer_campaigns and ingroups of each row what is whose (---NONE--- for none of a kind); leave"
                " it if that is what you want.",
            )


def _that_overlap(sources: Sequence[Credential]) -> Iterator[list[Credential]]:
    """Groups of rows that have calls in common, directly or by way of another row of the group."""
    left = list(sources)
    while left:
        group, left = [left[0]], left[1:]
        for one in group:  # it grows meanwhile
            group += [other for other in left if _have_calls_in_common(one, other)]
            left = [other for other in left if other not in group]
        if len(group) > 1:
            yield group


def _have_calls_in_common(one: Credential, other: Credential) -> bool:
    return any(
        mine and yours and (ALL in mine | yours or mine & yours)
        for mine, yours in zip(_wanted(one), _wanted(other), strict=True)
    )


def _wanted(source: Credential) -> list[frozenset[str]]:
    """Names of outbound campaigns and of in-groups; a row that names nothing of either kind wants everything."""
    named = [frozenset(value for name, value in source.parameters if name == kind) for kind in KINDS]
    return [names - {NONE} for names in named] if any(named) else [frozenset({ALL})] * len(KINDS)


def _passwords_that_differ(sources: Sequence[Credential]) -> Iterator[Doubt]:
    logins: defaultdict[tuple[str, str], list[Credential]] = defaultdict(list)
    for source in sources:
        logins[source.host, source.username].append(source)
    for (host, user), same in logins.items():
        if len({source.password for source in same}) > 1:
            yield _doubt(
                same,
                f"the rows of {_names(same)} have different passwords for user {user!r} of {host}.",
                "If that is one VICIdial, only one of them can be right; correct the others and import them,"
                " `python main.py clients import FILE.csv`.",
            )


def _rounded_ids(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """An id that a spreadsheet has shortened may be that of several clients, whose calls then become one client's."""
    rounded = [source for source in sources if ROUNDED.fullmatch(source.client_id.strip())]
    for client_id in dict.fromkeys(source.client_id for source in rounded):
        same = [source for source in rounded if source.client_id == client_id]
        yield _doubt(
            same,
            f"the ClientID {one_line(client_id)} of {_names(same)} looks like a long number that a spreadsheet has"
            " shortened.",
            "Format that column as text, enter the whole id, and import the file again; then switch the old row off.",
        )


def _invisible_characters(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """Two names that look the same are two clients to the tables."""
    for source in sources:
        cells = {"Campaign": source.campaign, "ClientID": source.client_id, "ClientName": source.client_name}
        odd = [name for name, cell in cells.items() if cell != _visible(cell)]
        if odd:
            yield _doubt(
                [source],
                f"{' and '.join(odd)} of {_names([source])} hold blanks or characters that cannot be seen, as copied"
                " text does.",
                "Type them anew and import the file again; then switch the old row off.",
            )


def _ids_alike(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """One id for two names makes two clients' calls one's, and two spellings of an id make one client two."""
    alike: defaultdict[str, list[Credential]] = defaultdict(list)
    for source in sources:
        alike[_visible(source.client_id).casefold().lstrip("0")].append(source)
    for same in alike.values():
        ids = list(dict.fromkeys(one_line(source.client_id) for source in same))
        if len(ids) > 1:
            yield _doubt(
                same,
                f"the ClientIDs {' and '.join(ids)} of {_names(same)} differ only in case, leading zeros or what cannot"
                " be seen.",
                "If they are one client, give it one id in every row; as they are, its calls are those of several.",
            )
        elif len({_visible(source.client_name).casefold() for source in same}) > 1:
            yield _doubt(
                same,
                f"{_names(same)} have the same ClientID {ids[0]}.",
                "If they are different clients, give each an id of its own; as they are, their calls are one client's.",
            )


def _visible(cell: str) -> str:
    """The cell without characters that show nothing, and with plain single blanks."""
    return " ".join("".join(each for each in cell if unicodedata.category(each) != "Cf").split())


def _archives(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """The archive is read instead of the live tables, not beside them."""
    same = [source for source in sources if dict(source.parameters).get(ARCHIVE, "") not in {"", "0"}]
    if same:
        yield _doubt(
            same,
            f"{_names(same)} read the dialer's archive instead of its live tables ({ARCHIVE} in the URL): recent calls"
            " are missing there, and older ones may be as they were when they were archived.",
            "For live calls, import a row without it; for both, keep two rows.",
        )


def _doubt(sources: Sequence[Credential], happened: str, advice: str) -> Doubt:
    return Doubt(frozenset(source.source_key for source in sources), happened, advice)


def _name(source: Credential, sources: Sequence[Credential]) -> str:
    """The client's; with its id where another client has that name too."""
    name = one_line(source.client_name)
    ids = {other.client_id for other in sources if other.client_name == source.client_name}
    return f"{name} ({one_line(source.client_id)})" if len(ids) > 1 else name


def _names(sources: Sequence[Credential]) -> str:
    names = list(dict.fromkeys(f"{one_line(each.campaign)} / {_name(each, sources)}" for each in sources))
    if len(names) > SHOWN:
        names = [*names[:SHOWN], f"{len(names) - SHOWN} more"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
