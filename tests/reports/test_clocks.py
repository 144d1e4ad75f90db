"""Wall clocks to UTC: the hour that occurs twice, the one that is skipped, and zones that shift by half an hour."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from reports.clocks import SECOND, to_utc
from tests.reports.answers import INBOUND, NEW_YORK, OUTBOUND, export, read, record, source

EPOCH = datetime(1970, 1, 1)


def utc(local: str, zone: str = NEW_YORK, channel: datetime | None = None) -> tuple[str, bool]:
    """The moment of a wall-clock time, as text, and whether it stays ambiguous."""
    micros = np.array([(datetime.fromisoformat(local) - EPOCH) // timedelta(microseconds=1)])
    epochs = np.array([round(channel.timestamp()) * SECOND if channel else 0])
    moments, ambiguous = to_utc(micros, zone, epochs)
    moment = datetime.fromtimestamp(int(moments[0]) / SECOND, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S"), bool(ambiguous[0])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "zone", "moment"),
    [
        ("2026-01-15 12:00:00", NEW_YORK, "2026-01-15 17:00:00"),
        ("2026-07-15 12:00:00", NEW_YORK, "2026-07-15 16:00:00"),
        ("2026-07-15 12:00:00", "Asia/Kolkata", "2026-07-15 06:30:00"),
        ("2026-07-15 12:00:00", "Asia/Kathmandu", "2026-07-15 06:15:00"),
        ("2026-07-15 12:00:00", "Pacific/Kiritimati", "2026-07-14 22:00:00"),
        ("2026-07-15 12:00:00", "UTC", "2026-07-15 12:00:00"),
    ],
)
def test_an_ordinary_day_has_one_offset(local: str, zone: str, moment: str) -> None:
    assert utc(local, zone) == (moment, False)


@pytest.mark.parametrize(
    ("channel", "moment", "ambiguous"),
    [
        (None, "2026-11-01 05:30:00", True),  # nothing tells
        ("2026-11-01 05:30:00", "2026-11-01 05:30:00", False),  # the channel began with the leg, in the first hour
        ("2026-11-01 05:27:00", "2026-11-01 05:30:00", False),
        ("2026-11-01 06:30:00", "2026-11-01 06:30:00", False),  # in the second
        ("2026-11-01 06:28:00", "2026-11-01 06:30:00", False),
        ("2026-11-01 05:40:00", "2026-11-01 06:30:00", False),  # transferred: not before its channel
        ("2026-11-01 04:50:00", "2026-11-01 05:30:00", True),  # transferred, from before both
    ],
)
def test_in_the_hour_that_occurs_twice_the_channel_tells_which(
    channel: str | None, moment: str, *, ambiguous: bool
) -> None:
    assert utc("2026-11-01 01:30:00", NEW_YORK, at(channel) if channel else None) == (moment, ambiguous)


@pytest.mark.parametrize(
    ("local", "moment"),
    [
        ("2026-11-01 00:59:59", "2026-11-01 04:59:59"), ("2026-11-01 02:00:00", "2026-11-01 07:00:00"),
        ("2026-11-01 00:00:00", "2026-11-01 04:00:00"), ("2026-11-01 23:59:59", "2026-11-02 04:59:59"),
        ("2026-03-08 01:59:59", "2026-03-08 06:59:59"), ("2026-03-08 03:00:00", "2026-03-08 07:00:00"),
    ],
)  # fmt: skip
def test_the_other_hours_of_a_night_that_changes_the_clock_are_certain(local: str, moment: str) -> None:
    assert utc(local) == (moment, False)
    assert utc(local, channel=at("2026-11-01 04:00:00")) == (moment, False)


def test_a_time_that_the_spring_gap_skips_has_the_offset_before_it() -> None:
    assert utc("2026-03-08 02:30:00") == ("2026-03-08 07:30:00", False)


@pytest.mark.parametrize(
    ("channel", "moment", "ambiguous"),
    [(None, "2026-04-04 14:45:00", True), ("2026-04-04 15:14:00", "2026-04-04 15:15:00", False)],
)
def test_a_zone_may_shift_by_half_an_hour(channel: str | None, moment: str, *, ambiguous: bool) -> None:
    assert utc("2026-04-05 01:45:00", "Australia/Lord_Howe", at(channel) if channel else None) == (moment, ambiguous)
    assert utc("2026-04-05 01:29:59", "Australia/Lord_Howe") == ("2026-04-04 14:29:59", False)
    assert utc("2026-10-04 02:15:00", "Australia/Lord_Howe") == ("2026-10-03 15:45:00", False)


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo"])
def test_a_zone_may_shift_at_midnight(zone: str) -> None:
    """Every certain wall-clock half hour of a year comes back from its moment, and an uncertain one is marked."""
    start = datetime(2025, 1, 1)
    walls = [start + timedelta(minutes=minutes) for minutes in range(0, 365 * 24 * 60, 30)]
    micros = np.array([(wall - EPOCH) // timedelta(microseconds=1) for wall in walls])
    moments, ambiguous = to_utc(micros, zone, np.zeros(len(walls), dtype=np.int64))
    twice = 0
    for wall, moment, unsure in zip(walls, moments.tolist(), ambiguous.tolist(), strict=True):
        first, second = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
        assert first is not None
        assert second is not None
        assert unsure == (second < first)
        assert moment == (wall - first - EPOCH) // timedelta(microseconds=1)
        twice += unsure
    assert twice == 2  # the two halves of an hour


def test_rows_of_the_hour_that_occurs_twice_come_right_in_one_chunk() -> None:
    legs = [
        record(
            OUTBOUND, call_date="2026-11-01 01:30:00", uniqueid=f"{round(at(began).timestamp())}.1", status=began[11:13]
        )
        for began in ("2026-11-01 05:30:00", "2026-11-01 06:30:00")
    ]
    legs.append(record(INBOUND, call_date="2026-11-01 01:30:00", uniqueid="", status="??"))
    legs.append(record(INBOUND, call_date="2026-11-01 12:00:00", uniqueid="", status="noon"))
    answer = read(export(*legs))
    assert answer.values("status", "call_time", "time_ambiguous") == [
        ("05", at("2026-11-01 05:30:00"), False), ("06", at("2026-11-01 06:30:00"), False),
        ("??", at("2026-11-01 05:30:00"), True), ("noon", at("2026-11-01 17:00:00"), False),
    ]  # fmt: skip
    assert {str(row["call_time_local"]) for row in answer.rows} == {"2026-11-01 01:30:00", "2026-11-01 12:00:00"}
    assert {row["call_date"] for row in answer.rows} == {datetime(2026, 11, 1).date()}


@pytest.mark.parametrize("uniqueid", ["", "abc", "server-17935.4", "17935.1", "1793511000", "１７９３５１１０００.1"])
def test_a_uniqueid_that_begins_with_no_epoch_tells_nothing(uniqueid: str) -> None:
    row = read(export(record(OUTBOUND, call_date="2026-11-01 01:30:00", uniqueid=uniqueid))).only
    assert (row["call_time"], row["time_ambiguous"]) == (at("2026-11-01 05:30:00"), True)
    assert row["uniqueid"] == (uniqueid or None)


def test_the_zone_is_that_of_the_credentials_row() -> None:
    row = read(export(record(OUTBOUND)), source(timezone="Europe/Berlin")).only
    assert row["call_time"] == at("2026-03-02 09:00:00")
    assert row["call_time_local"] == datetime(2026, 3, 2, 10)


@pytest.mark.parametrize("name", ["vici1-", "dialer-2-"])
def test_a_server_may_put_its_name_before_the_epoch(name: str) -> None:
    """Asterisk does so where its systemname is set."""
    named, plain = (
        read(export(record(OUTBOUND, call_date="2026-11-01 01:30:00", uniqueid=f"{each}1793514600.4"))).only
        for each in (name, "")
    )
    assert (named["call_time"], named["time_ambiguous"]) == (plain["call_time"], False)
