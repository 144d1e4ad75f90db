"""Jobs and their ends, as the parent and a worker process tell each other of them."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import logs
from config import Settings
from errors import SyncError
from messages import CampaignJob, CampaignOutcome, Failure
from utils import one_line

Work = Callable[[CampaignJob, Settings], CampaignOutcome]
Pipe: TypeAlias = "Connection[Any, Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a job. ``lost`` if its work did not return: only the spool knows its results then."""

    job: CampaignJob
    outcome: CampaignOutcome
    lost: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A job on its way to the worker."""

    work: Work
    job: CampaignJob
    settings: Settings


@dataclass(frozen=True, slots=True)
class Taken:
    """The worker's first answer to an order: it has begun."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The worker's last answer to an order. ``returned`` is False if the work raised an exception."""

    outcome: CampaignOutcome
    returned: bool


def lose_job(job: CampaignJob, error: SyncError) -> Ended:
    """Return the end of a job whose work did not return."""
    failure = Failure(error.label, one_line(logs.redact(str(error)), limit=1000))
    outcome = CampaignOutcome(job_id=job.job_id, campaign=job.campaign, failure=failure)
    return Ended(job=job, outcome=outcome, lost=True)


def describe(problem: BaseException) -> str:
    """Return an unexpected exception's type and place. Its text may hold a URL or a record, and is left out."""
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""  # noqa: PTH119 - the name alone
    return f"{type(problem).__name__}{place}"
