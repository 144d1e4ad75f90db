"""The parent's handles of worker processes."""

import logging
import multiprocessing
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

import logs
from config import Settings
from errors import WorkerDied, WorkerNotStarted
from messages import CampaignJob
from workers.jobs import Answer, Ended, Order, Pipe, Taken, Work, describe, lose_job
from workers.loop import serve
from workers.starting import WorkerProcess, set_frugal_environment

END_SECONDS = 5.0  # until a killed process is gone; longer only where the kernel holds it
SHORT_OF_MEMORY = (-9, -6, 0xC0000017, 0xC000012D)
"""SIGKILL, as the system does it; SIGABRT, as a C++ library does it; no memory, no commit on Windows."""

logger = logging.getLogger(__name__)
_starting = threading.Lock()  # the environment belongs to the whole process


class Worker:
    """The parent's handle of one worker process. It takes one job after the other until it is ended.

    A thread starts the process, sends the jobs and receives the answers, so that a slow start
    or a process that reads nothing does not keep the caller waiting.
    """

    job: CampaignJob
    assigned_at: float
    taken_at: float | None
    """Monotonic moments; ``taken_at`` is None until the process has begun the job."""

    def __init__(self, log_level: str, report_change: Callable[[], None]) -> None:
        """Prepare a worker. ``report_change`` is called, in a thread, after each answer and at the process's end."""
        self._log_level, self._report_change = log_level, report_change
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process: SpawnProcess | None = None
        self._stop_writer: Pipe | None = None
        self._answer: Answer | None = None
        self._start_problem: BaseException | None = None
        self._is_ending = self._is_gone = False
        self._thread = threading.Thread(target=self._converse, name="worker", daemon=True)

    def assign(self, work: Work, job: CampaignJob, settings: Settings) -> None:
        """Give the worker its next job.

        Raises:
            RuntimeError: the machine has no thread left.
            Exception: whatever pickle raises for work that cannot be sent.
        """
        order = pickle.dumps(Order(work, job, settings))
        self.job, self.assigned_at, self.taken_at, self._answer = job, time.monotonic(), None, None
        self._orders.put(order)
        if not self._thread.is_alive():
            self._thread.start()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def is_done(self) -> bool:
        """Return whether ``result`` has something to return."""
        return self._answer is not None or self._is_gone

    def result(self) -> Ended:
        """Return the end of the job. Call it only when ``is_done``."""
        if self._answer is not None:
            return Ended(job=self.job, outcome=self._answer.outcome, lost=not self._answer.returned)
        name = self.job.campaign
        if self._start_problem is not None:
            return lose_job(self.job, WorkerNotStarted(name, describe(self._start_problem)))
        code = self._exit_code()
        ended = lose_job(self.job, WorkerDied(name, _ending(code)))
        return replace(ended, outcome=replace(ended.outcome, short_of_memory=code in SHORT_OF_MEMORY))

    def send_stop(self) -> None:
        """Make ``stop_requested`` true in the worker. A process that hangs does not block this."""
        with suppress(OSError):  # it is dead
            if self._stop_writer is not None:
                self._stop_writer.send_bytes(b"stop")

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self._is_ending = True
        self._orders.put(None)
        with _starting:
            process = self._process
        if process is not None:
            process.kill()
            process.join(END_SECONDS)

    def wait_for_rest(self, until: float) -> None:
        """Let the last log lines arrive, after ``end`` and until that monotonic moment at the latest."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, until - time.monotonic()))

    def _converse(self) -> None:
        """Start the process, then send it one order after the other and receive its answers. Runs in the thread."""
        connection = None
        try:
            connection = self._start_process()
            while connection is not None and (order := self._orders.get()) is not None:
                connection.send_bytes(order)
                self._receive_answer(connection)
        except (EOFError, OSError):
            pass  # it died
        except Exception as problem:  # noqa: BLE001 - it was killed while it sent: anything may be left of its answer
            logger.debug("A worker's answer cannot be read: %s", describe(problem))
        finally:
            for end in (connection, self._stop_writer):
                if end is not None:
                    end.close()
            self._is_gone = True
            self._report_change()

    def _start_process(self) -> "Pipe | None":
        """Return the parent's end of the pipe. None if the worker was ended before."""
        spawn = multiprocessing.get_context("spawn")
        try:
            with _starting, set_frugal_environment():
                if self._is_ending:
                    return None
                ours, theirs = spawn.Pipe()
                stop_reader, self._stop_writer = spawn.Pipe(duplex=False)
                process = WorkerProcess(target=serve, args=(theirs, stop_reader, self._log_level), daemon=True)
                process.start()
                self._process = process
        except Exception as problem:
            self._start_problem = problem
            raise
        theirs.close()  # its death is seen as the end of the pipe only if nobody else holds that end
        stop_reader.close()
        return ours

    def _receive_answer(self, connection: Pipe) -> None:
        """Receive log records and answers until the job's last one.

        On Windows the pipe of a process that was killed while it started stays half open, hence the sentinel.
        """
        assert self._process is not None
        while self._answer is None:
            if connection not in wait([connection, self._process.sentinel]):
                raise EOFError
            message = pickle.loads(connection.recv_bytes())  # noqa: S301 - from our own process, by a pipe of its own
            if isinstance(message, logging.LogRecord):
                logs.handle(message)
            elif isinstance(message, Taken):
                self.taken_at = time.monotonic()
            else:
                self._answer = message
        self._report_change()

    def _exit_code(self) -> int | None:
        if self._process is None:
            return None
        self._process.join(END_SECONDS)
        return self._process.exitcode


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}" if code is None or code < 256 else f"exit code {code:#x}"
    with suppress(ValueError):
        name = signal.Signals(-code).name
        return f"{name}, perhaps out of memory: see MAX_CAMPAIGN_PROCESSES" if name == "SIGKILL" else name
    return f"signal {-code}"
