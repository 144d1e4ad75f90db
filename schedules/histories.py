"""What has been read so far, and how far that takes each source's watermark."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import xxhash

from config import Settings
from messages import (
    CLOCK_TOLERANCE,
    NEVER,
    Batch,
    CampaignOutcome,
    Credential,
    HourRead,
    SealedWindow,
    Watermark,
    WatermarkRead,
)
from schedules.days import hour_start, hours_between, local_day
from schedules.settling import settling_since, unsettled_days
from schedules.zones import zones_told

Hours = dict[tuple[date, int], HourRead]


@dataclass(slots=True)
class History:
    """Watermarks and hours of all sources; grows with what is committed, so that it is read once per run."""

    watermarks: dict[str, WatermarkRead] = field(default_factory=dict)
    hours: defaultdict[str, Hours] = field(default_factory=lambda: defaultdict(dict))
    from_the_future: dict[str, tuple[HourRead, ...]] = field(default_factory=dict)
    """Hours that count as unread since they carry a moment later than now; the next commit says so in the table."""

    @classmethod
    def of(cls, watermarks: Mapping[str, WatermarkRead], hours: Iterable[HourRead]) -> "History":
        history = cls(watermarks=dict(watermarks))
        for read in hours:
            history.hours[read.source_key][read.day, read.hour] = read
        return history

    def doubt_the_future(self, sources: Iterable[Credential], now: datetime) -> None:
        """Count as unread what was read later than now, as far as the watermark too."""
        latest = now + CLOCK_TOLERANCE
        for source in sources:
            key, zone = source.source_key, source.timezone
            watermark, hours = self.watermarks.get(key), self.hours[key]
            unread = {place: replace(read, read_at=NEVER) for place, read in hours.items() if read.read_at > latest}
            if unread:
                self.from_the_future[key] = tuple(unread.values())
                hours |= unread
            starts = [hour_start(day, hour, zone) for day, hour in unread]
            if watermark is None or not (starts or watermark.read_until > latest):
                continue
            if not starts and hours:
                starts = [advanced(hour_start(*min(hours), zone), hours, zone, now)]
            if starts:
                self.watermarks[key] = replace(watermark, read_until=min(*starts, watermark.read_until))
            else:
                del self.watermarks[key]  # nothing tells how far it was read: as in a first load

    def read_until(self, source: Credential, settings: Settings, now: datetime) -> datetime:
        """The source's watermark, or where its first load starts; never a day that CALL_DAYS has deleted."""
        first_day = local_day(now, source.timezone) - timedelta(days=settings.first_run_days)
        watermark = self.watermarks.get(source.source_key)
        read_until = watermark.read_until if watermark else hour_start(first_day, 0, source.timezone)
        if not settings.call_days:
            return read_until
        return max(read_until, hour_start(settings.first_day_kept(now), 0, source.timezone))

    def add(self, window: SealedWindow) -> None:
        """Remember what a committed window showed, or that it is in doubt."""
        hours = self.hours[window.source_key]
        for count in window.hours:
            before = hours.get((count.day, count.hour))
            if window.suspect is not None and before is not None:
                hours[count.day, count.hour] = replace(before, doubt=window.suspect)
                continue
            hours[count.day, count.hour] = HourRead(
                source_key=window.source_key,
                day=count.day,
                hour=count.hour,
                legs=count.legs,
                in_progress=count.in_progress,
                read_at=window.read_at if window.suspect is None else NEVER,
                timezone=window.timezone,
                inbound=count.inbound,
                doubt=window.suspect,
            )


def oldest_day_of_interest(
    sources: Sequence[Credential], watermarks: Mapping[str, WatermarkRead], settings: Settings, now: datetime
) -> date:
    """From which day on the hours of earlier reads matter to a plan; of a source that has not one zone, all do."""
    days = [local_day(now, source.timezone) - timedelta(days=settings.settle_days + 1) for source in sources]
    days += [
        settling_since(watermark, watermark.read_until, source.timezone, settings)
        for source in sources
        if (watermark := watermarks.get(source.source_key))
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
    read = {window.source_key for window in windows}
    seen = History(hours=defaultdict(dict, {key: dict(history.hours[key]) for key in read}))
    for window in windows:
        seen.add(window)
    by_key = {source.source_key: source for source in sources}
    of_cycle = {window.source_key for window in windows if window.backfill_id is None}
    moved = of_cycle | {window.source_key for window in windows if window.suspect is not None}
    until = max((window.read_at for window in windows), default=planned_at)
    watermarks: list[Watermark] = []
    for source in (by_key[key] for key in sorted(moved & by_key.keys())):
        before, hours = history.watermarks.get(source.source_key), seen.hours[source.source_key]
        read_until = history.read_until(source, settings, planned_at)
        since = settling_since(before, read_until, source.timezone, settings)
        if source.source_key in of_cycle:
            read_until = advanced(read_until, hours, source.timezone, until)
        zones = zones_told(source, before, hours, settings, until)
        look_back_to = min([*_doubted_days(hours), *_overdue(hours, since, source, settings, until)], default=None)
        watermarks.append(_watermark(source, read_until, zones, look_back_to))
    watermarks += _zones_of_backfills((by_key[key] for key in sorted(read - moved)), history, seen)
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
        unread=tuple(hour for key in sorted(read) for hour in history.from_the_future.get(key, ())),
    )


def _zones_of_backfills(sources: Iterable[Credential], history: History, seen: History) -> Iterator[Watermark]:
    """The same watermarks with one more zone, or a doubt less. Where no zone is known yet, all hours are looked at."""
    for source in sources:
        watermark, hours = history.watermarks.get(source.source_key), seen.hours[source.source_key]
        if watermark is None:
            continue
        zones = watermark.timezones | {source.timezone} if watermark.timezones else watermark.timezones
        doubted_since = min(_doubted_days(hours), default=None)
        if zones != watermark.timezones or doubted_since != watermark.doubted_since:
            yield _watermark(source, watermark.read_until, zones, doubted_since)


def _doubted_days(hours: Hours) -> Iterator[date]:
    return (read.day for read in hours.values() if read.doubt)


def _overdue(hours: Hours, since: date, source: Credential, settings: Settings, until: datetime) -> list[date]:
    """Return the days before a gap that still lack their last read, and that no later plan would look at otherwise."""
    today = local_day(until, source.timezone)
    first_of_plan = today - timedelta(days=settings.settle_days)
    return [day for day in unsettled_days(hours, since, today, source.timezone, settings) if day < first_of_plan]


def _watermark(
    source: Credential, read_until: datetime, zones: frozenset[str], doubted_since: date | None
) -> Watermark:
    return Watermark(
        source_key=source.source_key,
        campaign=source.campaign,
        client_id=source.client_id,
        client_name=source.client_name,
        report=source.report,
        host=source.host,
        read_until=read_until,
        timezones=zones,
        doubted_since=doubted_since,
    )


def committed(history: History, batch: Batch) -> None:
    """Take what a batch has committed into the history."""
    for outcome in batch.outcomes:
        for window in outcome.sealed:
            history.add(window)
            history.from_the_future.pop(window.source_key, None)
    moved = {
        each.source_key: WatermarkRead(each.read_until, each.timezones, each.doubted_since) for each in batch.watermarks
    }
    history.watermarks.update(moved)
