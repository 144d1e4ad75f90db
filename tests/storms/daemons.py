"""The daemon of a storm, restarted after each end like a service. Its leftovers are looked for."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

from tests.acceptance.programs import Program
from tests.storms.plans import INTERRUPT, START, TERMINATE
from tests.storms.reports import Report

GRACE_SECONDS = 3
ALLOWED_SECONDS = GRACE_SECONDS + 5
SECOND_SECONDS = 30
END_SECONDS = 2
"""Time for a worker to notice the closed pipe of its parent and to end."""
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
UNUSABLE, HELD = 3, 4
BEGINS = "Starting multiprocess campaign processing"


class Daemon:
    """main.py without a command. Its output is appended to ``log``."""

    def __init__(self, program: Program, log: Path, report: Report, own_codes: set[int]) -> None:
        self._program, self._report, self._own_codes = program, report, own_codes
        self.log = log.open("a", encoding="utf-8")
        self._process: subprocess.Popen[str] | None = None
        self._ever: set[psutil.Process] = set()
        """All processes ever seen for it."""

    def start(self) -> None:
        self.log.flush()
        self._process = self._program.start(output=self.log)
        self._ever.add(psutil.Process(self._process.pid))

    def note(self, text: str) -> None:
        """Write a note among the daemon's own lines."""
        self.log.write(f"=== {datetime.now():%H:%M:%S.%f} {text}\n")
        self.log.flush()

    @property
    def pid(self) -> int | None:
        """Return the process id. None if it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start_again_if_it_ended(self) -> bool:
        if self._process is None or self._process.poll() is None:
            return False
        code = self._process.returncode
        self._report.own_exits[code] += 1
        if code not in self._own_codes:
            self._report.problems.append(f"the daemon ended by itself with exit code {code}")
        self.start()
        return True

    def workers(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            if self.pid is not None:
                found = psutil.Process(self.pid).children(recursive=True)
                self._ever.update(found)
                return found
        return []

    def kill(self) -> None:
        """Kill the parent alone with SIGKILL. Its workers have to notice."""
        if self._process is not None:
            self.workers()
            self._process.kill()
            self._process.wait()
            self._process = None

    def end_in_order(self, name: str, phase: str, *, again_after: float | None = None) -> None:
        """Send a signal, and perhaps another one. It must end in time, with its exit code and without a traceback."""
        assert self._process is not None
        number = signal.SIGTERM if name == TERMINATE else signal.SIGINT
        workers, begun = self.workers(), time.monotonic()
        self._process.send_signal(number)
        if again_after is not None:
            time.sleep(again_after)
            self._process.send_signal(number)
        try:
            code = self._process.wait(ALLOWED_SECONDS)
        except subprocess.TimeoutExpired:
            self._report.problems.append(f"{name} {phase}: did not end within {ALLOWED_SECONDS} s")
            self.kill()
            return
        self._report.exits[phase].append(time.monotonic() - begun)
        if code != CODES[number]:
            self._report.problems.append(f"{name} {phase}: exit code {code}")
        elif phase != START and again_after is None:
            self._report.problems += [f"{name} {phase}: left {path}" for path in self._program.leftovers()]
            alive = psutil.wait_procs(workers, timeout=END_SECONDS)[1]
            self._report.problems += [f"{name} {phase}: left process {each.pid}" for each in alive if _runs(each)]
        self._process = None

    def try_a_second(self, program: Program, phase: str) -> None:
        """Start a second daemon. It must be refused, and begin nothing."""
        second = program.start()
        try:
            text, _ = second.communicate(timeout=SECOND_SECONDS)
        except subprocess.TimeoutExpired:
            second.kill()
            text, _ = second.communicate()
        own = program.leftovers() if program.data != self._program.data else []
        if second.returncode != HELD or BEGINS in text or own:
            self._report.problems.append(f"a second daemon {phase}: exit code {second.returncode}: {text[-300:]}")

    def survivors(self, seconds: float = 10) -> list[str]:
        """Return processes left running without a daemon, even ones never seen as its children."""
        psutil.wait_procs([each for each in self._ever if _runs(each)], timeout=seconds)
        return [f"process {each.pid}" for each in {*self._ever, *self._of_the_folder()} if _runs(each)]

    def _of_the_folder(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("DATA_DIR") == str(self._program.data) and process.pid != os.getpid():
                    yield process


def again_after(name: str, how: float) -> float | None:
    return None if name in (TERMINATE, INTERRUPT) else how * 0.3


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
