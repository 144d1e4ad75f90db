"""Lists of campaigns or in-groups in a cell or URL, in any usual spelling. Pure.

An impossible id never reaches a dialer: it would take it for a name and answer with nothing.
"""

import re
import unicodedata
from collections.abc import Sequence

from errors import RowUnusable
from reports.call_report_export import ALL, NONE
from utils import plural

LONGEST = 20
"""Characters of an id in VICIdial's tables."""
NO_ID = re.compile(r"[^-_\w]")
"""Characters that a dialer removes from a name in a request."""
SEPARATORS = re.compile(r"[,;|\t\r\n\v\f\x85\u2028\u2029\u3001\u060c\u061b]")
QUOTES = "\"'`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb[](){}"
AROUND_WORDS = f"{QUOTES}-_*#<>=.:!~+ "
"""Characters around a word, on VICIdial's own pages or by the hand of a person."""
KIND = r"( (campaigns?|in ?groups?|inbound( groups?)?|groups?|calls?|of them))?"
WORDS = (
    (re.compile(rf"(all|any|every|each|everything){KIND}"), ALL),
    (re.compile("alle|todas|todos|toutes|tous|tutte|tutti|все|всі|全部|すべて|全て|모두|الكل"), ALL),
    (re.compile(rf"(none|nothing|zero|no(?= )){KIND}"), NONE),
    (re.compile("keine|keiner|ninguna|ninguno|aucune|aucun|nessuna|nessuno|nenhuma|nenhum|geen|なし|無|无"), NONE),
)
UNCLEAR = re.compile(
    r"|n ?[/.\\] ?a|null|nil|nan|undefined|yes|no|true|false|0|todo|toda|tudo|tout|toute|tutto|tutta|alles|kein|nada"
    r"|rien|niente|нет|\?+|…"
)
"""Words for all, none, or the campaign of a centre. No guess is safe."""
BETWEEN = frozenset(
    {
        "and", "or", "und", "oder", "et", "ou", "con", "except", "but", "not", "without", "ohne", "außer", "sauf",
        "excepto", "salvo", "y", "e", "o", "&", "+", "/", "-",
    }
)  # fmt: skip
"""Words that are no names if only blanks stand between the names."""
ADVICE = "Separate ids by commas, or write ALL or NONE"


def names_in_cell(cell: str) -> tuple[str, ...]:
    """Return the names of a cell, or ``---ALL---`` or ``---NONE---`` alone. An empty cell has no names.

    Raises:
        RowUnusable: a name is invalid. The text gives its place only, as a password may stand in the wrong column.
    """
    text = clean_text(cell)
    if not text:
        return ()
    meant = _find_word(text)
    if meant is not None:
        return (meant,)
    apart = SEPARATORS.search(text) is not None
    parts = SEPARATORS.split(text) if apart else text.split()
    names = [name for part in parts if (name := part.strip().strip(QUOTES).strip())]
    if not names:
        raise RowUnusable(f"holds no name. {ADVICE}")
    if not apart and len(names) > 1 and BETWEEN & {name.casefold() for name in names}:
        raise RowUnusable(f"is a sentence and no list. {ADVICE}")
    return _parse_names(names)


def names_in_url(values: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a URL's parameter. Words are VICIdial's own spellings, and ALL, NONE or * alone.

    Raises:
        RowUnusable: a name is invalid.
    """
    names = [clean_text(value) for value in values]
    numbered = enumerate(names, 1)
    if len(names) == 1 and names[0].casefold() in {"all", "none", "*"}:
        return (NONE,) if names[0].casefold() == "none" else (ALL,)
    found = [
        _find_marker(name) or _check_id(name, at, "Repeat the parameter for each id") for at, name in numbered if name
    ]
    return _resolve_words(found)


def are_same_lists(one: str | None, other: str | None) -> bool:
    """Tell whether two cells ask for the same names. An empty one asks for all."""
    return _comparable_names(one) == _comparable_names(other)


def asks_for_more(new: str | None, old: str | None) -> bool:
    """Tell whether a cell asks for more names than the old one. An invalid cell asks for nothing."""
    wanted, before = _names_wanted(new), _names_wanted(old)
    return ALL not in before and not wanted <= before


def describe_reading(cell: str) -> str | None:
    """Describe how a valid cell is read. None for an obvious one: empty, VICIdial's word, or a list with commas."""
    names = names_in_cell(cell)
    if cell in {"", ALL, NONE} or tuple(name.strip() for name in cell.split(",") if name.strip()) == names:
        return None
    return "all" if names == (ALL,) else "none" if names == (NONE,) else plural(len(names), "name")


def _comparable_names(cell: str | None) -> object:
    try:
        return frozenset(names_in_cell(cell or "") or (ALL,))
    except RowUnusable:
        return cell


def _names_wanted(cell: str | None) -> frozenset[str]:
    try:
        return frozenset(names_in_cell(cell or "") or (ALL,)) - {NONE}
    except RowUnusable:
        return frozenset()


def clean_text(text: str) -> str:
    """Return the text without invisible characters, and with one spelling of each letter."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(each for each in normal if each.isspace() or unicodedata.category(each) not in {"Cf", "Cc"}).strip()


def _strip_decoration(text: str) -> str:
    """Return a possible word without decoration, and with plain dashes."""
    plain = "".join("-" if unicodedata.category(each) == "Pd" or each == "\u2212" else each for each in text)
    return re.sub(r"[-_\s]+", " ", plain.casefold().strip(AROUND_WORDS)).strip()


def _find_word(text: str) -> str | None:
    """Return VICIdial's word for a text. None for a name.

    Raises:
        RowUnusable: the text may mean all or none.
    """
    if text.strip(QUOTES) == "*":
        return ALL
    bare = _strip_decoration(text)
    meant = next((meant for words, meant in WORDS if words.fullmatch(bare)), None)
    if meant is None and not SEPARATORS.search(text) and UNCLEAR.fullmatch(bare):
        raise RowUnusable(
            "may mean all or none: leave it empty or write ALL for all, or write NONE; if it is the id of a campaign or"
            " in-group, put it into the URL, call_report_export.php?campaign[]=ID or ?group[]=ID"
        )
    return meant


def _find_marker(name: str) -> str | None:
    """Return VICIdial's word for a text with dashes around it. Such a text is no id."""
    return _find_word(name) if name[:1] + name[-1:] == "--" and _strip_decoration(name) in {"all", "none"} else None


def _parse_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, with VICIdial's words for the words among them. Other words for all or none stand alone."""
    words = {name: _find_marker(name) or _find_word(name) for name in names}
    meant = {word for word in words.values() if word is not None}
    if meant and any(words[name] != _find_marker(name) for name in names) and len({words[name] for name in names}) > 1:
        raise RowUnusable(f"has a word for all or none beside names. {ADVICE}")
    return _resolve_words([words[name] or _check_id(name, at, ADVICE) for at, name in enumerate(names, 1)])


def _resolve_words(names: Sequence[str]) -> tuple[str, ...]:
    """Return each name once.

    As on the dialer's form, ``---ALL---`` overrides names, and names override ``---NONE---``.
    """
    if {ALL, NONE} <= set(names):
        raise RowUnusable("asks for all and for none")
    if ALL in names:
        return (ALL,)
    return tuple(dict.fromkeys(name for name in names if name != NONE)) or tuple(dict.fromkeys(names))


def _check_id(name: str, at: int, advice: str) -> str:
    """Return the name if VICIdial can have it.

    Raises:
        RowUnusable: no id can look like this.
    """
    found = None
    if len(name) > LONGEST:
        found = f"is longer than the {LONGEST} characters that an id has at most"
    elif NO_ID.search(name):
        found = "has a character that ids do not have (allowed: letters, digits, - and _)"
    elif name.startswith("-"):
        found = "begins with a dash"
    if found:
        raise RowUnusable(f"name {at} {found}. {advice}")
    return name
