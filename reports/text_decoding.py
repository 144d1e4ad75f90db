"""Decoding of a dialer's bytes. A field is UTF-8 if it is valid UTF-8, else cp1252. One export mixes both."""

import re

C1 = bytes(range(256)).decode("cp1252", errors="replace")
CP1252 = {code: character for code, character in enumerate(C1) if character != "�"}
"""Characters of cp1252. Its five undefined bytes stay the control characters of latin-1, so that nothing is lost."""


def field_text(field: bytes) -> str:
    """Decode one field. Every byte sequence gives a text."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        return field.decode("latin-1").translate(CP1252)


def as_utf8(record: bytes, separator: bytes = b"\t") -> bytes:
    """Encode each field of a record in UTF-8. A valid record has only valid fields."""
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        return separator.join(
            field if field.isascii() else field_text(field).encode("utf-8") for field in record.split(separator)
        )
    return record


def field_texts(record: bytes, separator: bytes = b"\t") -> list[str]:
    """Decode the fields of one record."""
    return as_utf8(record, separator).decode("utf-8").split(separator.decode("ascii"))


def to_quarantine_text(record: bytes) -> str:
    r"""Return a record as readable text for the quarantine. Bytes without a character become ``\xNN``."""
    return record.decode("utf-8", errors="backslashreplace")


def from_quarantine_text(text: str) -> bytes:
    r"""Return the bytes of a quarantined record. A literal ``\xNN`` cannot be told from a byte."""
    pieces = re.split(r"\\x([89a-f][0-9a-f])", text)
    return b"".join(
        bytes.fromhex(piece) if number % 2 else piece.encode("utf-8") for number, piece in enumerate(pieces)
    )
