"""Commits outcomes to the warehouse. A batch that it refuses is split until the window at fault stands alone."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from config import Settings
from database import Warehouse
from engine.batch_splitting import commit_groups, split_outcome
from engine.failed_commits import failures_only, results_not_committed
from engine.run_starts import RunStart
from errors import BatchRefused, SyncError, WarehouseAway
from messages import Batch, CampaignOutcome, ClientResult
from planning.batches import build_batch
from spool.files import remove_files
from utils import one_line, utc_now

LOG = logging.getLogger(__name__)


class Commits:
    """The commits of one run, and the history that grows with them."""

    def __init__(
        self, start: RunStart, warehouse: Warehouse, settings: Settings, *, began: float | None = None
    ) -> None:
        """``began``: start of the run by the monotonic clock, if that was earlier than now."""
        self._start = start
        self._warehouse = warehouse
        self._settings = settings
        self._began = time.monotonic() if began is None else began
        self.seconds = 0.0
        """Time spent in the warehouse."""

    def commit(self, outcomes: Sequence[CampaignOutcome]) -> list[ClientResult]:
        """Commit outcomes in groups of at most ROWS_PER_COMMIT rows, and delete their files from the spool.

        Returns:
            One result per client, or one per campaign that failed as a whole.
        """
        return [result for group in commit_groups(outcomes) for result in self._commit_or_split(group)]

    def _commit_or_split(self, outcomes: Sequence[CampaignOutcome]) -> list[ClientResult]:
        batch = self._batch(outcomes)
        try:
            results = self._commit(batch)
        except WarehouseAway as exc:  # nothing of it counts as read, so that the next cycle asks for it again
            LOG.error("%s", exc)  # noqa: TRY400 - its text says all
            return results_not_committed(outcomes, exc)
        except BatchRefused as exc:
            several = outcomes if len(outcomes) > 1 else split_outcome(outcomes[0])
            if len(several) > 1 and self._has_time_to_split:
                half = len(several) // 2
                return self._commit_or_split(several[:half]) + self._commit_or_split(several[half:])
            campaigns = ", ".join(one_line(outcome.campaign) for outcome in outcomes)
            LOG.error("%s: %s", campaigns, exc)  # noqa: TRY400 - its text says all
            return self._record_refused(outcomes, exc)
        self._start.history.apply(batch)
        remove_files(tuple(window for outcome in outcomes for window in outcome.sealed))
        return results

    @property
    def _has_time_to_split(self) -> bool:
        """Tell whether the window at fault may be searched for. Where every half is refused, that would take hours.

        The monotonic clock counts too: after this machine's clock is set back, ``patient_until`` may be a day away.
        """
        until = self._warehouse.patient_until
        lasted = timedelta(seconds=time.monotonic() - self._began)
        return until is None or (utc_now() < until and lasted < self._settings.cycle_interval)

    def _batch(self, outcomes: Sequence[CampaignOutcome]) -> Batch:
        start = self._start
        return build_batch(
            outcomes, start.history, start.sources, self._settings, start.facts.run_id,
            planned_at=start.now, committed_at=utc_now(),
        )  # fmt: skip

    def _commit(self, batch: Batch) -> list[ClientResult]:
        began = time.monotonic()
        try:
            return self._warehouse.commit(batch)
        finally:
            self.seconds += time.monotonic() - began

    def _record_refused(self, outcomes: Sequence[CampaignOutcome], exc: BatchRefused) -> list[ClientResult]:
        """Commit the failure alone, without any rows."""
        with suppress(SyncError):  # it is in the log and in the summary all the same
            self._commit(self._batch([failures_only(outcome, exc) for outcome in outcomes]))
        return results_not_committed(outcomes, exc)
