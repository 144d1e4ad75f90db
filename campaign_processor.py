"""The work of one worker: read the windows of a campaign's clients, and leave typed rows in the spool.

Several clients are downloaded at a time, but one answer is parsed at a time. So the memory of a worker does not grow
with the number of its clients.
"""

import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from config import Settings
from errors import Label
from messages import CampaignJob, CampaignOutcome, ClientOutcome
from pandas_on_demand import import_pandas_on_demand
from reading.clients import ClientReader
from reading.unforeseen_failures import build_unforeseen_failure
from utils import utc_now


def process_campaign(job: CampaignJob, settings: Settings) -> CampaignOutcome:
    """Read the windows of a job, as many as can be started in time. Never raises.

    Per client, in threads: download each window, prove the answer, parse it in chunks, spool the rows, seal the window.
    """
    try:
        import_pandas_on_demand()
        if job.alone:
            settings = replace(settings, concurrent_requests=1, db_batch_size=1)
        readers = build_readers(job, settings)
        outcomes = read_concurrently(plan_order(readers, job), settings.concurrent_requests)
        return build_outcome(job, readers, outcomes)
    except Exception as exc:  # noqa: BLE001 - the process boundary: nothing may escape it
        failure = build_unforeseen_failure(exc, job.campaign)
        return CampaignOutcome(
            job_id=job.job_id, campaign=job.campaign, failure=failure,
            short_of_memory=failure.kind is Label.OUT_OF_MEMORY,
        )  # fmt: skip


def build_readers(job: CampaignJob, settings: Settings) -> Sequence[ClientReader]:
    parsing = threading.Lock()
    ends = time.monotonic() + time_for_windows(job, settings, utc_now()).total_seconds()
    return [
        ClientReader(client, number, job, settings, parsing=parsing, ends=ends)
        for number, client in enumerate(job.clients)
    ]


def time_for_windows(job: CampaignJob, settings: Settings, now: datetime) -> timedelta:
    """Return for how long a worker may start windows.

    A cycle's job is planned for one interval at most, or two if it runs alone after the others. More than that comes
    from a machine whose clock was set back since.
    """
    left = job.no_new_window_after - job.clock_shift - now
    return left if job.backfill_id is not None else min(left, settings.cycle_interval * (2 if job.alone else 1))


def plan_order(readers: Sequence[ClientReader], job: CampaignJob) -> Sequence[ClientReader]:
    """Put the clients of a job that runs alone in another order in each run.

    A client that takes all the time, or the memory of the worker, is then not always first. By their age it would be
    first, and nobody else would ever be read.
    """
    if not job.alone:
        return readers
    return Random(job.run_id).sample(readers, len(readers))  # noqa: S311 - fairness, no secret


def read_concurrently(readers: Sequence[ClientReader], most: int) -> dict[ClientReader, ClientOutcome]:
    """Run the readers and return each outcome. Start one only when its host has a free connection."""
    waiting = list(readers)
    running: dict[Future[ClientOutcome], ClientReader] = {}
    outcomes: dict[ClientReader, ClientOutcome] = {}
    with ThreadPoolExecutor(min(most, len(readers)), "client") as threads:
        while waiting or running:
            while len(running) < most and (following := _choose_next(waiting, running.values())):
                waiting.remove(following)
                running[threads.submit(following.read)] = following
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcomes[running.pop(future)] = future.result()
    return outcomes


def _choose_next(waiting: Sequence[ClientReader], running: Collection[ClientReader]) -> ClientReader | None:
    """Return the first reader of the least busy host. None if no host has a free connection."""
    busy = Counter(reader.host for reader in running)
    free = (reader for reader in waiting if busy[reader.host] < reader.connections)
    return min(free, key=lambda reader: busy[reader.host], default=None)


def build_outcome(
    job: CampaignJob, readers: Sequence[ClientReader], outcomes: dict[ClientReader, ClientOutcome]
) -> CampaignOutcome:
    clients = tuple(outcomes[reader] for reader in readers)
    return CampaignOutcome(
        job_id=job.job_id,
        campaign=job.campaign,
        sealed=tuple(window for reader in readers for window in reader.sealed),
        clients=clients,
        refused=tuple(reader.refused for reader in readers if reader.refused),
        short_of_memory=any(client.label is Label.OUT_OF_MEMORY for client in clients),
    )
