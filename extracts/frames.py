"""Calls as a data frame, for notebooks."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa

from config import Settings
from database import open_for_reading
from errors import OptionInvalid
from extracts.absences import explain_absence
from extracts.choices import choose_calls
from reports.data_frames import Frame, frame_of
from utils import utc_now


def read_calls(
    first: date | str | None = None,
    last: date | str | None = None,
    *,
    client: str | None = None,
    campaign: str | None = None,
    columns: Sequence[str] = (),
    settings: Settings | None = None,
) -> Frame:
    """Read calls into a data frame with Arrow-backed types, in the order of time.

    All of them must fit into memory: a million calls take about 1 GB. The warehouse is closed at the end.

    Args:
        first: the first local day, as a date, a moment of it, or a text such as ``"2026-11-28"``. None
            takes the newest day with calls.
        last: the last local day, inclusive. None takes ``first``.
        client: ClientName or ClientID.
        campaign: Campaign of the credentials table.
        columns: names of columns (docs/tables.md). All by default. BigQuery bills by column.
        settings: None reads the environment and `.env` as main.py does.

    Returns:
        A row per call. Without calls it has the columns and no row.

    Raises:
        ConfigError: an unknown name or column, a day that has not come or was not read.
        WarehouseError: the warehouse is away, or locked for more than 30 seconds.
    """
    import pandas as pd  # noqa: F401, PLC0415 - before pyarrow, which otherwise takes it for missing after an error

    if isinstance(columns, str):
        raise OptionInvalid("columns", repr(columns), f"a list of names, such as [{columns!r}]")
    settings = settings or Settings.from_env(os.environ)
    now = utc_now()
    days = {"first": _parse_day("first", first), "last": _parse_day("last", last)}
    with closing(open_for_reading(settings)) as warehouse:
        extract = choose_calls(warehouse.reader, now, **days, client=client, campaign=campaign)
        choice = replace(extract.choice, columns=tuple(columns))
        with closing(warehouse.reader.calls(choice)) as batches:
            calls = pa.Table.from_batches(batches)
        if not calls.num_rows:
            explain_absence(warehouse, settings, extract, now)
    return frame_of(calls)


def _parse_day(name: str, day: date | str | None) -> date | None:
    if isinstance(day, datetime):  # a pandas Timestamp is one
        return day.date()
    if not isinstance(day, str):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise OptionInvalid(name, repr(day), "a day such as 2026-11-28") from None
