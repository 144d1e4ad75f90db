"""Notes of an import about hours that were read in another time zone. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from config import Settings
from credentials.rows import Row, source_key
from engine.import_notes import row_place
from messages import Source
from planning.history import History
from planning.local_days import local_day
from planning.time_zones import hours_in_other_zone
from utils import one_line, utc_now


def zone_changes(
    history: History, settings: Settings, sources: Sequence[Source], meant: Sequence[tuple[Row, Sequence[Row]]]
) -> Iterator[str]:
    """Name the sources that were read in another time zone, by their own row or by one that it takes the place of.

    Args:
        meant: each imported row, with the stored rows that it may take the place of.
    """
    before = {source_key(new): others for new, others in meant}
    now = utc_now()
    for source in sources:
        own = history.hours[source.key]
        who = f"{one_line(source.campaign)} / {one_line(source.client_name)}"
        if hours_in_other_zone(source, None, own, settings, now):
            yield (
                f"{who}: some of what was read of it is in another time zone than {source.timezone}; the next cycles"
                " read that again, unless the dialer's calls contradict it, which `python main.py check` tells"
            )
        for old in before.get(source.key, ()):
            others = history.hours[source_key(old)]
            wrong = hours_in_other_zone(source, None, others, settings, now)
            zones = {others[place].timezone or "" for place in wrong}
            days = {day for day, _ in wrong} - {day for day, _ in own}
            if not own:  # the first load brings these by itself
                first = local_day(now, source.timezone) - timedelta(days=settings.first_run_days)
                days = {day for day in days if day < first}
            yield from _days_of_other_row(source, who, row_place(old), days, zones)


def _days_of_other_row(source: Source, who: str, other: str, days: set[date], zones: set[str]) -> Iterator[str]:
    """Propose a backfill. No cycle reads again what another row has read, since a dialer may have moved with it."""
    over = local_day(utc_now(), source.timezone) - timedelta(days=1)
    if days and min(days) <= over:
        yield (
            f"{who}: what the row {other} read since {min(days)} keeps the times of {' and '.join(sorted(zones))}; if"
            f" these are wrong: `python main.py backfill --from {min(days)} --to {min(max(days), over)}"
            f" --client {source.argument}`"
        )
