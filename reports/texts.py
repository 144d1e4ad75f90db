"""Bytes of a dialer to text: UTF-8 where a field is valid UTF-8, else cp1252; one export mixes both."""

import re

C1 = bytes(range(256)).decode("cp1252", errors="replace")
CP1252 = {code: character for code, character in enumerate(C1) if character != "�"}
"""The five bytes that cp1252 leaves undefined stay the control characters of latin-1, so that nothing is lost."""


def field_text(field: bytes) -> str:
    """One field; every byte sequence gives a text."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        return field.decode("latin-1").translate(CP1252)


def as_utf8(record: bytes, separator: bytes = b"\t") -> bytes:
    """The same record with each field in UTF-8; a record that is valid as a whole has only valid fields."""
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        return separator.join(
            field if field.isascii() else field_text(field).encode("utf-8") for field in record.split(separator)
        )
    return record


def field_texts(record: bytes, separator: bytes = b"\t") -> list[str]:
    """The fields of one record as text."""
    return as_utf8(record, separator).decode("utf-8").split(separator.decode("ascii"))


def kept_as_it_came(record: bytes) -> str:
    r"""A record for the quarantine: readable text, bytes that are none as ``\xNN``."""
    return record.decode("utf-8", errors="backslashreplace")


def as_it_came(kept: str) -> bytes:
    r"""The bytes of a kept record; a ``\xNN`` that stood there as text cannot be told from a byte."""
    pieces = re.split(r"\\x([89a-f][0-9a-f])", kept)
    return b"".join(
        bytes.fromhex(piece) if number % 2 else piece.encode("utf-8") for number, piece in enumerate(pieces)
    )
