"""Decoding of files that spreadsheet programs save, in any of their encodings. Pure."""

import codecs
import re

TABLE_SAVED_ANEW = "open it in your spreadsheet program and save it as CSV"
KINDS = (
    (re.compile(rb"PK(\x03\x04|\x05\x06|\x07\x08)"), f"is a workbook (xlsx, ods) or a ZIP file: {TABLE_SAVED_ANEW}"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), f"is an Excel workbook (xls, or xlsx with a password): {TABLE_SAVED_ANEW}"),
    (re.compile(rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00"), f"is an old Excel workbook (xls): {TABLE_SAVED_ANEW}"),
    (re.compile(rb"ID;P"), f"is a spreadsheet in SYLK format: {TABLE_SAVED_ANEW}"),
    (
        re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|!doctype|html|head|body|table|meta|workbook|office:)", re.IGNORECASE),
        "is a web page or a spreadsheet in XML: open it in your spreadsheet program and save it as CSV",
    ),
    (re.compile(rb"%PDF-|\{\\rtf"), f"is a document of another program: {TABLE_SAVED_ANEW}"),
    (re.compile(rb"\x1f\x8b|BZh\d|\xfd7zXZ|7z\xbc\xaf|Rar!"), "is a compressed file: unpack it first"),
    (re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"'), "is JSON: make a CSV file of it, see `clients template`"),
)  # fmt: skip
"""Beginnings of files that are no CSV files, each with advice."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks. UTF-32 stands before UTF-16, because its mark begins with that of UTF-16."""
WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
LOOKED_AT = 256
"""Bytes to look at for an encoding without a mark: names of columns, in ASCII."""
END = "\x1a\0"
"""End mark of old programs behind the last line."""
MARK = "\ufeff"
UNSEEN = f"{MARK}\u200b\u200e\u200f\u2060"
"""Invisible characters of copied text around the names of columns."""


def describe_other_kind(content: bytes) -> str | None:
    """Describe a file that is no CSV file, with advice. None for a possible CSV file."""
    return next((advice for beginning, advice in KINDS if beginning.match(content)), None)


def decode_file(content: bytes) -> str:
    """Return the text without marks. Each line is UTF-8 or cp1252, or the whole file is UTF-16 or UTF-32."""
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), None) or _guess_encoding(content)
    if encoding in WIDE:
        text = content.decode(encoding, errors="replace")
    else:  # lines of both come together where somebody has added some with another program
        text = "".join(_decode_line(line) for line in content.splitlines(keepends=True))
    return text.lstrip(MARK).rstrip(END)


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def _guess_encoding(content: bytes) -> str:
    """Return the wide encoding that makes plain text of the first line. Only wide ones have NULs between letters."""
    beginning = content[: min(LOOKED_AT, len(content) // 4 * 4)]
    if b"\0" in beginning:
        for encoding in WIDE:
            first = next(iter(beginning.decode(encoding, errors="replace").split()), "")
            if first.isascii() and first.isprintable() and first:
                return encoding
    return "utf-8"
