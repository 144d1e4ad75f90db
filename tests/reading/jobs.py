"""Jobs on simulated dialers, and their rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd

from campaign_processor import process_campaign
from config import Settings
from messages import CampaignJob, CampaignOutcome, ClientJob, HourCount, SealedWindow, Source, Window
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import DAY, day_window, source
from utils import utc_now

FIFTEEN = timedelta(minutes=15)


def job_of(dialer: SimulatedDialer | None, *clients: tuple[Source, Sequence[Window]], **changes: Any) -> CampaignJob:
    """Build a job. The present moment of its run is that of the dialer."""
    shift = dialer.world.now - utc_now() if dialer else timedelta()
    usual = {
        "no_new_window_after": utc_now() + shift + FIFTEEN,
        "clock_shift": shift,
        "run_id": "run",
        "job_id": "0000",
    }
    jobs = tuple(ClientJob(source=who, windows=tuple(windows)) for who, windows in clients)
    return CampaignJob(campaign="Sales", clients=jobs, **{**usual, **changes})


def read(dialer: SimulatedDialer, who: Source, settings: Settings, *windows: Window, **changes: Any) -> CampaignOutcome:
    return process_campaign(job_of(dialer, (who, windows or [day_window()]), **changes), settings)


def only_window(outcome: CampaignOutcome) -> SealedWindow:
    assert outcome.clients[0].failure is None, outcome.clients[0].failure
    (sealed,) = outcome.sealed
    return sealed


def rows(*windows: SealedWindow) -> pd.DataFrame:
    """Read all call rows of these windows, in the order of their keys."""
    frames = [pd.read_parquet(file.path, dtype_backend="pyarrow") for window in windows for file in window.call_files]
    assert [len(frame) for frame in frames] == [file.rows for window in windows for file in window.call_files]
    return pd.concat(frames).sort_values("call_key", ignore_index=True) if frames else pd.DataFrame()


def visible(dialer: SimulatedDialer) -> int:
    """Count the legs in an export of everything, without their copies."""
    return sum(leg.hidden is None for leg in dialer.world.legs_at())


def known_of(dialer: SimulatedDialer, **more: int) -> tuple[HourCount, ...]:
    """Return the hours of an earlier read: all legs of the dialer, and more legs in some hours."""
    legs = [leg for leg in dialer.world.legs_at() if leg.hidden is None]
    found = []
    for hour in range(24):
        of_hour = [leg for leg in legs if leg.call_time_local.hour == hour]
        inbound = sum(leg.direction == "inbound" for leg in of_hour) + more.get(f"inbound_{hour}", 0)
        outbound = sum(leg.direction == "outbound" for leg in of_hour) + more.get(f"outbound_{hour}", 0)
        found.append(HourCount(day=DAY, hour=hour, legs=inbound + outbound, in_progress=0, inbound=inbound))
    return tuple(found)


def known_window(dialer: SimulatedDialer, **more: int) -> Window:
    known = known_of(dialer, **more)
    return day_window(known=known, known_legs=sum(count.legs for count in known))


def doubted(outcome: CampaignOutcome) -> set[int]:
    return {hour for window in outcome.sealed if window.suspect for hour in window.window.hours}


def with_days_again(dialer: SimulatedDialer, **changes: Any) -> CampaignJob:
    """Return a job for the afternoon, and for the morning and noon that were read in another zone."""
    job = job_of(dialer, (source(dialer, **changes), [day_window(15, 23)]))
    (only,) = job.clients
    again = day_window(0, 9), day_window(10, 14)
    return replace(job, clients=(replace(only, rereads=again, days_in_other_zone=frozenset({again[0].day})),))


def no_downloads_left(settings: Settings) -> bool:
    return list((settings.data_dir / "downloads").iterdir()) == []
