"""The loop inside a worker process: one job after the other, until the parent closes the pipe."""

import logging
import os
import pickle
import signal
import threading
import traceback
from contextlib import suppress

import logs
from errors import SyncError, WorkFailed
from messages import CampaignOutcome
from shutdown import request_stop
from utils import one_line
from workers.jobs import Answer, Order, Pipe, Taken, describe, lose_job

PARENT_GONE = 3  # exit code of a worker without parent

logger = logging.getLogger(__name__)


def serve(connection: Pipe, stop_reader: Pipe, log_level: str) -> None:
    """Do one job after the other until the parent closes the pipe. This is the main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sending = threading.Lock()

    def send(message: object) -> None:
        packed = pickle.dumps(message)
        with sending:
            connection.send_bytes(packed)

    logs.send_to(send, log_level)
    threading.Thread(target=_listen, args=(stop_reader,), name="stop signal", daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            order = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the parent, by a pipe of its own
            send(Taken())
            send(_perform(order))


def _listen(stop_reader: Pipe) -> None:
    """Wait for the stop signal. The end of the pipe means that the parent was killed, which a busy worker sees here."""
    with suppress(EOFError, OSError):
        while stop_reader.recv_bytes():
            request_stop()
    os._exit(PARENT_GONE)


def _perform(order: Order) -> Answer:
    """Do one job, and make a failure of whatever it raises."""
    job = order.job
    logs.name_campaign(one_line(job.campaign))
    for client in job.clients:
        logs.hide(client.source.password)
    try:
        outcome = order.work(job, order.settings)
        pickle.dumps(outcome)
        if type(outcome) is CampaignOutcome:
            return Answer(outcome, returned=True)
        error: SyncError = WorkFailed(job.campaign, f"the work returned {type(outcome).__name__}")
    except SyncError as problem:
        error = problem
    except BaseException as problem:  # noqa: BLE001 - SystemExit too: it costs this campaign only
        logger.debug("Raised at:\n%s", "".join(traceback.format_tb(problem.__traceback__)))
        error = WorkFailed(job.campaign, describe(problem))
    return Answer(lose_job(job, error).outcome, returned=False)
