"""The sentence for "no calls" in the language of a dialer's user. It is learnt, and remembered for a day.

Any page could stand in its place: a login, an error, a proxy. A sentence is believed only if the same login gets the
real form of the same page from the same program, and the same sentence for a day before there were any dialers.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from data_fetcher import Dialer, Form
from dialers.cache_files import CacheFile
from dialers.export_form_cache import CachedChoices
from errors import SentenceUnknown
from messages import Window
from utils import utc_now

BEFORE_ALL_CALLS = date(1990, 1, 1)
REMEMBERED = timedelta(days=1)


class NoCalls:
    """Known sentences of one source for "no calls"."""

    def __init__(self, folder: Path, source_key: str, dialer: Dialer, names: CachedChoices) -> None:
        self._file = CacheFile(folder / "sentences" / f"{source_key}.json", _parse)
        self._dialer = dialer
        self._names = names
        self._known = self._file.read() or {}

    def are_meant(
        self, message: SentenceUnknown, window: Window, ask: Callable[[Window], tuple[str, Form]], path: Path
    ) -> bool:
        """Tell whether a sentence means that the window has no calls. Ask the dialer if it is not known.

        Args:
            ask: returns the page and the form for the calls of a window.
            path: a file for an answer.
        """
        digest, sender = str(message.args[2]), str(message.args[3])
        if digest in self._known:
            return True
        if not self._is_same_program(sender):
            return False
        if self._sentence_of(replace(window, day=BEFORE_ALL_CALLS), ask, path) != (digest, sender):
            return False
        self._known = {**self._known, digest: utc_now().timestamp()}
        self._file.write(self._known)
        return True

    def _is_same_program(self, sender: str) -> bool:
        """Ask for the form. No other page in place of the dialer can show it."""
        if not self._names.were_asked_now:
            self._names.refresh_now()
        return self._dialer.form_sender == sender

    def _sentence_of(
        self, window: Window, ask: Callable[[Window], tuple[str, Form]], path: Path
    ) -> tuple[str, str] | None:
        page, form = ask(window)
        try:
            self._dialer.download(page, form, path)
        except SentenceUnknown as exc:
            return str(exc.args[2]), str(exc.args[3])
        return None


def _parse(content: dict[str, Any]) -> dict[str, float]:
    now = utc_now().timestamp()
    return {digest: at for digest, at in content.items() if 0 <= now - at < REMEMBERED.total_seconds()}
