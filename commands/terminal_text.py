"""Text of a dialer on a terminal: escaped, so that the terminal obeys nothing of it, or masked."""

import re
import unicodedata

from utils import one_line

BYTE = re.compile(r"(\\x[0-9a-f]{2})")
KNOWN = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def mask(record: str) -> str:
    r"""Return the structure of a record in one line: 9 for a digit, x for a letter. ``\xNN`` stays."""
    pieces = BYTE.split(record[:1000])
    return one_line("".join(piece if number % 2 else _mask_piece(piece) for number, piece in enumerate(pieces)))


def _mask_piece(text: str) -> str:
    kinds = {"L": "x", "M": "x", "N": "9"}
    return escape("".join(kinds.get(unicodedata.category(character)[0], character) for character in text))


def escape(text: str, encoding: str = "utf-8") -> str:
    """Escape the characters that a terminal would obey or cannot show."""
    shown = "".join(character if character.isprintable() else _escape(character) for character in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _escape(character: str) -> str:
    return KNOWN.get(character) or ascii(character)[1:-1]
