"""Text of a dialer for a terminal, which must obey nothing of it; and its mere structure, without personal data."""

import re
import unicodedata

from utils import one_line

BYTE = re.compile(r"(\\x[0-9a-f]{2})")
KNOWN = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def masked(record: str) -> str:
    r"""A record's structure in one line, without what it says: 9 for a digit, x for a letter; ``\xNN`` stays."""
    pieces = BYTE.split(record[:1000])
    return one_line("".join(piece if number % 2 else _masked(piece) for number, piece in enumerate(pieces)))


def _masked(text: str) -> str:
    kinds = {"L": "x", "M": "x", "N": "9"}
    return escaped("".join(kinds.get(unicodedata.category(character)[0], character) for character in text))


def escaped(text: str, encoding: str = "utf-8") -> str:
    """The whole text, but nothing of it that a terminal would obey or cannot show."""
    shown = "".join(character if character.isprintable() else _escape(character) for character in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _escape(character: str) -> str:
    return KNOWN.get(character) or ascii(character)[1:-1]
