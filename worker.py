"""One worker process: how the parent gives it a campaign, stops it and ends it, and what it does itself.

Every worker has a Pebble pool of its own: in a shared one, a worker that is killed half through a result, or while it
holds the lock, hangs its neighbours for good. Each has two pipes as well: its log lines come through one, the other
tells it to stop. Nothing that a killed worker could leave locked is shared with anybody.
"""

import ctypes
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import RLock
from typing import Any, TypeAlias

from pebble import ProcessExpired, ProcessFuture, ProcessPool

import logs
from config import Settings
from errors import SyncError
from messages import CampaignJob, CampaignOutcome
from stops import request_stop
from utils import one_line

END_SECONDS = 5.0  # until a killed process is gone; longer only where the kernel holds it
PARENT_GONE = 3  # exit code of a worker that lost its parent
FRUGAL = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # one worker, one core: campaigns run side by side
    "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2",  # give memory back: 205 MB instead of 370
}  # fmt: skip
SHORT_OF_MEMORY = (-9, -6, 0xC0000017, 0xC000012D)
"""SIGKILL, as the system does it; SIGABRT, as a C++ library does it; no memory, no commit on Windows."""
NEXT_TIME = "The windows it had finished are kept; the next cycle reads the rest."

Work = Callable[[CampaignJob, Settings], CampaignOutcome]
Pipe: TypeAlias = "Connection[Any, Any]"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that is over; ``lost`` where its work did not return, so that only the spool knows what it did."""

    job: CampaignJob
    outcome: CampaignOutcome
    lost: bool


def lost(job: CampaignJob, label: str, failure: str | None) -> Ended:
    """The end of a job whose work did not return."""
    text = None if failure is None else one_line(failure, limit=1000)
    outcome = CampaignOutcome(job_id=job.job_id, campaign=job.campaign, failure=text, label=label)
    return Ended(job=job, outcome=outcome, lost=True)


def description(problem: BaseException) -> str:
    """An unexpected exception's type and place; its text may hold a URL or a record, so that it is left out."""
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""  # noqa: PTH119
    return f"{type(problem).__name__}{place}"


class Worker:
    """The parent's side of one worker process; it takes one job after the other until it is ended."""

    job: CampaignJob
    future: "ProcessFuture[tuple[CampaignOutcome, bool]]"
    given_at: float

    def __init__(self, log_level: str) -> None:
        self._context = _OneProcess()
        log_reader, log_writer = self._context.Pipe(duplex=False)
        stop_reader, self._stop_writer = self._context.Pipe(duplex=False)
        self._childs_ends = (log_writer, stop_reader)
        self._pool = ProcessPool(1, initializer=_begin, initargs=(*self._childs_ends, log_level), context=self._context)
        self._threads = [threading.Thread(target=logs.receive, args=(log_reader,), daemon=True)]
        self._threads[0].start()
        self._running_since: float | None = None

    def give(self, work: Work, job: CampaignJob, settings: Settings) -> None:
        """Start the process if it is not there yet, and hand it the job."""
        self.job, self.given_at, self._running_since = job, time.monotonic(), None
        with _frugal_environment():
            self.future = self._pool.schedule(_perform, args=(work, job, settings))
        for end in self._childs_ends:  # the worker has its own now, and its death must be seen as the end of the pipe
            end.close()

    def is_alive(self) -> bool:
        """Whether the process is there, or will be."""
        return self._context.process is None or self._context.process.is_alive()

    def running_since(self) -> float | None:
        """When the worker was first seen to have taken the job; None before."""
        if self._running_since is None and self.future.running():
            self._running_since = time.monotonic()
        return self._running_since

    def result(self) -> Ended:
        """How the job ended; only when ``future`` is done."""
        problem = self.future.exception(timeout=0)
        if problem is None:
            outcome, returned = self.future.result(timeout=0)
            return Ended(job=self.job, outcome=outcome, lost=not returned)
        name = self.job.campaign
        if isinstance(problem, (ProcessExpired, RuntimeError)):  # BrokenProcessPool: it died before it took the job
            failure = f"The worker of campaign {name} died ({self._ending()}). {NEXT_TIME}"
            ended = lost(self.job, "worker died", failure)
            outcome = replace(ended.outcome, short_of_memory=self._exit_code() in SHORT_OF_MEMORY)
            return replace(ended, outcome=outcome)
        return lost(self.job, "failed", f"Campaign {name} could not be given to a worker: {description(problem)}.")

    def tell_to_stop(self) -> None:
        """Make ``stop_requested`` true in the worker; one that hangs cannot make this wait."""
        with suppress(OSError):  # it is dead
            self._stop_writer.send_bytes(b"stop")

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        if self._context.process is not None and self._context.process.pid is not None:
            self._context.process.kill()
            self._context.process.join(END_SECONDS)
        for end in (*self._childs_ends, self._stop_writer):
            end.close()
        self._threads.append(threading.Thread(target=self._pool.join, name="worker end", daemon=True))
        self._threads[-1].start()

    def wait_for_rest(self, until: float) -> None:
        """After ``end``, and no longer than that monotonic moment: let its last log lines arrive, its threads end."""
        for thread in self._threads:  # on Windows, the pipe of a process killed while it came up stays half open
            thread.join(max(0.0, until - time.monotonic()))

    def _exit_code(self) -> int | None:
        process = self._context.process
        if process is None or process.pid is None:
            return None
        process.join(END_SECONDS)
        return process.exitcode

    def _ending(self) -> str:
        if self._context.process is None or self._context.process.pid is None:
            return "it could not be started"
        code = self._exit_code()
        if code is None or code >= 0:
            return f"exit code {code}" if code is None or code < 256 else f"exit code {code:#x}"
        with suppress(ValueError):
            name = signal.Signals(-code).name
            return f"{name}, perhaps out of memory: see MAX_CAMPAIGN_PROCESSES" if name == "SIGKILL" else name
        return f"signal {-code}"


class _WorkerProcess(SpawnProcess):
    """Deaf to Ctrl+C from its first moment on: until Pebble ignores it there, an interpreter starts and imports."""

    def start(self) -> None:
        with _ctrl_c_kept_from_children():
            super().start()


class _OneProcess:
    """What Pebble asks of a spawn context, for one process only: a second one would come with the first one's pipes."""

    def __init__(self) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self.process: SpawnProcess | None = None

    def Process(self, **arguments: Any) -> SpawnProcess:  # noqa: N802 - multiprocessing's names
        if self.process is not None:
            raise OSError("a pool of one process has lost it")  # what Pebble takes for a pool that is broken
        self.process = _WorkerProcess(**arguments)
        return self.process

    def Pipe(self, duplex: bool = True) -> tuple[Pipe, Pipe]:  # noqa: N802
        return self._spawn.Pipe(duplex)

    def RLock(self) -> RLock:  # noqa: N802
        return self._spawn.RLock()

    def get_start_method(self) -> str:
        return self._spawn.get_start_method()


if sys.platform == "win32":

    @contextmanager
    def _ctrl_c_kept_from_children() -> Iterator[None]:
        """Inherited there; a Ctrl+C of these few milliseconds is lost on this process too."""
        kernel = ctypes.windll.kernel32
        kernel.SetConsoleCtrlHandler(None, True)
        try:
            yield
        finally:
            kernel.SetConsoleCtrlHandler(None, False)

else:

    @contextmanager
    def _ctrl_c_kept_from_children() -> Iterator[None]:
        """They inherit the mask. Set here and not earlier: a resource tracker that is started sets it back."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _frugal_environment() -> Iterator[None]:
    """Set here and not in the worker: it imports the main module, and numpy with it, before anything of ours runs."""
    added = {name: value for name, value in FRUGAL.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _begin(log_writer: Pipe, stop_reader: Pipe, log_level: str) -> None:
    """Pebble's initializer, first thing in the worker; SIGINT is ignored by then, the parent decides."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Pebble's handler waits for the interpreter, and exits with 15
    logs.send_to(log_writer, log_level)
    threading.Thread(target=_listen, args=(stop_reader,), name="parent's word", daemon=True).start()


def _listen(stop_reader: Pipe) -> None:
    """Take the parent's word to stop; a busy worker sees only here that the parent was killed."""
    with suppress(EOFError, OSError):
        while stop_reader.recv_bytes():
            request_stop()
    os._exit(PARENT_GONE)


def _perform(work: Work, job: CampaignJob, settings: Settings) -> tuple[CampaignOutcome, bool]:
    """In the worker: the work's outcome and True; or False, where it raised or returned what cannot be sent."""
    logs.name_campaign(one_line(job.campaign))
    for client in job.clients:
        logs.hide(client.credential.password)
    try:
        outcome = work(job, settings)
        pickle.dumps(outcome)  # Pebble's worker would die of some that cannot be pickled
        if type(outcome) is CampaignOutcome:
            return outcome, True
        failure, label = f"The work returned {type(outcome).__name__}. {NEXT_TIME}", "failed"
    except SyncError as problem:
        failure, label = str(problem), problem.label
    except BaseException as problem:  # noqa: BLE001 - SystemExit too: whatever it is, it costs this campaign only
        logger.debug("Raised at:\n%s", "".join(traceback.format_tb(problem.__traceback__)))
        failure = f"Reading campaign {job.campaign} failed: {description(problem)}."
        failure, label = f"{failure} This is a bug of the program: report this line. {NEXT_TIME}", "failed"
    return lost(job, label, logs.redact(failure)).outcome, False
