"""Runs jobs through the pool and commits what is ready, for cycles and backfills alike."""

import logging
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from campaign_processor import process_campaign
from commands.progress import Progress
from config import Settings
from database import Warehouse
from dialers.accounts import make_key
from errors import (
    BatchRefused,
    PhoneKeyLost,
    SyncError,
    WarehouseAway,
    WarehouseError,
    full_disk_named,
)
from messages import (
    CLOCK_TOLERANCE,
    Batch,
    CampaignJob,
    CampaignOutcome,
    ClientResult,
    Credential,
    RunEnd,
    SealedWindow,
    SkippedRow,
)
from multiprocess_manager import run_jobs
from schedules.histories import History, batch_of, committed, oldest_day_of_interest
from schedules.troubles import Troubles
from schedules.zones import has_one_zone
from spools import phones
from spools.files import recovered, remove_files, remove_run
from utils import one_line, utc_now

LOG = logging.getLogger(__name__)

ROWS_PER_COMMIT = 1_000_000
"""Some hundred bytes each on their way: more rows at once gain nothing and can be refused as a whole."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one cycle or backfill did."""

    run_id: str
    started_at: datetime
    duration: timedelta
    campaigns: tuple[str, ...]
    results: tuple[ClientResult, ...]
    skipped: tuple[SkippedRow, ...]
    """Rows that nothing has to be done about; one that cannot be used is among the results."""
    bytes_billed: int | None = None
    """What the warehouse charges for; None where it charges nothing."""

    @property
    def all_well(self) -> bool:
        """Of every client; quarantined records are no failure."""
        return all(result.is_well for result in self.results) and not self.clock_gap

    @property
    def clock_gap(self) -> timedelta | None:
        """By how much this machine's clock is behind, as most dialers say; None where they do not contradict it."""
        return clock_gap(self.results)


def clock_gap(results: Iterable[ClientResult]) -> timedelta | None:
    """Return by how much most of the dialers that tell their clock contradict this machine's, if they do."""
    told = {result.source_key: result.clock_gap for result in results if result.clock_gap is not None}
    wrong = sorted(gap for gap in told.values() if abs(gap) > CLOCK_TOLERANCE)
    return wrong[len(wrong) // 2] if 2 * len(wrong) > len(told) else None


@dataclass(frozen=True, slots=True)
class Run:
    """One cycle or backfill: what it started from, and where it commits to."""

    run_id: str
    started_at: datetime
    warehouse: Warehouse
    settings: Settings
    sources: Sequence[Credential]
    history: History
    stop: threading.Event
    progress: Progress
    clock_shift: timedelta = timedelta()
    """How far this run's idea of now lies from the machine's clock; a demo works on a past afternoon."""
    unread: Sequence[CampaignOutcome] = ()
    """Why rows of the credentials table are not read at all; kept in the run history with the first commit."""
    commit_seconds: list[float] = field(default_factory=list)
    troubles: Troubles | None = None
    """Told what became of each campaign; None where the next plan does not depend on it."""

    def results(self, jobs: Sequence[CampaignJob]) -> Iterator[ClientResult]:
        """One per client, after the transaction that committed its windows."""
        with full_disk_named(self.settings.data_dir):
            make_key(self.settings.data_dir / "accounts")
        self.progress.expect(len(jobs))
        forgotten = forgotten_numbers(self.warehouse, self.settings)
        shifted = [replace(job, clock_shift=self.clock_shift, forgotten=forgotten) for job in jobs]
        pool = run_jobs(
            shifted, process_campaign, self.settings, recover=self._recovered, stop=self.stop, due=self._is_due
        )
        unread = list(self.unread)
        hosts = {source.source_key: source.origin for source in self.sources}
        try:
            with closing(pool):  # whatever happens, no worker is left when the spool goes
                for ready in pool:
                    self.progress.add(ready)
                    if self.troubles is not None:
                        self.troubles.note(ready, hosts)
                    for part in parts([*unread, *ready]):
                        yield from self._committed(part)
                    unread = []
            if unread:
                yield from self._committed(unread)
        finally:
            remove_run(self.settings.data_dir, self.run_id)

    def _is_due(self, ready: Sequence[CampaignOutcome], waited: timedelta) -> bool:
        """Whether what is ready is committed now: in BigQuery few large commits are cheap, many small ones are not."""
        return waited >= self.warehouse.commits_after or sum(map(rows_of, ready)) >= ROWS_PER_COMMIT

    def _recovered(self, job: CampaignJob) -> tuple[SealedWindow, ...]:
        return recovered(self.settings.data_dir, job)

    @property
    def _has_patience(self) -> bool:
        """Whether there is time to look for the culprit; where every half is refused it would take hours."""
        until = self.warehouse.patient_until
        return until is None or utc_now() < until

    def _committed(self, outcomes: Sequence[CampaignOutcome]) -> list[ClientResult]:
        """Commit together; a batch that fails for what is in it is halved until the culprit stands alone."""
        batch = batch_of(
            outcomes, self.history, self.sources, self.settings, self.run_id,
            planned_at=self.started_at, committed_at=utc_now(),
        )  # fmt: skip
        try:
            results = self._commit(batch)
        except WarehouseAway as exc:  # nothing of it counts as read, so that the next cycle asks for it again
            LOG.error("%s", exc)  # noqa: TRY400 - its text says all
            return [result for outcome in outcomes for result in _not_committed(outcome, exc)]
        except BatchRefused as exc:
            if len(outcomes) > 1 and self._has_patience:
                half = len(outcomes) // 2
                return self._committed(outcomes[:half]) + self._committed(outcomes[half:])
            campaigns = ", ".join(one_line(outcome.campaign) for outcome in outcomes)
            LOG.error("%s: %s", campaigns, exc)  # noqa: TRY400 - its text says all
            return self._refused(outcomes, exc)
        committed(self.history, batch)
        remove_files(tuple(window for outcome in outcomes for window in outcome.sealed))
        return results

    def _commit(self, batch: Batch) -> list[ClientResult]:
        began = time.monotonic()
        try:
            return self.warehouse.commit(batch)
        finally:
            self.commit_seconds.append(time.monotonic() - began)

    def _refused(self, outcomes: Sequence[CampaignOutcome], exc: BatchRefused) -> list[ClientResult]:
        """Nothing of them is committed but that they failed, and why."""
        results = [result for outcome in outcomes for result in _not_committed(outcome, exc)]
        told = [_only_failure(outcome, exc) for outcome in outcomes]
        with suppress(SyncError):  # it is in the log and in the summary all the same
            self._commit(
                batch_of(told, self.history, self.sources, self.settings, self.run_id,
                planned_at=self.started_at, committed_at=utc_now())
            )  # fmt: skip
        return results


def forgotten_numbers(warehouse: Warehouse, settings: Settings) -> frozenset[str]:
    """Hashes of the phone numbers that no worker may spool; the workers' key is there afterwards, if they need one.

    Raises:
        PhoneKeyLost: these hashes were made with another key, and would match nothing.
    """
    forgotten = warehouse.forgotten()
    if forgotten or settings.phone_mode != "full":
        phones.make_key(settings.data_dir)
    if forgotten and set(forgotten.values()) != {phones.PhoneKey(settings.data_dir).key_id}:
        raise PhoneKeyLost(settings.data_dir / phones.KEY_FILE)
    return frozenset(forgotten)


def rows_of(outcome: CampaignOutcome) -> int:
    return sum(window.rows for window in outcome.sealed)


def parts(outcomes: Sequence[CampaignOutcome]) -> Iterator[list[CampaignOutcome]]:
    """The same in commits of a bearable size; one campaign is never divided."""
    part: list[CampaignOutcome] = []
    for outcome in outcomes:
        if part and sum(map(rows_of, part)) + rows_of(outcome) > ROWS_PER_COMMIT:
            yield part
            part = []
        part.append(outcome)
    if part:
        yield part


def new_run_id(now: datetime) -> str:
    """Sortable, unique, and usable as a file name on every system."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def campaign_names(usable: Sequence[Credential], skipped: Sequence[SkippedRow]) -> tuple[str, ...]:
    """Every campaign that has a row to read, or one that should be readable and is not; each once, in order."""
    names = [source.campaign for source in usable] + [row.campaign for row in skipped if row.failed]
    return tuple(dict.fromkeys(names))


def read_history(
    warehouse: Warehouse, sources: Sequence[Credential], settings: Settings, now: datetime, *, since: date | None = None
) -> History:
    """Watermarks, and the hours that matter to a plan, at the latest from ``since`` on."""
    watermarks = warehouse.watermarks()
    oldest = oldest_day_of_interest(sources, watermarks, settings, now)
    keys = [source.source_key for source in sources if not has_one_zone(source, watermarks.get(source.source_key))]
    history = History.of(watermarks, warehouse.hours(min(oldest, since or oldest), keys))
    history.doubt_the_future(sources, now)
    return history


def ended(run: Run, duration: timedelta) -> int | None:
    """What a run was billed for, once the warehouse has finished it."""
    commit_seconds = sum(run.commit_seconds)
    return finished(
        run.warehouse, RunEnd(run_id=run.run_id, seconds=duration.total_seconds(), commit_seconds=commit_seconds)
    )


def finished(warehouse: Warehouse, end: RunEnd) -> int | None:
    """Let the warehouse finish a run; what it was billed for. A failure here takes nothing from what is committed."""
    try:
        return warehouse.end_run(end)
    except SyncError as exc:
        LOG.warning("What a run leaves beside its commits is missing: %s", exc)
        return None


def _not_committed(outcome: CampaignOutcome, exc: WarehouseError) -> list[ClientResult]:
    """The campaign failed as a whole; what had failed before keeps its own reason."""
    failed = [
        ClientResult(
            source_key=client.source_key, campaign=client.campaign, client_id=client.client_id,
            client_name=client.client_name, failure=client.failure, label=client.label,
        )
        for client in outcome.clients
        if client.failure
    ]  # fmt: skip
    if failed and not outcome.sealed:
        return failed
    whole = ClientResult(
        source_key="", campaign=outcome.campaign, client_id="", client_name="", failure=str(exc), label=exc.label
    )
    return [whole, *failed]


def _only_failure(outcome: CampaignOutcome, exc: BatchRefused) -> CampaignOutcome:
    """What the run history says of a campaign whose rows were refused; logins that were, stay remembered."""
    clients = tuple(
        client if client.failure else replace(client, failure=str(exc), label=exc.label) for client in outcome.clients
    )
    return replace(outcome, sealed=(), clients=clients, failure=str(exc), label=exc.label)
