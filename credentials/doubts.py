"""What no row shows alone: rows that can each be read, and that are probably not meant so together."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from messages import Credential
from utils import one_line

SHOWN = 3
"""Clients by name in one line."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to make sure of; every client is read all the same."""

    sources: frozenset[str]
    """Keys of the rows that it is about."""
    happened: str
    advice: str


def doubts(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """Of all rows that are read."""
    yield from _read_for_several_clients(sources)
    yield from _passwords_that_differ(sources)


def _read_for_several_clients(sources: Sequence[Credential]) -> Iterator[Doubt]:
    """Each call is stored once per client, since a client is part of its identity."""
    alike: defaultdict[tuple[object, ...], list[Credential]] = defaultdict(list)
    for source in sources:
        where = urlsplit(source.dialer_url)[1:]  # http or https, it is the same machine
        alike[where, source.report, frozenset(source.parameters)].append(source)
    for same in alike.values():
        if len({source.client_id for source in same}) > 1:
            yield _doubt(
                same,
                f"{_names(same)} are read from {same[0].host} with the same question: each of its calls is stored for"
                " each of them.",
                "Say in dialer_campaigns and ingroups of each row what is whose; leave it if that is what you want.",
            )


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
