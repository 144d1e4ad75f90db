"""What has been read so far, and how far that takes each source's watermark."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import xxhash

from config import Settings
from messages import Batch, CampaignOutcome, Credential, HourRead, SealedWindow, Watermark, WatermarkRead
from schedules.days import hour_start, hours_between, local_day
from schedules.zones import zones_told

Hours = dict[tuple[date, int], HourRead]


@dataclass(slots=True)
class History:
    """Watermarks and hours of all sources; grows with what is committed, so that it is read once per run."""

    watermarks: dict[str, WatermarkRead] = field(default_factory=dict)
    hours: defaultdict[str, Hours] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, watermarks: Mapping[str, WatermarkRead], hours: Iterable[HourRead]) -> "History":
        history = cls(watermarks=dict(watermarks))
        for read in hours:
            history.hours[read.source_key][read.day, read.hour] = read
        return history

    def read_until(self, source: Credential, settings: Settings, now: datetime) -> datetime:
        """The source's watermark, or where its first load starts; never a day that CALL_DAYS has deleted."""
        first_day = local_day(now, source.timezone) - timedelta(days=settings.first_run_days)
        watermark = self.watermarks.get(source.source_key)
        read_until = watermark.read_until if watermark else hour_start(first_day, 0, source.timezone)
        if not settings.call_days:
            return read_until
        return max(read_until, hour_start(settings.first_day_kept(now), 0, source.timezone))

    def add(self, window: SealedWindow) -> None:
        """Remember what a committed window showed."""
        for count in window.hours:
            self.hours[window.source_key][count.day, count.hour] = HourRead(
                source_key=window.source_key,
                day=count.day,
                hour=count.hour,
                legs=count.legs,
                in_progress=count.in_progress,
                read_at=window.read_at,
                timezone=window.timezone,
            )


def oldest_day_of_interest(
    sources: Sequence[Credential], watermarks: Mapping[str, WatermarkRead], settings: Settings, now: datetime
) -> date:
    """From which day on the hours of earlier reads matter to a plan; of a source that has not one zone, all do."""
    days = [local_day(now, source.timezone) - timedelta(days=settings.settle_days + 1) for source in sources]
    days += [
        local_day(watermarks[source.source_key].read_until - settings.lookback, source.timezone) - timedelta(days=1)
        for source in sources
        if source.source_key in watermarks
    ]
    return min(days, default=now.date())


def advanced(read_until: datetime, hours: Hours, zone: str, now: datetime) -> datetime:
    """How far everything has been read without a gap: the watermark's next place, never before its last."""
    for day, hour, start, end in hours_between(read_until, now, zone):
        read = hours.get((day, hour))
        if read is None or read.read_at <= start:
            return read_until
        if read.read_at < end:
            return max(read_until, read.read_at)
        read_until = max(read_until, end)
    return read_until


def batch_of(
    outcomes: Sequence[CampaignOutcome],
    history: History,
    sources: Sequence[Credential],
    settings: Settings,
    run_id: str,
    *,
    planned_at: datetime,
    committed_at: datetime,
) -> Batch:
    """The batch that commits these outcomes. Hours of a backfill do not move a watermark, but it tells their zone."""
    windows = [window for outcome in outcomes for window in outcome.sealed]
    believed = [window for window in windows if window.suspect is None]
    read = {window.source_key for window in believed}
    seen = History(hours=defaultdict(dict, {key: dict(history.hours[key]) for key in read}))
    for window in believed:
        seen.add(window)
    by_key = {source.source_key: source for source in sources}
    moved = {window.source_key for window in believed if window.backfill_id is None}
    until = max((window.read_at for window in believed), default=planned_at)
    watermarks: list[Watermark] = []
    for source in (by_key[key] for key in sorted(moved)):
        before, hours = history.watermarks.get(source.source_key), seen.hours[source.source_key]
        read_until = advanced(history.read_until(source, settings, planned_at), hours, source.timezone, until)
        watermarks.append(_watermark(source, read_until, zones_told(source, before, hours, settings, until)))
    watermarks += _zones_of_backfills((by_key[key] for key in sorted(read - moved)), history)
    names = sorted(
        f"{window.source_key}{window.window.day}{window.window.first_hour}{window.read_at}" for window in windows
    )
    jobs = sorted(outcome.job_id for outcome in outcomes)
    return Batch(
        batch_id=xxhash.xxh3_128_hexdigest("\x1f".join([run_id, *jobs, *names]).encode("utf-8")),
        run_id=run_id,
        outcomes=tuple(outcomes),
        watermarks=tuple(watermarks),
        committed_at=committed_at,
    )


def _zones_of_backfills(sources: Iterable[Credential], history: History) -> Iterator[Watermark]:
    """The same watermarks with one more zone. Where none is known yet, the next cycle looks at all hours anyway."""
    for source in sources:
        watermark = history.watermarks.get(source.source_key)
        if watermark and watermark.timezones and source.timezone not in watermark.timezones:
            yield _watermark(source, watermark.read_until, watermark.timezones | {source.timezone})


def _watermark(source: Credential, read_until: datetime, zones: frozenset[str]) -> Watermark:
    return Watermark(
        source_key=source.source_key,
        campaign=source.campaign,
        client_id=source.client_id,
        client_name=source.client_name,
        report=source.report,
        host=source.host,
        read_until=read_until,
        timezones=zones,
    )


def committed(history: History, batch: Batch) -> None:
    """Take what a batch has committed into the history."""
    for outcome in batch.outcomes:
        for window in outcome.sealed:
            if window.suspect is None:
                history.add(window)
    moved = {each.source_key: WatermarkRead(each.read_until, each.timezones) for each in batch.watermarks}
    history.watermarks.update(moved)
