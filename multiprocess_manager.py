"""The pool: each campaign in a worker process, and one outcome per campaign whatever becomes of its worker.

It is handed the work and imports none of it. One worker process is described in `workers`.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import logs
from config import Settings
from errors import CampaignNotStarted, CampaignStopped, CampaignTimeout, Label, WorkerNotStarted, WorkFailed
from messages import CampaignJob, CampaignOutcome, SealedWindow
from utils import one_line
from workers.handles import Worker
from workers.jobs import Ended, Work, describe, lose_job

POLL_SECONDS = 0.1
START_SECONDS = 120.0  # for a worker to come up and take its job; a cold machine may need 20 for its imports
FINISH_SECONDS = 15.0  # for the supervisor to end every worker
REST_SECONDS = 2.0  # for log lines that are under way, of all workers together

Due = Callable[[Sequence[CampaignOutcome], timedelta], bool]
Recover = Callable[[CampaignJob], tuple[SealedWindow, ...]]

logger = logging.getLogger(__name__)


def run_jobs(
    jobs: Sequence[CampaignJob],
    work: Work,
    settings: Settings,
    *,
    recover: Recover,
    stop: threading.Event | None = None,
    due: Due = lambda _ready, _waited: True,
) -> Generator[list[CampaignOutcome], None, None]:
    """Run ``work(job, settings)`` for each job in a spawned worker. The largest start first, those marked alone last.

    Args:
        work: a function at the top level of a module; called in the worker.
        recover: returns the windows that a lost worker had sealed; called here, once that worker is gone.
        due: decides whether the outcomes that are ready are yielded now. Called again and again while the pool works,
            with these outcomes and the time since the first of them became ready.
        stop: when set, no further job starts, and running ones have ``settings.shutdown_grace`` to end.

    Yields:
        Groups of outcomes, never empty, while the pool goes on working. In all, one outcome per job: the one that
        ``work`` returned, or one with the label ``timed out``, ``worker died``, ``failed`` (or the label of the
        SyncError that was raised), ``stopped`` or ``not started``.
    """
    for client in (client for job in jobs for client in job.clients):
        logs.hide(client.source.password)
    left = list(jobs)
    supervisor = _Supervisor(jobs, work, settings, stop or threading.Event())
    supervisor.thread.start()
    try:
        yield from _group_due(supervisor, left, recover, due)
    finally:
        supervisor.abandoned.set()  # a caller that does not want the rest
        supervisor.thread.join(FINISH_SECONDS)
    if left:
        yield [_with_sealed(lose_job(job, WorkFailed(job.campaign, "the pool failed")), recover) for job in left]


def _group_due(
    supervisor: "_Supervisor", left: list[CampaignJob], recover: Recover, due: Due
) -> Iterator[list[CampaignOutcome]]:
    """Yield outcomes in groups as they are due, and at once if the run is about to end. ``left`` gets shorter."""
    ready: list[CampaignOutcome] = []
    since = time.monotonic()
    for turn in supervisor.results():
        since = since if ready else time.monotonic()
        for ended in turn:
            left.remove(ended.job)
            ready.append(_with_sealed(ended, recover))
        if ready and (supervisor.stop.is_set() or due(ready, timedelta(seconds=time.monotonic() - since))):
            yield ready
            ready = []
    if ready:
        yield ready


def _with_sealed(ended: Ended, recover: Recover) -> CampaignOutcome:
    if not ended.lost:
        return ended.outcome
    try:
        return replace(ended.outcome, sealed=recover(ended.job))
    except Exception as problem:  # noqa: BLE001 - one outcome per job in every case
        name = one_line(ended.job.campaign)
        logger.error("[%s] What its worker had finished cannot be recovered: %s", name, describe(problem))  # noqa: TRY400
        return ended.outcome


class _Supervisor:
    """Runs the workers in a thread of its own. None of them waits while the caller commits."""

    def __init__(self, jobs: Sequence[CampaignJob], work: Work, settings: Settings, stop: threading.Event) -> None:
        self.waiting = deque(sorted(jobs, key=lambda job: (job.alone, -job.size)))
        self.most = min(settings.max_campaign_processes, len(jobs))
        self.work, self.settings, self.stop = work, settings, stop
        self.idle: list[Worker] = []
        self.busy: list[Worker] = []
        self.over: list[Worker] = []
        self.grace_ends: float | None = None
        self.abandoned = threading.Event()
        self.changes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="pool supervisor", daemon=True)

    def results(self) -> Iterator[list[Ended]]:
        """Yield the jobs that have ended since the last look, perhaps none, until all are over.

        There is no untimed wait: on Windows it would not see Ctrl+C.
        """
        while self.thread.is_alive() or not self.ended.empty():
            ready: list[Ended] = []
            with suppress(queue.Empty):
                ready.append(self.ended.get(timeout=POLL_SECONDS))
                while not self.ended.empty():
                    ready.append(self.ended.get())
            yield ready

    def _run(self) -> None:
        try:
            while (self.waiting or self.busy) and not self.abandoned.is_set():
                self._turn()
        except Exception as problem:  # noqa: BLE001 - run_jobs gives the outcomes that are missing
            logger.error("The pool failed: %s", describe(problem))  # noqa: TRY400 - a traceback may hold secrets
        finally:
            for worker in self.idle + self.busy:
                self._end(worker)
            until = time.monotonic() + REST_SECONDS
            for worker in self.over:
                worker.wait_for_rest(until)

    def _turn(self) -> None:
        if self.stop.is_set():
            self._wind_down()
        while self.waiting and len(self.busy) < self._most_now():
            self._start(self.waiting.popleft())
        with suppress(queue.Empty):
            self.changes.get(timeout=POLL_SECONDS)
        for worker in tuple(self.busy):
            ended = worker.result() if worker.is_done() else self._check_time(worker)
            if ended is not None:
                self.busy.remove(worker)
                self._close(worker, ended)

    def _most_now(self) -> int:
        """Return how many jobs may run together with the next one."""
        if any(worker.job.alone for worker in self.busy):
            return 0
        return 1 if self.waiting[0].alone else self.most

    def _wind_down(self) -> None:
        if self.grace_ends is None:
            self.grace_ends = time.monotonic() + self.settings.shutdown_grace.total_seconds()
            for worker in self.busy:
                worker.send_stop()
        while self.waiting:
            self.ended.put(_skip(self.waiting.popleft()))

    def _start(self, job: CampaignJob) -> None:
        name = one_line(job.campaign)
        logger.info("Starting worker for campaign: %s (%d/%d)", name, len(self.busy) + 1, self.most)
        try:
            self.busy.append(self._assign(job))
        except RuntimeError as problem:  # no thread left
            self.ended.put(lose_job(job, WorkerNotStarted(job.campaign, describe(problem))))
        except Exception as problem:  # noqa: BLE001 - pickle raises errors of many types
            self.ended.put(lose_job(job, WorkFailed(job.campaign, describe(problem))))

    def _assign(self, job: CampaignJob) -> Worker:
        if job.alone:  # a worker that waits keeps what memory its last campaign took
            while self.idle:
                self._end(self.idle.pop())
        worker = self._idle_worker() or Worker(self.settings.log_level, lambda: self.changes.put(None))
        try:
            worker.assign(self.work, job, self.settings)
        except BaseException:
            self._end(worker)
            raise
        return worker

    def _idle_worker(self) -> Worker | None:
        while self.idle:
            worker = self.idle.pop()
            if worker.is_alive():
                return worker
            self._end(worker)
        return None

    def _check_time(self, worker: Worker) -> Ended | None:
        """Return the end of a job whose time is up; None before."""
        now, running_since = time.monotonic(), worker.taken_at
        limit = self.settings.process_timeout.total_seconds()
        if self.grace_ends is not None and (now > self.grace_ends or running_since is None):
            return _stop(worker.job) if running_since else _skip(worker.job)
        if running_since is not None and now > running_since + limit:
            return lose_job(worker.job, CampaignTimeout(worker.job.campaign, f"it took longer than {limit:g} seconds"))
        if running_since is None and now > worker.assigned_at + START_SECONDS:
            return lose_job(
                worker.job,
                CampaignTimeout(worker.job.campaign, f"its worker did not come up within {START_SECONDS:g} seconds"),
            )
        return None

    def _close(self, worker: Worker, ended: Ended) -> None:
        if ended.lost or not self.waiting:
            self._end(worker)  # before the spool is read: a worker that is gone writes nothing more
        else:
            self.idle.append(worker)
        if self.stop.is_set() and ended.outcome.label is Label.WORKER_DIED:  # a service manager signals all of a group
            ended = _stop(ended.job)
        self.ended.put(ended)

    def _end(self, worker: Worker) -> None:
        worker.end()
        self.over.append(worker)


def _skip(job: CampaignJob) -> Ended:
    return lose_job(job, CampaignNotStarted(job.campaign))


def _stop(job: CampaignJob) -> Ended:
    return lose_job(job, CampaignStopped(job.campaign))
