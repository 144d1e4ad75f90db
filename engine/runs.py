"""One cycle or backfill at work: its jobs in the pool, its commits, and its end."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

from config import Settings
from database import Warehouse
from dialers.fingerprints import make_account_key
from engine.batch_splitting import ROWS_PER_COMMIT, rows_of
from engine.commits import Commits
from engine.progress import Progress
from engine.run_results import RunResult
from engine.run_starts import RunStart
from errors import SyncError, raise_disk_full
from messages import CampaignJob, CampaignOutcome, ClientResult, RunEnd, SealedWindow
from multiprocess_manager import run_jobs
from spool.files import recover_windows, remove_run
from utils import utc_now
from workers.jobs import Work

LOG = logging.getLogger(__name__)


class Run:
    """One cycle or backfill between its start and its summary."""

    def __init__(
        self, start: RunStart, warehouse: Warehouse, settings: Settings, stop: threading.Event, closers: ExitStack
    ) -> None:
        """``closers``: the stack of what is closed at the end of the run."""
        self._start = start
        self._warehouse = warehouse
        self._settings = settings
        self._stop = stop
        self._closers = closers
        self._commits = Commits(start, warehouse, settings)
        self._progress = closers.enter_context(Progress())
        self._unread = list(start.unread)
        self.results: list[ClientResult] = []
        """One per client whose windows have been committed, or could not be."""

    def outcomes(self, jobs: Sequence[CampaignJob], work: Work) -> Iterator[list[CampaignOutcome]]:
        """Run the jobs in worker processes and yield outcomes as soon as a commit of them is due."""
        self._progress.expect(len(jobs))
        pool = run_jobs(
            jobs, work, self._settings, recover=self._recover_windows, stop=self._stop, due=self._is_commit_due
        )
        for outcomes in self._closers.enter_context(closing(pool)):
            self._progress.add(outcomes)
            yield outcomes

    def commit(self, outcomes: Sequence[CampaignOutcome]) -> None:
        """Commit outcomes. The first commit also records the rows that are not read."""
        unread, self._unread = self._unread, []
        self.results += self._commits.commit([*unread, *outcomes])

    def commit_unread(self) -> None:
        """Record the rows that are not read, if no commit has done so."""
        if self._unread:
            self.commit([])

    def end(self) -> RunResult:
        """End the run in the warehouse, and return its result."""
        start = self._start
        seconds = (utc_now() - start.started_at).total_seconds()
        billed = end_run(
            self._warehouse,
            RunEnd(run_id=start.facts.run_id, seconds=seconds, commit_seconds=self._commits.seconds),
        )
        return RunResult(
            start.facts.run_id, start.now, utc_now() - start.started_at, start.campaigns, tuple(self.results),
            start.harmless, billed, start.notices, self._warehouse.clock_gap,
        )  # fmt: skip

    def _recover_windows(self, job: CampaignJob) -> tuple[SealedWindow, ...]:
        return recover_windows(self._settings.data_dir, job)

    def _is_commit_due(self, ready: Sequence[CampaignOutcome], waited: timedelta) -> bool:
        """Tell whether a commit is due. In BigQuery few large commits are cheap, many small ones are not."""
        return waited >= self._warehouse.commits_after or sum(map(rows_of, ready)) >= ROWS_PER_COMMIT


@contextmanager
def open_run(start: RunStart, warehouse: Warehouse, settings: Settings, stop: threading.Event) -> Iterator[Run]:
    """Open a run. At its end no worker is left, and its spool is gone."""
    with raise_disk_full(settings.data_dir):
        make_account_key(settings.data_dir / "accounts")
    with ExitStack() as closers:
        closers.callback(remove_run, settings.data_dir, start.facts.run_id)  # the last one, after the workers
        run = Run(start, warehouse, settings, stop, closers)
        yield run
        run.commit_unread()


def end_run(warehouse: Warehouse, end: RunEnd) -> int | None:
    """Let the warehouse end a run, and return the bytes it was billed for.

    A failure takes nothing from the commits, and is logged.
    """
    try:
        return warehouse.end_run(end)
    except SyncError as exc:
        LOG.warning("What a run leaves beside its commits is missing: %s", exc)
        return None
