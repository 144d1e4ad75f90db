"""A daemon, with its cycles counted by the lines of its log."""

import re
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.acceptance.programs import Program

ENDED = ("Next cycle starts at ", "The cycle took longer than its interval")
RECORDS = re.compile(r"Total records processed: ([\d,]+)")
STOP_SECONDS = 60.0


class Cycles:
    """The daemon of a program, with its log in the program's folder. It is stopped at the end of the block."""

    def __init__(self, program: Program) -> None:
        self._path = program.folder / "daemon.log"
        self._writer = self._path.open("w", encoding="utf-8")
        self._reader = self._path.open(encoding="utf-8")
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._unread = ""
        self.ended = 0
        self.records = 0
        """Records read by the last cycle, by its summary."""

    def __enter__(self) -> Self:
        self._process = self._program.start(output=self._writer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._writer.close()
        self._reader.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def wait_for(self, cycle: int, *, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait for this number of ended cycles. ``meanwhile`` is called ten times a second."""
        deadline = time.monotonic() + seconds
        while self.ended < cycle:
            assert self._process is not None
            assert self._process.poll() is None, f"the daemon has ended:\n{self.log[-3000:]}"
            assert time.monotonic() < deadline, f"cycle {cycle} did not end in {seconds:g} s:\n{self.log[-3000:]}"
            meanwhile()
            time.sleep(0.1)
            *lines, self._unread = (self._unread + self._reader.read()).split("\n")
            self.ended += sum(any(words in line for words in ENDED) for line in lines)
            for told in filter(None, map(RECORDS.match, lines)):
                self.records = int(told[1].replace(",", ""))
