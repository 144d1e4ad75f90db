"""Observation of a daemon's phase from outside: its log, its folders, its open files, and its requests."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.storms.daemons import BEGINS, Daemon
from tests.storms.plans import AFTER, BEFORE, BETWEEN, COMMIT, DOWNLOAD, PARSE, PHASES, SPOOL, START
from tests.storms.truth import Clockwork
from tests.storms.wire import Wire

LOOK_SECONDS = 0.001
CYCLE_ENDS = ("Next cycle starts at", "The cycle took longer than its interval")
MOST_TELLING = (COMMIT, AFTER, BEFORE, SPOOL, PARSE, DOWNLOAD, BETWEEN, START)
"""Order of phases for counting an event during several phases, since each campaign has its own worker."""


class Log:
    """Reader of new lines in the daemon's log."""

    def __init__(self, path: Path, campaigns: int) -> None:
        self._file = path.open(encoding="utf-8", errors="replace")
        self._campaigns, self._done, self._rest = campaigns, 0, ""
        self.has_spoken = self.has_begun = self.is_in_cycle = False
        self.cycles = 0
        self.whole_cycles: list[float] = []
        """End times of cycles with all campaigns committed."""

    def close(self) -> None:
        self._file.close()

    def forget(self) -> None:
        """Forget the state of the last daemon."""
        self.look()
        self.has_spoken = self.has_begun = self.is_in_cycle = False
        self._done, self._rest = 0, ""

    def look(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            self.has_spoken = self.has_spoken or " - INFO - " in line
            if BEGINS in line:
                self.has_begun = self.is_in_cycle = True
                self._done = 0
                self.cycles += 1
            elif line.startswith("  ✓ "):
                self._done += 1
            elif any(words in line for words in CYCLE_ENDS):
                self.is_in_cycle = False
                if self._done == self._campaigns:
                    self.whole_cycles.append(time.monotonic())


@dataclass
class Job:
    """Files in the folders for one campaign of the cycle."""

    downloads: int = 0
    half_written: int = 0
    files: int = 0
    seals: int = 0


@dataclass
class Watch:
    """Observer of one daemon. ``wire`` is the one to BigQuery, None for a DuckDB file."""

    data: Path
    daemon: Daemon
    clocks: list[Clockwork]
    log: Log
    wire: Wire | None
    on_end: Callable[[], None]
    """Called after a restart of an ended daemon."""
    jobs: dict[int, Job] = field(default_factory=dict)

    def wait_for(self, phases: set[str], seconds: float) -> None:
        """Wait until the daemon is in one of the phases, or until the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not phases & self.phases():
            time.sleep(LOOK_SECONDS)

    def wait_for_a_word(self, seconds: float) -> None:
        """Wait for the first log line. Before it, a process is importing, and takes signals like plain Python."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (self.phases() and self.log.has_spoken):
            time.sleep(LOOK_SECONDS)

    def wait_for_whole_cycle(self, seconds: float) -> bool:
        deadline, before = time.monotonic() + seconds, len(self.log.whole_cycles)
        while time.monotonic() < deadline:
            self.phases()
            if len(self.log.whole_cycles) > before:
                return True
            time.sleep(0.02)
        return False

    def phase(self, wished: str) -> str:
        """Return the wished phase if the daemon is in it, else the first of MOST_TELLING."""
        phases = self.phases()
        return wished if wished in phases else next(phase for phase in MOST_TELLING if phase in phases)

    def phases(self) -> set[str]:
        if self.daemon.start_again_if_it_ended():
            self.on_end()
        cycles = self.log.cycles
        self.log.look()
        if self.wire is not None and self.log.cycles > cycles:
            self.wire.begin_cycle()
        if not self.log.has_begun:
            return {START}
        if not self.log.is_in_cycle:
            return {BETWEEN}
        found = set(self._of_workers()) | set(self._of_commits())
        return found or {START}

    def _of_workers(self) -> Iterator[str]:
        self.jobs = self._jobs()
        for number, job in self.jobs.items():
            is_asked = number < len(self.clocks) and self.clocks[number].dialer.requests_now > 0
            if is_asked:
                yield DOWNLOAD
            elif job.half_written:
                yield SPOOL
            elif job.downloads:
                yield PARSE
        if any(clock.dialer.requests_now for clock in self.clocks):
            yield DOWNLOAD

    def _of_commits(self) -> Iterator[str]:
        ready = [job for job in self.jobs.values() if job.seals and not job.downloads and not job.half_written]
        if any(job.files for job in ready):
            yield COMMIT if self._is_in_commit() else BEFORE
        elif ready if self.wire is None else self.wire.is_after_commit:
            yield AFTER

    def _is_in_commit(self) -> bool:
        if self.wire is not None:
            return self.wire.is_in_commit
        with suppress(psutil.Error, OSError):
            if self.daemon.pid is not None:
                files = psutil.Process(self.daemon.pid).open_files()
                return any(file.path.endswith("calls.duckdb") for file in files)
        return False

    def _jobs(self) -> dict[int, Job]:
        """Return jobs by number of campaign and dialer. File names begin with the job, downloads with the run."""
        jobs: defaultdict[int, Job] = defaultdict(Job)
        for name in _names(self.data / "downloads"):
            jobs[int(name.split("-")[2])].downloads += 1
        for run in _names(self.data / "spool"):
            for name in _names(self.data / "spool" / run):
                job = jobs[int(name.split("-")[0])] if name[0].isdigit() else Job()
                job.half_written += name.endswith(".tmp")
                job.files += name.endswith(".parquet")
                job.seals += name.endswith(".sealed")
        return jobs


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:  # it is made, or removed, at this moment
        return []


assert set(MOST_TELLING) == set(PHASES)
