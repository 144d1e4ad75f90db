"""The time zone of a dialer's calls, as their uniqueids tell it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from messages import ShownOffset
from reports.utc_offsets import Offsets
from tests.reports.answers import INBOUND, OUTBOUND, export, read, record

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = {"outbound": OUTBOUND, "inbound": INBOUND}


def call(kind: str, zone: str, minutes: float, late: float = 0) -> bytes:
    """One that began at noon (UTC) and some minutes, and was written down ``late`` minutes after."""
    began = NOON + timedelta(minutes=minutes)
    written = (began + timedelta(minutes=late)).astimezone(ZoneInfo(zone))
    uniqueid = f"{began.timestamp():.0f}.{minutes:.0f}"
    return record(KINDS[kind], call_date=f"{written:%Y-%m-%d %H:%M:%S}", uniqueid=uniqueid)


def offset_of(calls: Sequence[bytes], chunk_records: int = 1000) -> ShownOffset | None:
    found = Offsets()
    for chunk in read(export(*calls), chunk_records=chunk_records).chunks:
        found.add(chunk.table)
    return found.majority()


@pytest.mark.parametrize("chunk_records", [1, 1000])
@pytest.mark.parametrize("kind", ["outbound", "inbound"])
@pytest.mark.parametrize(
    ("zone", "hours"), [("America/New_York", -5), ("Asia/Kolkata", 5.5), ("Pacific/Kiritimati", 14), ("UTC", 0)]
)
def test_most_calls_decide(kind: str, zone: str, hours: float, chunk_records: int) -> None:
    calls = [call(kind, zone, minutes) for minutes in range(8)] + [call(kind, zone, minute, 40) for minute in (9, 10)]
    latest = NOON + timedelta(minutes=7)
    assert offset_of(calls, chunk_records) == ShownOffset(moment=latest, offset=timedelta(hours=hours), calls=8)


def test_calls_of_in_groups_tell_only_where_there_are_no_others() -> None:
    transfers = [call("inbound", "UTC", minutes, 30) for minutes in range(20, 30)]
    found = offset_of([call("outbound", "America/New_York", 1, 1), *transfers])
    assert found == ShownOffset(moment=NOON + timedelta(minutes=1), offset=timedelta(hours=-5), calls=1)


@pytest.mark.parametrize("uniqueid", ["", "gone", "1795000000.{}", "17722{}0000.1"])
def test_uniqueids_that_say_nothing_of_the_time_tell_nothing(uniqueid: str) -> None:
    calls = [
        record(OUTBOUND, call_date=f"2026-03-02 {hour:02}:{hour * 7 % 60:02}:00", uniqueid=uniqueid.format(hour))
        for hour in range(10, 20)
    ]
    assert offset_of(calls) is None
    assert offset_of([]) is None
