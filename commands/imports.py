"""`main.py clients import`: a CSV file into the credentials table, and what it changes beyond its rows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from commands.summaries import DOUBT
from config import Settings
from credentials.csv_files import read_clients
from credentials.doubts import doubts
from credentials.replaced import is_on, rows_meant
from credentials.rows import Row, by_our_names, source_key, usable_credentials
from credentials.urls import address_of
from database import Warehouse
from messages import Credential
from schedules.days import local_day
from schedules.histories import History
from schedules.zones import misdated
from utils import one_line, plural, utc_now


def imported(warehouse: Warehouse, settings: Settings, path: Path, *, replace: bool) -> list[str]:
    """Take all rows of a CSV file, or none; as it is told to people.

    Args:
        replace: switch off the row that an imported one takes the place of, where only one can be meant.
    """
    rows = read_clients(path)
    warehouse.prepare()
    stored = warehouse.credential_rows()
    meant = rows_meant(stored, rows)
    on = [(new, [old for old in others if is_on(old)]) for new, others in meant]
    replaced = {source_key(old): {**old, "enabled": "no"} for _, [old] in _alone(on)} if replace else {}
    merged = warehouse.put_credential_rows([*rows, *replaced.values()], source_key)
    changed = merged.changed - len(replaced)
    usable, _ = usable_credentials(warehouse.credential_rows(), settings)
    keys = {source_key(row) for row in rows}
    return [
        f"{path.name}: {merged.added} added, {changed} changed, {merged.left} left as they were",
        *dict.fromkeys(line for new, others in on if others for line in _told_beside(new, others, replace=replace)),
        *_told_choices(stored, rows),
        *_told_zones(warehouse, settings, [source for source in usable if source.source_key in keys], meant),
        *(f"{DOUBT} {doubt.happened} {doubt.advice}" for doubt in doubts(usable) if doubt.sources & keys),
    ]


def _alone(meant: Sequence[tuple[Row, list[Row]]]) -> list[tuple[Row, list[Row]]]:
    return [(new, others) for new, others in meant if len(others) == 1]


def _told_beside(new: Row, others: Sequence[Row], *, replace: bool) -> Iterator[str]:
    shown = [_difference(new, old) for old in others]
    if replace and len(others) == 1:
        yield f"{_who(new)}: the row {shown[0]} is switched off"
    elif replace:
        yield (
            f"{_who(new)}: {plural(len(others), 'row')} may be meant, {' and '.join(shown)}: none is switched off; put"
            " the rows of this client that are right into one file and import that with --replace"
        )
    else:
        for each in shown:
            yield (
                f"{_who(new)}: the row {each} stays and is read too; if this one takes its place, import the file once"
                " more with --replace"
            )


def _told_choices(stored: Sequence[Row], rows: Sequence[Row]) -> Iterator[str]:
    """A row that asks for more than before gets it from now on."""
    before = {source_key(row): by_our_names(row) for row in stored}
    for row in rows:
        old = before.get(source_key(row))
        if old is not None and any(
            (row.get(name) or "") != old.get(name, "") for name in ("dialer_campaigns", "ingroups")
        ):
            yield (
                f"{_who(row)}: it asks for other campaigns or in-groups than before; their older calls are brought by"
                " `python main.py backfill --from YYYY-MM-DD --to YYYY-MM-DD`"
            )


def _told_zones(
    warehouse: Warehouse, settings: Settings, sources: Sequence[Credential], meant: Sequence[tuple[Row, Sequence[Row]]]
) -> Iterator[str]:
    """What was read in another time zone: by these rows themselves, or by rows that they may take the place of."""
    before = {source_key(new): others for new, others in meant}
    by_key = {source_key(new): new for new, _ in meant}
    keys = [source.source_key for source in sources]
    keys += [source_key(old) for source in sources for old in before.get(source.source_key, ())]
    now = utc_now()
    history = History.of({}, warehouse.hours(date.max, keys) if keys else ())
    for source in sources:
        own = history.hours[source.source_key]
        who = f"{one_line(source.campaign)} / {one_line(source.client_name)}"
        if misdated(source, None, own, settings, now):
            yield (
                f"{who}: some of what was read of it is in another time zone than {source.timezone}; the next cycles"
                " read that again, unless the dialer's clock contradicts it, which `python main.py check` tells"
            )
        new = by_key[source.source_key]
        for old in before.get(source.source_key, ()):
            others = history.hours[source_key(old)]
            wrong = misdated(source, None, others, settings, now)
            zones = {others[place].timezone or "" for place in wrong}
            days = {day for day, _ in wrong} - {day for day, _ in own}
            if not own:  # the first load brings these by itself
                first = local_day(now, source.timezone) - timedelta(days=settings.first_run_days)
                days = {day for day in days if day < first}
            yield from _told_of_another_row(source, who, _difference(new, old), days, zones)


def _told_of_another_row(source: Credential, who: str, other: str, days: set[date], zones: set[str]) -> Iterator[str]:
    """No cycle reads again what another row has read, since a dialer may have moved with it."""
    over = local_day(utc_now(), source.timezone) - timedelta(days=1)
    if days and min(days) <= over:
        yield (
            f"{who}: what the row {other} read since {min(days)} keeps the times of {' and '.join(sorted(zones))}; if"
            f" these are wrong: `python main.py backfill --from {min(days)} --to {min(max(days), over)}"
            f" --client {source.argument}`"
        )


def _who(row: Row) -> str:
    client = row.get("client_name") or row.get("client_id") or ""
    return f"{one_line(row.get('campaign') or '')} / {one_line(client)}"


def _difference(new: Row, old: Mapping[str, str | None]) -> str:
    """What tells the old row from the new one."""
    before, after = (address_of(row.get("url") or "") for row in (old, new))
    if before != after:
        return f"for {before or 'another address'}"
    return f"with Campaign {one_line(old.get('campaign') or '')}"
