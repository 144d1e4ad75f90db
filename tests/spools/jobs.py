"""Jobs on simulated dialers, and the rows that came of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from campaign_processor import process_campaign
from config import Settings
from messages import CampaignJob, CampaignOutcome, ClientJob, Credential, SealedWindow, Window
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import day_window
from utils import utc_now

FIFTEEN = timedelta(minutes=15)


def job_of(
    dialer: SimulatedDialer | None, *clients: tuple[Credential, Sequence[Window]], **changes: Any
) -> CampaignJob:
    """A job in whose run it is now what the dialer says."""
    shift = dialer.world.now - utc_now() if dialer else timedelta()
    usual = {
        "no_new_window_after": utc_now() + shift + FIFTEEN,
        "clock_shift": shift,
        "run_id": "run",
        "job_id": "0000",
    }
    jobs = tuple(ClientJob(credential=who, windows=tuple(windows)) for who, windows in clients)
    return CampaignJob(campaign="Sales", clients=jobs, **{**usual, **changes})


def read(
    dialer: SimulatedDialer, who: Credential, settings: Settings, *windows: Window, **changes: Any
) -> CampaignOutcome:
    return process_campaign(job_of(dialer, (who, windows or [day_window()]), **changes), settings)


def only_window(outcome: CampaignOutcome) -> SealedWindow:
    assert outcome.clients[0].failure is None, outcome.clients[0].failure
    (sealed,) = outcome.sealed
    return sealed


def rows(*windows: SealedWindow) -> pd.DataFrame:
    """All call rows of these windows, in the order of their keys."""
    frames = [pd.read_parquet(file.path, dtype_backend="pyarrow") for window in windows for file in window.call_files]
    assert [len(frame) for frame in frames] == [file.rows for window in windows for file in window.call_files]
    return pd.concat(frames).sort_values("call_key", ignore_index=True) if frames else pd.DataFrame()


def visible(dialer: SimulatedDialer) -> int:
    """How many legs an export of everything shows, without their copies."""
    return sum(leg.hidden is None for leg in dialer.world.legs_at())
