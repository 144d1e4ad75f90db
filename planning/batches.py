"""The batch that commits some outcomes, with the watermarks it moves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

import xxhash

from config import Settings
from errors import Label
from messages import CLOCK_TOLERANCE, Batch, CampaignOutcome, Source, Watermark
from planning.history import History, Hours, advance_read_until
from planning.local_days import local_day
from planning.settling import days_to_settle, first_day_to_settle
from planning.time_zones import watermark_zones
from reports import REPORTS


def build_batch(
    outcomes: Sequence[CampaignOutcome],
    history: History,
    sources: Sequence[Source],
    settings: Settings,
    run_id: str,
    *,
    planned_at: datetime,
    committed_at: datetime,
) -> Batch:
    """Return the batch that commits these outcomes. The history stays as it is.

    Hours of a backfill do not move a watermark, but the watermark names their time zone.
    """
    windows = [window for outcome in outcomes for window in outcome.sealed]
    read = {window.source.key for window in windows}
    seen = History(hours=defaultdict(dict, {key: dict(history.hours[key]) for key in read}))
    for window in windows:
        seen.add(window)
    by_key = {source.key: source for source in sources}
    of_cycle = {window.source.key for window in windows if window.backfill_id is None}
    moved = of_cycle | {window.source.key for window in windows if window.suspect is not None}
    until = max((window.read_at for window in windows), default=planned_at)
    watermarks: list[Watermark] = []
    behind = _sources_ahead_of_this_clock(outcomes) & history.reset_sources
    for source in (by_key[key] for key in sorted((moved - behind) & by_key.keys())):
        before, hours = history.watermarks.get(source.key), seen.hours[source.key]
        read_until = history.read_until(source, settings, planned_at)
        since = first_day_to_settle(before, read_until, source.timezone, settings)
        if source.key in of_cycle:
            days_apart = REPORTS[source.report].whole_days_only()  # an agent's day may never be shown, others are
            read_until = advance_read_until(read_until, hours, source.timezone, until, over_doubts=days_apart)
        zones = watermark_zones(source, before, hours, settings, until)
        look_back_to = min(
            [*_days_in_doubt(hours), *_overdue_days(hours, since, source, settings, until)], default=None
        )
        watermarks.append(_build_watermark(source, read_until, zones, look_back_to))
    watermarks += _backfill_watermarks((by_key[key] for key in sorted(read - moved)), history, seen)
    watermarks += _first_watermarks(
        outcomes, [by_key[key] for key in by_key.keys() - read - history.reset_sources], history, settings, planned_at
    )
    names = sorted(
        f"{window.source.key}{window.window.day}{window.window.first_hour}{window.read_at}" for window in windows
    )
    jobs = sorted(outcome.job_id for outcome in outcomes)
    return Batch(
        batch_id=xxhash.xxh3_128_hexdigest("\x1f".join([run_id, *jobs, *names]).encode("utf-8")),
        run_id=run_id,
        outcomes=tuple(outcomes),
        watermarks=tuple(watermarks),
        committed_at=committed_at,
        unread=tuple(hour for key in sorted(moved - behind) for hour in history.future_hours.get(key, ())),
    )


def _sources_ahead_of_this_clock(outcomes: Iterable[CampaignOutcome]) -> set[str]:
    """Return the sources whose dialer's clock is ahead: this machine's was set back, and no read is of the future.

    Without this, a machine that wakes up in 2020 would read again everything that was ever read.
    """
    clients = (client for outcome in outcomes for client in outcome.clients)
    return {client.source.key for client in clients if client.clock_gap and client.clock_gap > CLOCK_TOLERANCE}


def _first_watermarks(
    outcomes: Sequence[CampaignOutcome],
    sources: Iterable[Source],
    history: History,
    settings: Settings,
    planned_at: datetime,
) -> Iterator[Watermark]:
    """Yield the start of each first load that failed altogether, so that the next one does not start later."""
    failed = {client.source.key for outcome in outcomes for client in outcome.clients if client.failure}
    campaigns = {outcome.campaign for outcome in outcomes if not outcome.clients and _was_tried(outcome)}
    for source in sources:
        tried = source.key in failed or source.campaign in campaigns
        if tried and source.key not in history.watermarks:
            read_until = history.read_until(source, settings, planned_at)
            yield _build_watermark(source, read_until, frozenset({source.timezone}), None)


def _was_tried(outcome: CampaignOutcome) -> bool:
    return outcome.label not in (Label.COMPLETED, Label.NOT_STARTED)


def _backfill_watermarks(sources: Iterable[Source], history: History, seen: History) -> Iterator[Watermark]:
    """Yield the watermarks that gain a zone or lose a doubt by a backfill. A watermark without zones gains none."""
    for source in sources:
        watermark, hours = history.watermarks.get(source.key), seen.hours[source.key]
        if watermark is None:
            continue
        zones = watermark.timezones | {source.timezone} if watermark.timezones else watermark.timezones
        doubted_since = min(_days_in_doubt(hours), default=None)
        if zones != watermark.timezones or doubted_since != watermark.doubted_since:
            yield _build_watermark(source, watermark.read_until, zones, doubted_since)


def _days_in_doubt(hours: Hours) -> Iterator[date]:
    return (read.day for read in hours.values() if read.doubt)


def _overdue_days(hours: Hours, since: date, source: Source, settings: Settings, until: datetime) -> list[date]:
    """Return the days before a gap that lack their last read. No later plan would look at them otherwise."""
    today = local_day(until, source.timezone)
    first_of_plan = today - timedelta(days=settings.settle_days)
    return [day for day in days_to_settle(hours, since, today, source.timezone, settings) if day < first_of_plan]


def _build_watermark(
    source: Source, read_until: datetime, zones: frozenset[str], doubted_since: date | None
) -> Watermark:
    return Watermark(
        source=source.identity,
        report=source.report,
        host=source.host,
        read_until=read_until,
        timezones=zones,
        doubted_since=doubted_since,
    )
