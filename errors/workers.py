"""Errors of worker processes: the campaign fails, and the next cycle reads the rest."""

from errors.branches import TransientError
from errors.labels import Label


class WorkerError(TransientError):
    """A campaign's worker did not do its work."""

    label = Label.FAILED
    advice = "The windows it had finished are kept; the next cycle reads the rest."


class WorkerDied(WorkerError):
    """Arguments: campaign, end of the process."""

    label = Label.WORKER_DIED
    happened = "The worker of campaign {0} died ({1})."


class WorkerNotStarted(WorkerError):
    """Arguments: campaign, type and place of the exception."""

    label = Label.WORKER_DIED
    happened = "No worker could be started for campaign {0}: {1}."


class CampaignTimeout(WorkerError):
    """Arguments: campaign, limit that was exceeded."""

    label = Label.TIMED_OUT
    happened = "Campaign {0} was ended: {1}."
    advice = (
        f"{WorkerError.advice} If that happens time and again, raise PROCESS_TIMEOUT, or lower MAX_CAMPAIGN_PROCESSES"
        " on an overloaded machine."
    )


class CampaignStopped(WorkerError):
    """Arguments: campaign."""

    label = Label.STOPPED
    happened = "The run was stopped before campaign {0} was read to its end."


class CampaignNotStarted(WorkerError):
    """Arguments: campaign."""

    label = Label.NOT_STARTED
    happened = "The run was stopped before campaign {0} was started."
    advice = "The next one reads it."


class WorkFailed(WorkerError):
    """Arguments: campaign, type and place of the exception."""

    happened = "Reading campaign {0} failed: {1}."
    advice = f"This is a bug of the program: report this line. {WorkerError.advice}"
