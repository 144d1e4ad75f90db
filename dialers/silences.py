"""Hosts that do not answer at all: one client of a run finds out, and the others of that host do not wait again.

Otherwise fifty clients of a dialer that hangs cost fifty timeouts, and hold up whoever shares a campaign with them.
Backfills leave and heed no note: with one, a moment's outage would go through all their days.
"""

import time
from contextlib import suppress
from pathlib import Path

from dialers.slots import file_name_of

A_MOMENT = 300.0
"""Seconds for which a host is left alone; a cycle may take longer, and the host come back."""


class HostSilence:
    """A note in DATA_DIR, for all workers of a run, that an origin did not even tell its version; an answer ends it."""

    def __init__(self, directory: Path, origin: str, run_id: str) -> None:
        self._path = directory / f"{file_name_of(origin)}.silent"
        self._run_id = run_id

    def is_noted(self) -> bool:
        with suppress(OSError):
            recent = abs(time.time() - self._path.stat().st_mtime) < A_MOMENT
            return recent and self._path.read_text(encoding="utf-8") == self._run_id
        return False

    def note(self) -> None:
        """Whoever gave up only because of the note does not renew it."""
        if not self.is_noted():
            with suppress(OSError):  # a full disk: the others find out for themselves
                self._path.write_text(self._run_id, encoding="utf-8")

    def forget(self) -> None:
        with suppress(OSError):  # on Windows, another one may be reading it
            self._path.unlink(missing_ok=True)
