"""Work of workers in the tests of the pool. The first word of the campaign's name selects it.

Imported by spawned workers, hence small. ``python -m tests.pool_work FOLDER`` runs a pool until it is killed.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore] # stubs are a package of their own

from config import Settings
from errors import LoginRejected
from messages import CampaignJob, CampaignOutcome, ClientJob, DialerAddress, Source, SourceIdentity, Window
from multiprocess_manager import run_jobs
from shutdown import stop_requested

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PASSWORD = "Tr0ub4dor&3"
LINE = "line %03d " + "é" * 500
logger = logging.getLogger(__name__)


def job(campaign: str, hours: int = 1, *, alone: bool = False) -> CampaignJob:
    window = Window(day=date(2026, 1, 31), first_hour=0, last_hour=hours - 1, since=NOON, until=NOON)
    source = Source(
        identity=SourceIdentity("0" * 32, campaign, "C1", "Client"), report="user_stats",
        address=DialerAddress(scheme="https", hostname="dialer.example"), username="api", password=PASSWORD,
        timezone="UTC", max_connections=1,
    )  # fmt: skip
    client = ClientJob(source=source, windows=(window,))
    return CampaignJob(
        job_id=f"job-{campaign}", run_id="run", campaign=campaign, clients=(client,), no_new_window_after=NOON,
        alone=alone,
    )  # fmt: skip


def act(job: CampaignJob, settings: Settings) -> CampaignOutcome:
    (settings.data_dir / f"{job.campaign}.start").write_text(f"{os.getpid()} {time.time()}")
    result = ACTIONS[job.campaign.split()[0]](settings.data_dir)
    (settings.data_dir / f"{job.campaign}.end").write_text(f"{os.getpid()} {time.time()}")
    return CampaignOutcome(job_id=job.job_id, campaign=job.campaign) if result is None else result  # type: ignore[return-value]


def wait_for(file: Path, seconds: float = 30) -> str:
    """Wait for the text of a file, and return it."""
    deadline = time.monotonic() + seconds
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, f"{file.name} did not appear"
        time.sleep(0.02)
    return file.read_text()


def kill_victim(folder: Path) -> None:
    psutil.Process(int(wait_for(folder / "Stuck victim.start").split()[0])).kill()


def raise_error(_: Path) -> None:
    raise RuntimeError(f"https://dialer.example/?pass={PASSWORD}")


def refuse(_: Path) -> None:
    raise LoginRejected("dialer.example", "api", "1001")


def wait_for_stop(_: Path) -> None:
    while not stop_requested():
        time.sleep(0.02)


def speak(_: Path) -> None:
    for number in range(200):
        logger.info(LINE, number)
    logger.warning("the password is %s", PASSWORD)


def die_speaking(_: Path) -> None:
    threading.Timer(0.3, psutil.Process().kill).start()
    while True:
        logger.info(LINE, 999)


ACTIONS: dict[str, Callable[[Path], object]] = {
    "Normal": lambda _: time.sleep(0.3),
    "Stuck": lambda _: time.sleep(60),
    "Killer": kill_victim,
    "Exit0": lambda _: os._exit(0),
    "Exit7": lambda _: os._exit(7),
    "SystemExit": lambda _: sys.exit(5),
    "Error": raise_error,
    "Refused": refuse,
    "Unpicklable": lambda _: lambda: None,
    "Mistaken": lambda _: "not an outcome",
    "Patient": wait_for_stop,
    "Speaking": speak,
    "DyingSpeaker": die_speaking,
    "Threads": lambda folder: (folder / "threads").write_text(os.environ.get("OMP_NUM_THREADS", "")) and None,
}


if __name__ == "__main__":
    here = Settings(max_campaign_processes=2, process_timeout=timedelta(seconds=60), data_dir=Path(sys.argv[1]))
    list(run_jobs([job("Stuck 1"), job("Stuck 2")], act, here, recover=lambda _: ()))
