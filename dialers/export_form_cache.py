"""The names that a login may see, cached in DATA_DIR for a day, so that the export form is seldom asked for.

Several rows with one login share a file. If it is lost, the form is asked for again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from dialers.cache_files import CacheFile
from dialers.export_form import Choices
from errors import DialerRefused, ReportUnknown, RequestCancelled, TransientError
from messages import Source
from utils import utc_now, write_durably

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Content:
    asked_at: float
    now: Choices | None
    before: Choices | None


class CachedChoices:
    """The names that one login is offered, as one source asks for them."""

    def __init__(self, data_dir: Path, source: Source, ask: Callable[[], Choices | None]) -> None:
        folder = data_dir / "choices"
        self._file = CacheFile(folder / f"{_digest(source.address.url, source.username)}.json", _parse)
        self._compared_path = folder / f"{source.key}.compared"
        self._parameters = repr(source.parameters)
        self._ask = ask
        known = self._file.read() or _Content(0.0, None, None)
        self._asked_at = known.asked_at
        self.choices = known.now
        """The names of now. None where the dialer does not say."""
        self.before = known.before
        """The names of the time before, as far as that is known."""
        self.were_asked_now = False
        """The form was asked for in this run."""

    def refresh_daily(self) -> Choices | None:
        """Return the names. Ask for them if they are older than a day."""
        return self._refresh(A_DAY)

    def refresh_hourly(self) -> Choices | None:
        """Return the names. Ask for them if they are older than an hour: calls seen before are missing."""
        return self._refresh(AN_HOUR)

    def refresh_now(self) -> Choices | None:
        """Ask for the names, whatever is known."""
        return self._refresh(timedelta())

    def mark_compared(self) -> bool:
        """Note that this row is compared with these names. False if it was noted before."""
        compared = _digest(str(self._asked_at), self._parameters)
        with suppress(OSError):
            if self._compared_path.exists() and self._compared_path.read_text(encoding="ascii") == compared:
                return False
            self._compared_path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._compared_path, compared.encode("ascii"))
        return True

    def _refresh(self, age: timedelta) -> Choices | None:
        if not 0 <= utc_now().timestamp() - self._asked_at < age.total_seconds():
            self.before = self.choices or self.before
            self.choices = self._ask_once()
            self._asked_at = utc_now().timestamp()
            self.were_asked_now = True
            self._file.write(
                {"asked_at": self._asked_at, "now": _as_lists(self.choices), "before": _as_lists(self.before)}
            )
        return self.choices

    def _ask_once(self) -> Choices | None:
        """Ask for the form. Its absence is no failure of the client, whose calls do not depend on it."""
        try:
            return self._ask()
        except RequestCancelled:
            raise
        except (TransientError, ReportUnknown, DialerRefused):
            return None


def _parse(content: dict[str, Any]) -> _Content:
    return _Content(float(content["asked_at"]), _parse_choices(content["now"]), _parse_choices(content["before"]))


def _parse_choices(names: list[list[str]] | None) -> Choices | None:
    return None if names is None else Choices(tuple(names[0]), tuple(names[1]))


def _as_lists(choices: Choices | None) -> list[list[str]] | None:
    return None if choices is None else [list(choices.campaigns), list(choices.groups)]


def _digest(*texts: str) -> str:
    return blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
