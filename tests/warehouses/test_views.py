"""The views show what the calls say, alike in both warehouses, and follow their settings."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config import Settings
from database import open_warehouse
from messages import HourCount, SourceIdentity, Watermark
from tables import Column
from tests.warehouses import analyst
from tests.warehouses.conftest import DUCKDB_FIRST, ONLY_DUCKDB, Desk
from tests.warehouses.spool_files import DAY, call, outcome
from tests.warehouses.test_queries import at, inbound, known_tables
from utils import utc_now
from warehouses.duckdb.tables import TYPES
from warehouses.sql.view_columns import RECENT_DAYS, VIEWS, View
from warehouses.sql.views import ViewScript

LONGEST_TEST_MINUTES = 30
by_name = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def shown(desk: Desk, view: str, columns: str, order: str = "") -> list[tuple[Any, ...]]:
    found = analyst.rows(desk.settings, f"SELECT {columns} FROM vicidial.calls_{view} ORDER BY {order or columns}")
    return [tuple(row.values()) for row in found]


def queued(number: int, **changed: Any) -> dict[str, Any]:
    return inbound(number, **{"campaign": "SALES"} | changed)


def prepare(settings: Settings) -> None:
    warehouse = open_warehouse(settings)
    warehouse.prepare()
    warehouse.close()


def commit(desk: Desk, *calls: dict[str, Any]) -> None:
    desk.commit(outcome(desk.spool.sealed(*calls)))


@pytest.mark.slow
@by_name
def test_a_view_is_googlesql_of_the_types_that_its_record_tells(view: View) -> None:
    from tests.bigquery.googlesql import analyse

    script = ViewScript(
        name="`vicidial.{}`".format, calls="`vicidial.calls`", sale_statuses="SALE, XSALE",
        minutes_since="TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), {}, MINUTE)".format,
    )  # fmt: skip
    names = ", ".join(column.name for column in view.columns)
    tables = {**known_tables(), "target": nullable(view.columns)}
    analyse(f"INSERT INTO `target` ({names}) {script.query(view)}", tables, {})
    assert "SALE" in script.query(view) or "sales" not in names


def nullable(columns: Iterable[Column]) -> list[Column]:
    return [replace(column, required=False) for column in columns]


@DUCKDB_FIRST
@by_name
def test_a_view_has_the_columns_of_its_record(desk: Desk, view: View) -> None:
    names = ", ".join(column.name for column in view.columns)
    assert shown(desk, view.name, names, "1") == []
    commit(desk, call(1))
    for row in analyst.rows(desk.settings, f"SELECT * FROM vicidial.calls_{view.name}"):
        assert list(row) == [column.name for column in view.columns]


@ONLY_DUCKDB
@by_name
def test_a_view_has_the_types_of_its_record(desk: Desk, view: View) -> None:
    """In BigQuery, GoogleSQL's analyser says so."""
    query = f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM vicidial.calls_{view.name})"
    found = {row["column_name"]: row["column_type"] for row in analyst.rows(desk.settings, query)}
    assert found == {column.name: TYPES[column.type] for column in view.columns}


@DUCKDB_FIRST
def test_a_day_of_a_campaign_is_counted_by_direction_and_ingroup(desk: Desk) -> None:
    commit(
        desk,
        call(1, wrapup_seconds=10),  # 30 s and a sale
        call(2, status="NI", length_seconds=50, wrapup_seconds=None),
        call(3, status="N", length_seconds=20, wrapup_seconds=0),  # dialed by hand, nobody answered
        call(4, status="PDROP", agent=None, length_seconds=7),
        call(5, status="INCALL", length_seconds=None),
        call(6, status="NA", agent=None, length_seconds=40, dialer_campaign="OUT2"),
        queued(11, queue_seconds=20.0, talk_seconds=40.0, length_seconds=60, wrapup_seconds=5),
        queued(12, agent=None, queue_seconds=30.0, talk_seconds=0.0, length_seconds=30, status="DROP"),
        queued(13, agent=None, queue_seconds=9.0, talk_seconds=0.0, length_seconds=9, status="AFTHRS"),
    )
    columns = (
        "dialer_campaign, ingroup, calls, contacts, sales, drops, drop_percent, talk_seconds, wrapup_seconds,"
        " average_handle_seconds"
    )
    assert shown(desk, "campaign_day", columns, "direction, dialer_campaign") == [
        (None, "SALESLINE", 3, 1, 1, 1, 33.3, 40.0, 5, 45.0),
        ("OUT1", None, 5, 3, 1, 1, None, 100.0, 10, 36.7),
        ("OUT2", None, 1, 0, 0, 0, None, 0.0, 0, None),
    ]
    keys = "client_id, client_name, campaign, direction, call_date"
    assert shown(desk, "campaign_day", keys, "direction, dialer_campaign") == [
        ("C1", "Client One", "SALES", "inbound", DAY),
        *[("C1", "Client One", "SALES", "outbound", DAY)] * 2,
    ]


@DUCKDB_FIRST
def test_each_day_of_a_campaign_has_a_row_and_can_be_asked_for(desk: Desk) -> None:
    commit(desk, call(1), call(2, call_date=DAY + timedelta(days=1)))
    assert shown(desk, "campaign_day", "call_date, calls") == [(DAY, 1), (DAY + timedelta(days=1), 1)]
    query = f"SELECT calls FROM vicidial.calls_campaign_day WHERE call_date = DATE '{DAY}'"
    assert analyst.rows(desk.settings, query) == [{"calls": 1}]


@DUCKDB_FIRST
def test_a_day_of_an_agent_is_made_of_his_calls(desk: Desk) -> None:
    commit(
        desk,
        call(1, agent_name="Ann", wrapup_seconds=10),
        call(2, status="NI", agent="1002", length_seconds=50),
        call(3, status="INCALL", length_seconds=None),
        call(4, status="NA", agent=None, length_seconds=40),
        queued(11, queue_seconds=20.0, talk_seconds=40.0, length_seconds=60, wrapup_seconds=5, campaign="OTHER"),
    )
    assert shown(desk, "agent_day", "*", "agent") == [
        ("C1", "Client One", "1001", "Ann", DAY, 3, 2, 1, 2, 70.0, 15, at(1), at(11)),
        ("C1", "Client One", "1002", None, DAY, 1, 1, 0, 0, 50.0, 0, at(2), at(2)),
    ]


@DUCKDB_FIRST
def test_freshness_tells_the_age_of_each_source_and_its_hours_in_doubt(desk: Desk) -> None:
    now = utc_now().replace(microsecond=0)
    new: dict[str, Any] = {"call_date": now.date(), "call_time": now, "call_time_local": now.replace(tzinfo=None)}
    old: dict[str, Any] = {"call_date": now.date() - timedelta(days=RECENT_DAYS + 1)}
    hours = tuple(HourCount(day=now.date(), hour=hour, legs=1, in_progress=0) for hour in (9, 10))
    known: dict[str, Any] = {"report": "call_report_export", "host": "dialer.example", "timezones": frozenset({"UTC"})}
    one, two = (
        SourceIdentity(f"source-{number}", name, "C1", "Client One") for number, name in ((1, "SALES"), (2, "HELP"))
    )
    desk.commit(
        outcome(desk.spool.sealed(call(1, **new), call(2), hours=hours, suspect="fewer calls")),
        outcome(desk.spool.sealed(call(3, campaign="HELP", **old), source="source-2", hours=hours)),
        watermarks=(
            Watermark(source=one, read_until=now - timedelta(minutes=90, seconds=59), **known),
            Watermark(source=two, read_until=now - timedelta(days=2), doubted_since=DAY, **known),
        ),
    )
    columns = "campaign, client_id, client_name, host, report, newest_call, read_until, doubted_since, suspect_hours"
    same = ("C1", "Client One", "dialer.example", "call_report_export")
    assert shown(desk, "freshness", columns) == [
        ("HELP", *same, None, now - timedelta(days=2), DAY, 0),
        ("SALES", *same, now, now - timedelta(minutes=90, seconds=59), None, 2),
    ]
    for (minutes,), known_minutes in zip(shown(desk, "freshness", "age_minutes"), (91, 2 * 24 * 60), strict=True):
        assert 0 <= minutes - known_minutes + 1 <= LONGEST_TEST_MINUTES


def test_a_changed_setting_renews_the_views(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    commit(desk, call(1, status="SALE"), call(2, status="Upsell"), call(3, status="NI"))
    sales: dict[str, Any] = {}
    for statuses in ("SALE", "SALE, UPSELL", ""):
        with caplog.at_level(logging.WARNING):
            prepare(replace(desk.settings, sale_statuses=statuses))
        sales[statuses] = shown(desk, "campaign_day", "sales")
    assert sales == {"SALE": [(1,)], "SALE, UPSELL": [(2,)], "": [(0,)]}
    assert caplog.text == ""


@DUCKDB_FIRST
def test_a_warehouse_without_the_views_gets_them_when_it_is_prepared(desk: Desk) -> None:
    commit(desk, call(1))
    for view in VIEWS:
        analyst.execute(desk.settings, f"DROP VIEW vicidial.calls_{view.name}")
    prepare(desk.settings)
    assert shown(desk, "campaign_day", "calls") == [(1,)]


@DUCKDB_FIRST
@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_an_object_of_somebody_else_is_left_alone_and_told(
    desk: Desk, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    analyst.execute(desk.settings, "DROP VIEW vicidial.calls_campaign_day")
    analyst.execute(desk.settings, f"CREATE {kind} vicidial.calls_campaign_day AS SELECT 'mine' AS theirs")
    with caplog.at_level(logging.WARNING):
        prepare(replace(desk.settings, sale_statuses="XSALE"))
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "calls_campaign_day" in told
    assert "is not of this program" in told
    assert analyst.rows(desk.settings, "SELECT * FROM vicidial.calls_campaign_day") == [{"theirs": "mine"}]


@DUCKDB_FIRST
def test_two_programs_in_one_dataset_have_views_of_their_own(desk: Desk) -> None:
    commit(desk, call(1))
    prepare(replace(desk.settings, output_table="legs"))
    assert analyst.rows(desk.settings, "SELECT calls FROM vicidial.legs_campaign_day") == []
    assert shown(desk, "campaign_day", "calls") == [(1,)]
