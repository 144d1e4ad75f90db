"""Warnings about rows that can each be read, but are probably wrong together."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from credentials.choices import find_unused_columns
from credentials.identity_warnings import find_identity_warnings
from credentials.row_warnings import RowWarning, build_warning, names_of, rows_of_sources
from credentials.rows import ParsedRow
from messages import Source
from reports.call_report_export import ALL, NONE
from reports.call_report_export import NAME as CALL_REPORT_EXPORT
from reports.legs import ARCHIVE_SWITCH, reads_archive

KINDS = ("campaign[]", "group[]")
FILTERS = ("list_id[]", "status[]", "user_group[]", "user", "call_status")
"""Parameters that narrow an answer. Two rows with different values have no call in common."""
OTHER_ALL = "--ALL--"
"""Spelling of ``---ALL---`` on other pages of the dialer."""


def find_warnings(sources: Sequence[Source], rows: Sequence[ParsedRow]) -> Iterator[RowWarning]:
    """Yield the warnings about the rows of these sources.

    Args:
        rows: the credentials table as it stands, with those of the sources among them.
    """
    yield from _overlapping_rows(sources)
    yield from _different_passwords(sources)
    yield from find_identity_warnings(sources, rows)
    yield from _archives(sources)
    stored = rows_of_sources(sources, rows)
    yield from _columns_without_effect(stored)
    yield from _parameters_without_effect(stored)


def _overlapping_rows(sources: Sequence[Source]) -> Iterator[RowWarning]:
    """Yield rows that ask for the same calls. A call of two clients is stored twice."""
    alike: defaultdict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        where = source.host, source.address.folder  # http or https, it is the same machine
        alike[where, source.report, reads_archive(source)].append(source)
    for of_dialer in alike.values():
        for same, others in _find_overlaps(of_dialer):
            if others:
                everyone = [*same, *others]
                theirs = names_of(others, everyone)
                what = f"{names_of(same, everyone)} asks {same[0].host} for some of the calls of {theirs}."
            else:
                what = f"{names_of(same)} are rows that ask {same[0].host} for some of the same calls."
            yield build_warning(
                [*same, *others],
                f"{what} Such a call is stored for each client, and within one client for the campaign that shows it"
                " first.",
                "Name in dialer_campaigns and ingroups of each row those of its client (---NONE--- for none of a kind);"
                " leave it if that is what you want.",
            )


def _find_overlaps(sources: Sequence[Source]) -> Iterator[tuple[list[Source], list[Source]]]:
    """Yield rows that all have calls in common, or one row and those that it has calls in common with.

    One row that asks for everything has calls in common with many that ask for nothing of each other.
    """
    common = {
        place: {at for at, other in enumerate(sources) if at != place and _have_calls_in_common(source, other)}
        for place, source in enumerate(sources)
    }
    while common:
        place = max(common, key=lambda each: len(common[each]))
        others = common[place]
        group = others | {place}
        if not others:
            return
        if all(common[each] == group - {each} for each in group):
            yield [sources[each] for each in sorted(group)], []
            gone = group
        else:
            yield [sources[place]], [sources[each] for each in sorted(others)]
            gone = {place}
        common = {each: left - gone for each, left in common.items() if each not in gone}


def _have_calls_in_common(one: Source, other: Source) -> bool:
    if any(_exclude_each_other(_values(one, name), _values(other, name)) for name in FILTERS):
        return False
    return any(
        mine and yours and (ALL in mine | yours or mine & yours)
        for mine, yours in zip(_names_by_kind(one), _names_by_kind(other), strict=True)
    )


def _exclude_each_other(mine: frozenset[str], yours: frozenset[str]) -> bool:
    return bool(mine and yours) and not mine & yours and not {ALL, OTHER_ALL} & (mine | yours)


def _values(source: Source, parameter: str) -> frozenset[str]:
    return frozenset(value.strip() for name, value in source.parameters if name == parameter)


def _names_by_kind(source: Source) -> list[frozenset[str]]:
    """Return the names of campaigns and of in-groups. A row without any names asks for everything."""
    named = [_values(source, kind) for kind in KINDS]
    return [names - {NONE} for names in named] if any(named) else [frozenset({ALL})] * len(KINDS)


def _different_passwords(sources: Sequence[Source]) -> Iterator[RowWarning]:
    logins: defaultdict[tuple[str, str], list[Source]] = defaultdict(list)
    for source in sources:
        logins[source.host, source.username].append(source)
    for (host, user), same in logins.items():
        if len({source.password for source in same}) > 1:
            yield build_warning(
                same,
                f"the rows of {names_of(same)} have different passwords for user {user!r} of {host}.",
                "If that is one VICIdial, only one of them can be right; correct the others and import them,"
                " `python main.py clients import FILE.csv`.",
            )


def _archives(sources: Sequence[Source]) -> Iterator[RowWarning]:
    """Yield rows that read the archive. It is read in place of the live tables, not beside them."""
    same = [source for source in sources if reads_archive(source)]
    if same:
        yield build_warning(
            same,
            f"{names_of(same)} read the dialer's archive instead of its live tables ({ARCHIVE_SWITCH} in the URL):"
            " recent calls are missing there, and older ones may be as they were when they were archived.",
            "For live calls, import a row without it; for both, keep two rows.",
        )


def _columns_without_effect(stored: Sequence[tuple[Source, ParsedRow]]) -> Iterator[RowWarning]:
    """Yield rows with filled columns without an effect: the URL names some itself, or its report has no choice."""
    for source, row in stored:
        if not row.is_switched_off and (columns := find_unused_columns(row)):
            cause = "names them itself" if source.report == CALL_REPORT_EXPORT else "asks for one agent"
            yield build_warning(
                [source],
                f"{' and '.join(columns)} of {names_of([source])} are not used, since the URL {cause}.",
                "Write the names into one place only; of an agent's calls, all are read.",
            )


def _parameters_without_effect(stored: Sequence[tuple[Source, ParsedRow]]) -> Iterator[RowWarning]:
    """Yield parameters of pasted URLs without an effect, once for all rows with the same ones."""
    alike: defaultdict[tuple[tuple[str, str], ...], list[Source]] = defaultdict(list)
    for source, row in stored:
        if row.url is not None:
            alike[row.url.unused].append(source)
    for unused, same in alike.items():
        if unused:
            told = " and ".join(f"{name} ({instead})" for name, instead in unused)
            yield build_warning(
                same,
                f"the URL of {names_of(same)} holds what is not used: {told}.",
                "Take it out of the URL, or leave it if that is what you want.",
            )
