"""Which windows a cycle or a backfill asks for: pure functions of sources, history, settings and now."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from config import Settings
from messages import NEVER, CampaignJob, ClientJob, Credential, HourCount, HourRead, Window
from reports import REPORTS
from schedules.days import HOURS, hour_start, hours_between, local_day, local_hour
from schedules.histories import History
from schedules.settling import settling_since, unsettled_days
from schedules.zones import misdated
from utils import consecutive

ZONE_CHANGE = timedelta(hours=27)
"""A corrected time zone moves the local hours by up to that much, and some were never asked for."""
DAYS_READ_AGAIN = 32
"""Of one source in one cycle: a dialer's other clients, and the day of today, want their turn."""
Campaigns = Mapping[str, Sequence[Credential]]


def group_by_campaign(credentials: Sequence[Credential]) -> dict[str, list[Credential]]:
    """Sources of each campaign, in the order of the credentials table."""
    campaigns: defaultdict[str, list[Credential]] = defaultdict(list)
    for credential in credentials:
        campaigns[credential.campaign].append(credential)
    return dict(campaigns)


def plan_cycle(
    campaigns: Campaigns, history: History, settings: Settings, now: datetime, run_id: str
) -> list[CampaignJob]:
    """One job per campaign: what has not been read, what may have changed since, newest first."""
    return [
        CampaignJob(
            job_id=f"{number:04}",
            run_id=run_id,
            campaign=campaign,
            clients=tuple(
                _with_what_is_read_again(
                    _client_job(source, _windows_of_cycle(source, history, settings, now), history),
                    history,
                    settings,
                    now,
                    run_id,
                )
                for source in sources
            ),
            no_new_window_after=now + settings.cycle_interval,
        )
        for number, (campaign, sources) in enumerate(campaigns.items())
    ]


def plan_backfill(
    campaigns: Campaigns, history: History, now: datetime, run_id: str,
    *, first: date, last: date, backfill_id: str, done: Collection[tuple[str, date]],
) -> list[CampaignJob]:  # fmt: skip
    """One job per day and campaign, the oldest day first; ``done`` are source and day that are committed already."""
    jobs: list[CampaignJob] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for campaign, sources in campaigns.items():
            clients = tuple(
                _client_job(source, _windows({day: set(HOURS)}, source, history, now), history)
                for source in sources
                if (source.source_key, day) not in done
            )
            if clients:
                job = CampaignJob(
                    job_id=f"{len(jobs):06}",
                    run_id=run_id,
                    campaign=campaign,
                    clients=clients,
                    no_new_window_after=now + timedelta(days=3650),
                    backfill_id=backfill_id,
                )
                jobs.append(job)
    return jobs


def _client_job(source: Credential, windows: tuple[Window, ...], history: History) -> ClientJob:
    shown: defaultdict[date, list[HourRead]] = defaultdict(list)
    for (day, _), read in history.hours.get(source.source_key, {}).items():
        if read.legs and not read.doubt:
            shown[day].append(read)
    without_inbound = len(shown) > 1 and all(read.inbound == 0 for reads in shown.values() for read in reads)
    return ClientJob(credential=source, windows=windows, has_shown_calls=bool(shown), without_inbound=without_inbound)


def _windows_of_cycle(source: Credential, history: History, settings: Settings, now: datetime) -> tuple[Window, ...]:
    hours = history.hours.get(source.source_key, {})
    read_until = history.read_until(source, settings, now)
    today = local_day(now, source.timezone)
    wanted: defaultdict[date, set[int]] = defaultdict(set)
    since = read_until - max(settings.lookback, ZONE_CHANGE)
    for day, hour, _, end in hours_between(since, now, source.timezone):
        read = hours.get((day, hour))
        skipped = bool(hours) and (day, hour) > min(hours)
        if (end > read_until or skipped) if read is None else read.read_at < end + settings.lookback:
            wanted[day].add(hour)
    first = settling_since(history.watermarks.get(source.source_key), read_until, source.timezone, settings)
    for day in unsettled_days(hours, first, today, source.timezone, settings):
        wanted[day].update(hour for hour in HOURS if (day, hour) >= min(hours))
    for (day, hour), read in hours.items():
        if read.doubt:
            wanted[day].add(hour)
        if read.in_progress and day >= today - timedelta(days=settings.settle_days):
            wanted[day].add(hour)
    first_day = settings.first_day_kept(now)
    return _windows({day: wanted[day] for day in wanted if day >= first_day}, source, history, now)


def _with_what_is_read_again(
    job: ClientJob, history: History, settings: Settings, now: datetime, run_id: str
) -> ClientJob:
    """With the windows that were read in another time zone, and are not in the plan anyway.

    The newest days come first. Where there are many, half of a cycle's share is drawn from all the others: days that
    cannot be read any more must not keep those behind them waiting for ever.
    """
    source = job.credential
    watermark, hours = history.watermarks.get(source.source_key), history.hours[source.source_key]
    wrong = misdated(source, watermark, hours, settings, now)
    if not wrong:
        return job
    wanted: defaultdict[date, set[int]] = defaultdict(set)
    for day, hour in wrong - {(window.day, hour) for window in job.windows for hour in window.hours}:
        wanted[day].add(hour)
    newest, others = sorted(wanted, reverse=True), []
    if len(newest) > DAYS_READ_AGAIN:
        newest, others = newest[: DAYS_READ_AGAIN // 2], newest[DAYS_READ_AGAIN // 2 :]
        others = Random(run_id).sample(others, DAYS_READ_AGAIN - len(newest))  # noqa: S311 - fairness, no secret
    again = _windows({day: wanted[day] for day in (*newest, *others)}, source, history, now)
    return replace(job, again=again, misdated=frozenset(day for day, _ in wrong))


def _windows(
    wanted: Mapping[date, set[int]], source: Credential, history: History, now: datetime
) -> tuple[Window, ...]:
    """Runs of consecutive hours of each day, newest first; a day reaches no further than now."""
    hours = history.hours.get(source.source_key, {})
    today = local_day(now, source.timezone)
    windows: list[Window] = []
    for day in sorted(wanted, reverse=True):
        latest = local_hour(now, source.timezone) if day == today else HOURS[-1]
        chosen = set(HOURS) if REPORTS[source.report].whole_days_only() and wanted[day] else wanted[day]
        for first_hour, last_hour in reversed(list(consecutive(hour for hour in chosen if hour <= latest))):
            before = [hours[day, hour] for hour in range(first_hour, last_hour + 1) if (day, hour) in hours]
            known = [
                HourCount(
                    day=read.day, hour=read.hour, legs=read.legs, in_progress=read.in_progress, inbound=read.inbound
                )
                for read in before
            ]
            read_before = [read for read in before if read.read_at != NEVER]
            windows.append(
                Window(
                    day=day,
                    first_hour=first_hour,
                    last_hour=last_hour,
                    since=hour_start(day, first_hour, source.timezone),
                    until=hour_start(day, last_hour + 1, source.timezone),
                    known_legs=sum(count.legs for count in known),
                    first_read=len(read_before) <= last_hour - first_hour,
                    known=tuple(known),
                    doubted=any(read.doubt for read in before),
                )
            )
    return tuple(windows)
