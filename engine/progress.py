"""Progress of a run: a moving line on a terminal, nothing beside the log lines anywhere else."""

import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from messages import CampaignOutcome


class Progress:
    """A line with campaigns, rows, bytes and seconds, below the log lines of a terminal."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._jobs = self._done = self._rows = self._bytes = 0
        self._live: Live | None = None

    def __enter__(self) -> "Progress":
        self._started = time.monotonic()
        if sys.stdout.isatty():
            self._live = Live(get_renderable=self._text, console=Console(), transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def expect(self, jobs: int) -> None:
        self._jobs = jobs

    def add(self, outcomes: Sequence[CampaignOutcome]) -> None:
        """Count campaigns that have been read and are about to be committed."""
        self._done += len(outcomes)
        self._rows += sum(window.rows for outcome in outcomes for window in outcome.sealed)
        self._bytes += sum(client.bytes_received for outcome in outcomes for client in outcome.clients)

    def _text(self) -> Text:
        seconds = time.monotonic() - self._started
        done = f"{self._done} of {self._jobs} campaigns"
        return Text(f"{done} · {self._rows:,} rows · {self._bytes / 1e6:,.1f} MB · {seconds:.0f} s")
