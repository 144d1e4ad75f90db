"""One source in one run: everything fixed while its windows are read, and everything learnt of its dialer meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from config import Settings
from data_fetcher import Dialer
from dialers.export_form_cache import CachedChoices
from messages import Source
from reports import REPORTS, Report
from spool.phones import Phones

FRUITLESS_HOURS = 2
"""Unreadable single hours in a row, after which the size of a request is not the cause."""


@dataclass(slots=True)
class Durations:
    """Seconds that one source took, by phase."""

    download: float = 0.0
    parse: float = 0.0

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            setattr(self, phase, getattr(self, phase) + time.monotonic() - began)


@dataclass(slots=True)
class DialerBehaviour:
    """Observations about the dialer of one source in one run."""

    knows_hours: bool
    """It answers the hours of a request, not the whole day."""
    has_answered: bool = False
    has_shown_export: bool = False
    has_failed: bool = False
    """It answered HTTP 500. That is no refused login, because a dialer refuses a login with 401."""
    cuts_small_answers: bool = False
    """It cut the answer to a request that cannot be divided."""
    unreadable_hours: int = 0
    """Single hours in a row that could not be read."""

    @property
    def is_size_no_cause(self) -> bool:
        """Tell whether smaller requests have proven useless."""
        return self.unreadable_hours >= FRUITLESS_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """One source as a worker reads it in one run."""

    source: Source
    settings: Settings
    dialer: Dialer
    behaviour: DialerBehaviour
    run_id: str
    backfill_id: str | None
    spool_name: str
    """Unique in its run and usable as the beginning of a file name."""
    build: int | None
    """Build of the dialer as yymmdd. None if it is not known."""
    clock_shift: timedelta
    """Added to the machine's clock for the moment of a reading."""
    parsing: threading.Lock
    """Held while an answer is parsed, so that a worker parses one at a time."""
    durations: Durations
    phones: Phones
    names: CachedChoices
    """Campaigns and in-groups that the login may see."""
    has_shown_calls: bool
    """An earlier run has read calls of this source."""
    without_inbound: bool
    """It has shown calls for days, and none of an in-group."""
    may_go_on: Callable[[], bool]
    """Tells whether there is time for a further piece of a window."""

    @property
    def report(self) -> Report:
        return REPORTS[self.source.report]
