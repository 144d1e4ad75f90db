"""Names in a row of the credentials table that its login may not see, by the form of the export page. Pure.

The user group of a login narrows an export silently: campaigns and in-groups without view rights are missing in the
answer. A choice with nothing left ends as an empty HTTP 500.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialers.export_form import MARKERS, Choices
from errors import NothingVisible, Notice
from messages import Source

DROPPED = re.compile(r"[^-_\w]")
"""Characters that a dialer removes from a requested name, whatever the name is in its tables."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
ALL, MOST_NAMES = "---ALL---", 8


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two lists of the form, and the origin of its names."""

    parameter: str
    noun: str
    column: str
    """Column of the credentials table."""
    right: str
    """Advice to make its names visible on the dialer."""
    checks_names: bool
    """The page leaves out requested names that the login may not see."""


CAMPAIGNS = Half(
    "campaign[]", "campaign", "dialer_campaigns",
    "add it to 'Allowed Campaigns' of the login's user group", checks_names=True,
)  # fmt: skip
GROUPS = Half(
    "group[]", "in-group", "ingroups",
    "let 'Admin Viewable Groups' of the login's user group include the user group of that in-group", checks_names=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HiddenName(Notice):
    """A name, or a whole list, that a row asks for and its login does not see. It comes with advice."""

    leaves_nothing: bool = False
    """The choice is empty on the dialer. Many dialers then answer with an empty HTTP 500."""


def find_hidden_names(source: Source, choices: Choices) -> tuple[HiddenName, ...]:
    """Return the names of the row without a match in the form."""
    return (
        *_find_hidden_in(CAMPAIGNS, source, choices.campaigns),
        *_find_hidden_in(GROUPS, source, choices.groups),
    )


def explain_failure(source: Source, choices: Choices) -> NothingVisible | None:
    """Return the error behind a failing page, if the choice has nothing left."""
    for each in find_hidden_names(source, choices):
        if each.leaves_nothing:
            return NothingVisible(each.happened, each.advice)
    return None


def describe_choices(choices: Choices) -> str:
    """Describe in one line the names in view of a login."""
    return f"{_render_names(CAMPAIGNS, choices.campaigns)} and {_render_names(GROUPS, choices.groups)}"


def describe_lost_names(before: Choices, now: Choices) -> str | None:
    """Describe the names that are no longer offered. None if all of them still are."""
    gone = [
        _render_names(half, names)
        for half, names in (
            (CAMPAIGNS, [name for name in before.campaigns if name not in now.campaigns]),
            (GROUPS, [name for name in before.groups if name not in now.groups]),
        )
        if names
    ]
    return " and ".join(gone) or None


def _render_names(half: Half, names: Sequence[str]) -> str:
    if not names:
        return f"no {half.noun}s"
    shown = ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else "")
    return f"{len(names)} {half.noun}{'s' if len(names) > 1 else ''} ({shown})"


def _find_hidden_in(half: Half, source: Source, offered: Sequence[str]) -> Iterator[HiddenName]:
    named = _names_in_row(half, source)
    if named is None:
        return
    missing = [name for name in named if not any(_is_same(name, other) for other in offered)]
    leaves_nothing = not offered if not named else half.checks_names and len(missing) == len(named)
    who = f"user {source.username!r}"
    if not named and not offered:
        yield HiddenName(
            f"{source.host} shows {who} no {half.noun}s at all, and the row asks for all of them.",
            f"On the dialer, {_advice_for_all(half)}; or write ---NONE--- into {half.column} of the row.",
            leaves_nothing=True,
        )
    for name in named:
        if name in missing:
            yield _explain_missing(half, source, name, offered, leaves_nothing=leaves_nothing)
        elif DROPPED.search(name):
            yield HiddenName(
                f"{source.host} drops all but letters, digits, - and _ from a name that it is asked for, so that"
                f" the {half.noun} {name!r} cannot be asked for by name: its calls may be missing.",
                f"Leave {half.column} of the row empty, or give it another name on the dialer.",
            )


def _explain_missing(
    half: Half, source: Source, name: str, offered: Sequence[str], *, leaves_nothing: bool
) -> HiddenName:
    """Report a name that is not offered, and the similar one that may be meant."""
    happened = (
        f"{source.host} does not list the {half.noun} {name!r}, which the row names, among those that user"
        f" {source.username!r} may see: its calls may be missing."
    )
    meant = next((other for other in offered if _bare(other) == _bare(name)), None)
    if meant is not None:
        return HiddenName(happened, f"Write it as {meant!r} into {half.column} of the row.", leaves_nothing)
    return HiddenName(
        happened,
        f"Was it renamed or deleted? Correct {half.column} of the row. If the name is right: on the dialer,"
        f" {half.right}.",
        leaves_nothing,
    )


def _is_same(name: str, offered: str) -> bool:
    """Compare names. A letter of the form outside UTF-8 matches any."""
    if UNREADABLE not in offered:
        return name == offered
    return re.fullmatch(re.escape(offered).replace(UNREADABLE, "."), name) is not None


def _bare(name: str) -> str:
    return DROPPED.sub("", name).casefold()


def _advice_for_all(half: Half) -> str:
    if half is CAMPAIGNS:
        return "set 'Allowed Campaigns' of the login's user group to ALL-CAMPAIGNS"
    return "set 'Admin Viewable Groups' of the login's user group to ---ALL---"


def _names_in_row(half: Half, source: Source) -> list[str] | None:
    """Return the names in the row for one half.

    An empty list stands for all. None means that the row asks for nothing of the half. A row with neither campaigns nor
    in-groups asks for all of both.
    """
    halves = {CAMPAIGNS.parameter, GROUPS.parameter}
    given = [value for name, value in source.parameters if name == half.parameter]
    if not any(name in halves for name, _ in source.parameters) or ALL in given:
        return []
    return [value for value in given if value not in MARKERS] or None
