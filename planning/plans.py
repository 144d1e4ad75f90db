"""The plan of a cycle or a backfill: jobs with their windows, from sources, history, settings and now. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random

from config import Settings
from messages import NEVER, CampaignJob, ClientJob, HourCount, HourRead, Source, Window
from planning.history import History
from planning.local_days import HOURS, hour_start, hours_between, local_day, local_hour
from planning.run_facts import RunFacts
from planning.settling import days_to_settle, first_day_to_settle
from planning.stuck_calls import hours_in_progress, stuck_hours
from planning.time_zones import hours_in_other_zone
from reports import REPORTS
from utils import consecutive

ZONE_CHANGE = timedelta(hours=27)
"""A corrected time zone moves the local hours by up to that much, and some were never asked for."""
DAYS_READ_AGAIN = 32
"""Limit for one source in one cycle, so that the dialer's other clients and the current day have their turn."""
Campaigns = Mapping[str, Sequence[Source]]


def group_by_campaign(sources: Sequence[Source]) -> dict[str, list[Source]]:
    """Return the sources of each campaign, in the order of the credentials table."""
    campaigns: defaultdict[str, list[Source]] = defaultdict(list)
    for source in sources:
        campaigns[source.campaign].append(source)
    return dict(campaigns)


def plan_cycle(
    campaigns: Campaigns, history: History, settings: Settings, now: datetime, facts: RunFacts
) -> list[CampaignJob]:
    """Return one job per campaign: windows not read yet and windows that may have changed, the newest first."""
    return [
        CampaignJob(
            job_id=f"{number:04}",
            run_id=facts.run_id,
            campaign=campaign,
            clients=tuple(_plan_client(source, history, settings, now, facts.run_id) for source in sources),
            no_new_window_after=now + settings.cycle_interval * (2 if campaign in facts.alone else 1),
            alone=campaign in facts.alone,
            forgotten=facts.forgotten,
            clock_shift=facts.clock_shift,
            warehouse_gap=facts.warehouse_gap,
        )
        for number, (campaign, sources) in enumerate(campaigns.items())
    ]


def plan_backfill(
    campaigns: Campaigns, history: History, now: datetime, facts: RunFacts,
    *, first: date, last: date, backfill_id: str, done: Collection[tuple[str, date]],
) -> list[CampaignJob]:  # fmt: skip
    """Return one job per day and campaign, the oldest day first.

    Args:
        done: source_key and day of what is committed already.
    """
    jobs: list[CampaignJob] = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        for campaign, sources in campaigns.items():
            clients = tuple(
                _build_client_job(source, _build_windows({day: set(HOURS)}, source, history, now), history)
                for source in sources
                if (source.key, day) not in done
            )
            if clients:
                job = CampaignJob(
                    job_id=f"{len(jobs):06}",
                    run_id=facts.run_id,
                    campaign=campaign,
                    clients=clients,
                    no_new_window_after=now + timedelta(days=3650),
                    backfill_id=backfill_id,
                    forgotten=facts.forgotten,
                    clock_shift=facts.clock_shift,
                    warehouse_gap=facts.warehouse_gap,
                )
                jobs.append(job)
    return jobs


def _plan_client(source: Source, history: History, settings: Settings, now: datetime, run_id: str) -> ClientJob:
    watermark, hours = history.watermarks.get(source.key), history.hours[source.key]
    windows = _cycle_windows(source, history, settings, now)
    stuck = stuck_hours(hours, source.timezone, settings, now)
    wrong = hours_in_other_zone(source, watermark, hours, settings, now)
    planned = {(window.day, hour) for window in windows for hour in window.hours}
    rereads = _build_windows(_choose_rereads(wrong - planned, run_id), source, history, now)
    return _build_client_job(
        source, windows, history,
        rereads=rereads, stuck=tuple(map(_to_count, stuck)), days_in_other_zone=frozenset(day for day, _ in wrong),
    )  # fmt: skip


def _build_client_job(
    source: Source, windows: tuple[Window, ...], history: History, *, rereads: tuple[Window, ...] = (),
    stuck: tuple[HourCount, ...] = (), days_in_other_zone: frozenset[date] = frozenset(),
) -> ClientJob:  # fmt: skip
    shown: defaultdict[date, list[HourRead]] = defaultdict(list)
    for (day, _), read in history.hours.get(source.key, {}).items():
        if read.legs and not read.doubt:
            shown[day].append(read)
    without_inbound = len(shown) > 1 and all(read.inbound == 0 for reads in shown.values() for read in reads)
    return ClientJob(
        source=source, windows=windows, rereads=rereads, has_shown_calls=bool(shown), without_inbound=without_inbound,
        stuck=stuck, days_in_other_zone=days_in_other_zone,
    )  # fmt: skip


def _cycle_windows(source: Source, history: History, settings: Settings, now: datetime) -> tuple[Window, ...]:
    hours = history.hours.get(source.key, {})
    read_until = history.read_until(source, settings, now)
    today = local_day(now, source.timezone)
    wanted: defaultdict[date, set[int]] = defaultdict(set)
    since = read_until - max(settings.lookback, ZONE_CHANGE)
    for day, hour, _, end in hours_between(since, now, source.timezone):
        read = hours.get((day, hour))
        skipped = bool(hours) and (day, hour) > min(hours)
        if (end > read_until or skipped) if read is None else read.read_at < end + settings.lookback:
            wanted[day].add(hour)
    first = first_day_to_settle(history.watermarks.get(source.key), read_until, source.timezone, settings)
    for day in days_to_settle(hours, first, today, source.timezone, settings):
        wanted[day].update(hour for hour in HOURS if (day, hour) >= min(hours))
    for (day, hour), read in hours.items():
        if read.doubt:
            wanted[day].add(hour)
    anyway = {(day, hour) for day, chosen in wanted.items() for hour in chosen}
    for day, hour in hours_in_progress(hours, anyway, source.timezone, settings, now):
        wanted[day].add(hour)
    first_day = settings.first_day_kept(now)
    return _build_windows({day: wanted[day] for day in wanted if day >= first_day}, source, history, now)


def _choose_rereads(wrong: Collection[tuple[date, int]], run_id: str) -> dict[date, set[int]]:
    """Choose the hours of another time zone that this cycle reads again.

    The newest days come first. If there are many, half of a cycle's share is drawn at random from the others: days
    that cannot be read any more must not block the days behind them for ever.
    """
    wanted: defaultdict[date, set[int]] = defaultdict(set)
    for day, hour in wrong:
        wanted[day].add(hour)
    newest, others = sorted(wanted, reverse=True), []
    if len(newest) > DAYS_READ_AGAIN:
        newest, others = newest[: DAYS_READ_AGAIN // 2], newest[DAYS_READ_AGAIN // 2 :]
        others = Random(run_id).sample(others, DAYS_READ_AGAIN - len(newest))  # noqa: S311 - fairness, no secret
    return {day: wanted[day] for day in (*newest, *others)}


def _build_windows(
    wanted: Mapping[date, set[int]], source: Source, history: History, now: datetime
) -> tuple[Window, ...]:
    """Return the runs of consecutive hours of each day, the newest first. The current day ends now."""
    hours = history.hours.get(source.key, {})
    today = local_day(now, source.timezone)
    windows: list[Window] = []
    for day in sorted(wanted, reverse=True):
        latest = local_hour(now, source.timezone) if day == today else HOURS[-1]
        chosen = set(HOURS) if REPORTS[source.report].whole_days_only() and wanted[day] else wanted[day]
        for first_hour, last_hour in reversed(list(consecutive(hour for hour in chosen if hour <= latest))):
            before = [hours[day, hour] for hour in range(first_hour, last_hour + 1) if (day, hour) in hours]
            known = [_to_count(read) for read in before]
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


def _to_count(read: HourRead) -> HourCount:
    return HourCount(day=read.day, hour=read.hour, legs=read.legs, in_progress=read.in_progress, inbound=read.inbound)
