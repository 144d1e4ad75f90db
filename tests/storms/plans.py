"""The events of a storm: a pure function of its seed, so a storm can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

START, DOWNLOAD, PARSE, SPOOL = "start", "download", "parse", "spool"
BEFORE, COMMIT, AFTER, BETWEEN = "before the commit", "in the commit", "after the commit", "between cycles"
PHASES = (START, DOWNLOAD, PARSE, SPOOL, BEFORE, COMMIT, AFTER, BETWEEN)
"""Phases in the order of a cycle. In ``start`` the daemon plans, and starts its workers."""

KILL_PARENT, KILL_WORKER, KILL_EMULATOR = "kill -9 of the parent", "kill -9 of a worker", "kill -9 of the emulator"
TERMINATE, INTERRUPT, INTERRUPT_TWICE = "SIGTERM", "Ctrl+C", "Ctrl+C twice"
SECOND, READER = "a second daemon", "a reader of the file"
RESET, ERROR_500, HANG, TRUNCATION = "dialer resets", "dialer says 500", "dialer hangs", "dialer truncates"
LIMITED, QUOTA, UNAVAILABLE, ABORTED = "BigQuery: rate limit", "BigQuery: quota", "BigQuery: 503", "BigQuery: conflict"
CUT_BEFORE, CUT_AFTER, SILENT = "BigQuery: cut before", "BigQuery: cut after", "BigQuery: silent"
ENDLESS, RUNNING = "BigQuery: endless answer", "BigQuery: RUNNING for ever"

SIGNALS = (TERMINATE, INTERRUPT, INTERRUPT_TWICE)
OF_DIALERS = (RESET, ERROR_500, HANG, TRUNCATION)
OF_BIGQUERY = (LIMITED, QUOTA, UNAVAILABLE, ABORTED, CUT_BEFORE, CUT_AFTER, SILENT, ENDLESS, RUNNING)
ON_DUCKDB = (KILL_PARENT, KILL_WORKER, *SIGNALS, SECOND, READER, *OF_DIALERS)
ON_BIGQUERY = (KILL_PARENT, KILL_WORKER, KILL_EMULATOR, *SIGNALS, SECOND, *OF_DIALERS, *OF_BIGQUERY)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its kind, its phase if reached soon enough, its delay, and random shares for its choices."""

    name: str
    phase: str
    delay_seconds: float
    which: float
    how: float


def plan_events(seed: int, count: int, names: Sequence[str]) -> list[Event]:
    """Plan events: each name equally often, in a random order, with a random phase."""
    chance = random.Random(seed)
    events: list[Event] = []
    while len(events) < count:
        for name in chance.sample(names, len(names)):
            delay = chance.choice((0.0, chance.uniform(0, 0.05), chance.uniform(0, 0.2)))
            events.append(Event(name, chance.choice(_phases_for(name)), delay, chance.random(), chance.random()))
    return events[:count]


def _phases_for(name: str) -> Sequence[str]:
    if name in OF_DIALERS:
        return START, DOWNLOAD, BETWEEN  # it strikes the next request
    if name == SECOND:
        return PHASES[1:]  # nobody is refused while the first one comes up
    return PHASES
