"""The run history in memory: how far each source was read, and what each of its hours showed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from config import Settings
from messages import CLOCK_TOLERANCE, NEVER, Batch, HourRead, SealedWindow, Source, WatermarkRead
from planning.local_days import hour_start, hours_between, local_day
from planning.settling import first_day_to_settle

Hours = dict[tuple[date, int], HourRead]


@dataclass(slots=True)
class History:
    """The watermarks and hours of all sources. It is read once per run and grows with each commit."""

    watermarks: dict[str, WatermarkRead] = field(default_factory=dict)
    hours: defaultdict[str, Hours] = field(default_factory=lambda: defaultdict(dict))
    future_hours: dict[str, tuple[HourRead, ...]] = field(default_factory=dict)
    """Hours read at a moment later than now. They count as unread, and the next commit says so in the table."""
    reset_sources: set[str] = field(default_factory=set)
    """Sources with a wrong watermark or wrong hours."""
    without_valid_reads: set[str] = field(default_factory=set)
    """Sources among them with no hour that was read by a right clock. A first load is due again."""

    @classmethod
    def from_rows(cls, watermarks: Mapping[str, WatermarkRead], hours: Iterable[HourRead]) -> "History":
        history = cls(watermarks=dict(watermarks))
        for read in hours:
            history.hours[read.source_key][read.day, read.hour] = read
        return history

    def discard_future_reads(self, sources: Iterable[Source], now: datetime) -> None:
        """Count as unread everything that was read later than now, in the watermarks too."""
        latest = now + CLOCK_TOLERANCE
        for source in sources:
            key, zone = source.key, source.timezone
            watermark, hours = self.watermarks.get(key), self.hours[key]
            unread = {place: replace(read, read_at=NEVER) for place, read in hours.items() if read.read_at > latest}
            if unread:
                self.future_hours[key] = tuple(unread.values())
                hours |= unread
            starts = [hour_start(day, hour, zone) for day, hour in unread]
            if watermark is None or not (starts or watermark.read_until > latest):
                continue
            self.reset_sources.add(key)
            if len(unread) == len(hours):
                self.without_valid_reads.add(key)
            if not starts and hours:
                starts = [_end_of_valid_hours(hours, zone, now)]
            if starts:
                self.watermarks[key] = replace(watermark, read_until=min(*starts, watermark.read_until))
            else:
                del self.watermarks[key]  # nothing tells how far it was read: as in a first load

    def read_until(self, source: Source, settings: Settings, now: datetime) -> datetime:
        """Return the source's watermark, or the start of its first load. Never a day that CALL_DAYS has deleted."""
        first_day = local_day(now, source.timezone) - timedelta(days=settings.first_run_days)
        read_until = first_load = hour_start(first_day, 0, source.timezone)
        if watermark := self.watermarks.get(source.key):
            is_first = source.key in self.without_valid_reads
            read_until = min(watermark.read_until, first_load) if is_first else watermark.read_until
        if not settings.call_days:
            return read_until
        return max(read_until, hour_start(settings.first_day_kept(now), 0, source.timezone))

    def add(self, window: SealedWindow) -> None:
        """Remember the hours of a window, or that they are in doubt."""
        hours = self.hours[window.source.key]
        for count in window.hours:
            before = hours.get((count.day, count.hour))
            if window.suspect is not None and before is not None:
                hours[count.day, count.hour] = replace(before, doubt=window.suspect)
                continue
            hours[count.day, count.hour] = HourRead(
                source_key=window.source.key,
                day=count.day,
                hour=count.hour,
                legs=count.legs,
                in_progress=count.in_progress,
                read_at=window.read_at if window.suspect is None else NEVER,
                timezone=window.timezone,
                inbound=count.inbound,
                doubt=window.suspect,
            )

    def apply(self, batch: Batch) -> None:
        """Remember the windows and watermarks of a committed batch."""
        for outcome in batch.outcomes:
            for window in outcome.sealed:
                self.add(window)
                self.future_hours.pop(window.source.key, None)
                self.without_valid_reads.discard(window.source.key)
        for each in batch.watermarks:
            self.watermarks[each.source.key] = WatermarkRead(each.read_until, each.timezones, each.doubted_since)


def _end_of_valid_hours(hours: Hours, zone: str, now: datetime) -> datetime:
    """Return the end of the hours that are known although their watermark is wrong. No gap before it is in doubt."""
    past = {place: start for place in hours if (start := hour_start(*place, zone)) <= now}
    if not past:
        return now
    unread = [start for place, start in past.items() if hours[place].read_at <= start and not hours[place].doubt]
    return min([*unread, advance_read_until(past[max(past)], hours, zone, now)])


def oldest_day_of_interest(
    sources: Sequence[Source], watermarks: Mapping[str, WatermarkRead], settings: Settings, now: datetime
) -> date:
    """Return the first day with earlier reads that matter to a plan.

    A source that was read in several time zones needs all of its hours: this day does not hold for it.
    """
    days = [local_day(now, source.timezone) - timedelta(days=settings.settle_days + 1) for source in sources]
    days += [
        first_day_to_settle(watermark, watermark.read_until, source.timezone, settings)
        for source in sources
        if (watermark := watermarks.get(source.key))
    ]
    return min(days, default=now.date())


def advance_read_until(
    read_until: datetime, hours: Hours, zone: str, now: datetime, *, over_doubts: bool = False
) -> datetime:
    """Return the moment up to which everything has been read without a gap. It is never before ``read_until``.

    Args:
        over_doubts: pass over hours in doubt. They are read again by themselves.
    """
    for day, hour, start, end in hours_between(read_until, now, zone):
        read = hours.get((day, hour))
        if over_doubts and read is not None and read.doubt:
            continue
        if read is None or read.read_at <= start:
            return read_until
        if read.read_at < end:
            return max(read_until, read.read_at)
        read_until = max(read_until, end)
    return read_until
