"""Messages of a dialer without their secrets: they echo user and password in many encodings."""

import html
import re
from base64 import b64encode
from urllib.parse import quote, unquote

SHOWN_CHARACTERS = 80
MOST_ENCODINGS = 5
SHORTEST_WORDS = 4
"""Fewest characters of a secret's words. Shorter ones could be words of the message itself."""
ESCAPED = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})", re.IGNORECASE)
"""A character as JSON or a program's listing writes it."""


def remove_secrets(text: str, user: str, password: str) -> str:
    """Return the first 80 characters of a message, decoded, without markup, user, password and digits."""
    plain = _decode(text)
    for secret in sorted(_spellings(user) | _spellings(password) | _tokens(user, password), key=len, reverse=True):
        plain = re.sub(re.escape(secret), "…", plain, flags=re.IGNORECASE)
    plain = _remove_words(_remove_words(plain, password), user)
    plain = re.sub(r"<[^>]*>", " ", plain)
    plain = re.sub(r"\|[^|]*(?=\|)", "|…", re.sub(r"\d+", "#", plain))
    return " ".join(plain.split())[:SHOWN_CHARACTERS] or "nothing"


def _remove_words(text: str, secret: str) -> str:
    """Remove a secret of several words, whatever characters stand between them now."""
    words = re.findall(r"[^\W_]+", _decode(secret))
    if len(words) < 2 or len("".join(words)) < SHORTEST_WORDS:
        return text
    return re.sub(r"[\W_]{0,8}".join(map(re.escape, words)), "…", text, flags=re.IGNORECASE)


def _decode(text: str) -> str:
    """Undo the escapes of HTML, URLs and JSON until none is left: an echo may be escaped several times."""
    for _ in range(MOST_ENCODINGS):
        plain = ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), html.unescape(unquote(text)))
        if plain == text:
            break
        text = plain
    return text


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is and as a dialer strips it. Its letters are of one script or of all.

    Decoding may change a secret that looks encoded itself, and a URL writes blanks as ``+``.
    """
    stripped = {re.sub(r"[^-_0-9A-Za-z]", "", secret), re.sub(r"[^-_\w]", "", secret)}
    spelled = {
        secret,
        _decode(secret),
        secret.replace(" ", "+"),
        html.escape(secret),
        quote(secret, safe=""),
        *stripped,
    }
    return {text for text in spelled if text}


def _tokens(user: str, password: str) -> set[str]:
    """Return the content of a login header, as printed by a page that shows its request."""
    login = b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {login, login.rstrip("=")}
