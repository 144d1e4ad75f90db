"""Words for yes and no in a cell, in any language of ``name_lists``, and as spreadsheets write them. Pure."""

from credentials.name_lists import clean_text

YES = frozenset((
    "yes", "y", "true", "t", "1", "on", "ja", "sí", "si", "oui", "sim", "da", "да", "tak", "так", "evet", "はい", "是",
    "نعم", "wahr", "verdadero", "verdadeiro", "vrai", "vero", "waar", "prawda", "истина",
))  # fmt: skip
NO = frozenset((
    "no", "n", "false", "f", "0", "off", "nein", "nee", "non", "não", "nao", "nu", "нет", "nie", "ні", "hayır", "hayir",
    "いいえ", "否", "لا", "falsch", "falso", "faux", "onwaar", "fałsz", "ложь",
))  # fmt: skip


def is_yes(cell: str) -> bool:
    """Tell whether a cell says yes. An empty one does."""
    return not cell or _fold(cell) in YES


def is_no(cell: str) -> bool:
    return _fold(cell) in NO


def _fold(cell: str) -> str:
    return clean_text(cell).casefold()
