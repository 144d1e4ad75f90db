"""Small JSON files in DATA_DIR that save requests. Each may be lost at any time: the dialer is asked again."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from utils import write_durably

Content = TypeVar("Content")
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""Errors of reading a file and of parsing content from another hand."""


class CacheFile(Generic[Content]):
    """One file, shared by all workers with this DATA_DIR."""

    def __init__(self, path: Path, parse: Callable[[Any], Content | None]) -> None:
        """Name the file.

        Args:
            parse: turns the decoded JSON into the content. It may raise for content of another form.
        """
        self._path = path
        self._parse = parse

    def read(self) -> Content | None:
        """Return the content. None if the file is missing, unreadable or of another form."""
        with suppress(*UNREADABLE):
            return self._parse(json.loads(self._path.read_text(encoding="utf-8")))
        return None

    def write(self, content: object) -> None:
        """Replace the content. Do nothing if the disk refuses."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, json.dumps(content).encode("utf-8"))

    def delete(self) -> None:
        """Delete the file if it exists. On Windows it stays while somebody reads it."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
