"""Calls are read in batches: by day, client and campaign, with their types, the same from both warehouses."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from config import Settings
from credentials.rows import source_key
from database import open_warehouse
from errors import NobodyChosen, OptionInvalid, OptionRefused
from extracts import read_calls
from extracts.absences import explain_absence
from extracts.choices import choose_calls
from messages import CallChoice, HourCount
from tables import CALLS, CREDENTIALS, arrow_schema
from tests.warehouses.conftest import DUCKDB_FIRST, Desk
from tests.warehouses.spool_files import DAY, NOON, call, outcome
from utils import utc_now
from warehouses.bigquery.reader import BigQueryReader
from warehouses.duckdb.reader import DuckDBReader

ONE_DAY = timedelta(days=1)
NEXT = DAY + ONE_DAY
OTHER: dict[str, Any] = {"client_id": "C2", "client_name": "Client Two", "campaign": "HELP"}


def choice(**fields: Any) -> CallChoice:
    return CallChoice(**({"first": DAY, "last": DAY} | fields))


def read(desk: Desk, **fields: Any) -> pa.Table:
    return pa.Table.from_batches(desk.warehouse.reader.calls(choice(**fields)))


def leads(desk: Desk, **fields: Any) -> list[str]:
    found: list[str] = read(desk, **fields)["lead_id"].to_pylist()
    return found


def call_of(day: date, number: int, **fields: Any) -> dict[str, Any]:
    local = datetime.combine(day, time(9)) + timedelta(seconds=number)
    return call(number, call_date=day, call_time=local.replace(tzinfo=UTC), call_time_local=local, **fields)


def fill(desk: Desk, day: date = DAY) -> None:
    """Store calls 3, 1 and 2 of one day, and call 4 of the next one."""
    here = call_of(day, 3, length_seconds=None, queue_seconds=1.5), call_of(day, 2), call_of(day + ONE_DAY, 4)
    hours = (HourCount(day=day, hour=9, legs=2, in_progress=0),)
    first = desk.spool.sealed(*here, hours=hours)
    second = desk.spool.sealed(call_of(day, 1, **OTHER), source="source-2", hours=hours)
    desk.commit(outcome(first), outcome(second))


def test_calls_are_chosen_by_day_client_and_campaign_in_the_order_of_time(desk: Desk) -> None:
    fill(desk)
    everything = read(desk)
    assert everything.schema == arrow_schema(CALLS.columns)
    assert everything["lead_id"].to_pylist() == ["1", "2", "3"]
    stored = {row["call_key"]: row for row in desk.rows()}
    assert everything.to_pylist() == [stored[key] for key in everything["call_key"].to_pylist()]
    assert leads(desk, last=NEXT) == ["1", "2", "3", "4"]
    assert leads(desk, client="C2") == leads(desk, client="Client Two") == leads(desk, campaign="HELP") == ["1"]
    assert leads(desk, client="C1", campaign="HELP") == leads(desk, client="'; DROP TABLE calls; --") == []
    assert leads(desk, last=NEXT, newest=2) == ["4", "3"]
    assert read(desk, columns=("status", "phone"), newest=1).to_pylist() == [{"status": "SALE", "phone": "07003"}]
    reader = desk.warehouse.reader
    assert reader.call_days(choice(last=NEXT, newest=1)) == {DAY: 3, NEXT: 1}
    assert reader.call_days(choice(last=NEXT, client="C2")) == {DAY: 1}
    assert reader.call_days(choice(first=NEXT + timedelta(days=1), last=NEXT + timedelta(days=2))) == {}
    assert reader.days_read(choice(last=NEXT)) == reader.days_read(choice(), ["x", "source-2"]) == {DAY}
    assert reader.days_read(choice(first=NEXT, last=NEXT)) == reader.days_read(choice(), ["x"]) == set()
    assert (reader.first_day_read(), reader.first_day_read(["source-2"]), reader.first_day_read(["x"])) == (
        DAY, DAY, None,
    )  # fmt: skip


def test_calls_come_in_batches_of_a_bounded_size(desk: Desk) -> None:
    fill(desk)
    reader = desk.warehouse.reader
    assert isinstance(reader, DuckDBReader | BigQueryReader)
    reader.batch_rows = 2
    batches = list(reader.calls(choice(last=NEXT)))
    assert [batch["lead_id"].to_pylist() for batch in batches if batch.num_rows] == [["1", "2"], ["3", "4"]]


def add_client(desk: Desk, client_id: str, name: str, campaign: str, **cells: str) -> None:
    row: dict[str, str | None] = dict.fromkeys(CREDENTIALS.names)
    row |= {"campaign": campaign, "client_id": client_id, "client_name": name, "username": "u", "password": "p"}
    row["url"] = f"http://{client_id.lower()}.example/vicidial/"
    row |= cells
    desk.warehouse.put_credential_rows([row], lambda each: f"{each['client_id']}")


def note_reads(desk: Desk, client_id: str, campaign: str, *days: date) -> None:
    """Store that days of a client of `add_client` were read, and had no calls."""
    cells = {"client_id": client_id, "campaign": campaign, "url": f"http://{client_id.lower()}.example/vicidial/"}
    hours = tuple(HourCount(day=day, hour=9, legs=0, in_progress=0) for day in days)
    desk.commit(outcome(desk.spool.sealed(source=source_key(cells), hours=hours)))


@DUCKDB_FIRST
def test_a_notebook_gets_a_data_frame_or_an_error_that_says_what_to_do(desk: Desk) -> None:
    day = utc_now().date() - timedelta(days=3)
    fill(desk, day)
    add_client(desk, "C3", "Client Three", "SALES")
    read_calls_here = partial(read_calls, settings=desk.settings)
    frame = read_calls_here(day.isoformat(), day + ONE_DAY, client="Client One")
    assert frame["lead_id"].tolist() == ["2", "3", "4"]
    assert (str(frame["call_time"].dtype), str(frame["length_seconds"].dtype)) == (
        "timestamp[us, tz=UTC][pyarrow]", "int64[pyarrow]",
    )  # fmt: skip
    assert frame["length_seconds"].isna().tolist() == [False, True, False]
    assert read_calls_here(columns=["phone"]).to_dict("list") == {"phone": ["07004"]}
    with pytest.raises(OptionRefused, match="No calls of client 'Client Three' were read yet"):
        read_calls_here(day, client="Client Three")
    note_reads(desk, "C3", "SALES", day)
    empty = read_calls_here(day, client="Client Three")
    assert (len(empty), list(empty.columns)) == (0, list(CALLS.names))
    with pytest.raises(NobodyChosen, match=r"--client 'Client 1'.*clients list"):
        read_calls_here(day, client="Client 1")
    before = day - ONE_DAY
    with pytest.raises(OptionRefused, match=rf"first day read is {day}\. `python main.py backfill --from {before}"):
        read_calls_here(before)
    with pytest.raises(OptionRefused, match=rf"on {day + ONE_DAY * 2}: this day was not read"):
        read_calls_here(day + ONE_DAY * 2)
    with pytest.raises(OptionInvalid, match=r"'20\.11\.2026': allowed is a day such as"):
        read_calls_here("20.11.2026")


@DUCKDB_FIRST
def test_the_newest_day_with_calls_is_chosen_where_none_is_named(desk: Desk) -> None:
    fill(desk)
    add_client(desk, "C3", "Client Three", "SALES")
    reader, now = desk.warehouse.reader, NOON + timedelta(days=9)
    newest = choose_calls(reader, now)
    assert (newest.choice, newest.calls, newest.days) == (
        choice(first=NEXT, last=NEXT), 1, "on 2026-11-21 (the newest day with calls)",
    )  # fmt: skip
    assert choose_calls(reader, now, campaign="HELP").choice == choice(campaign="HELP")
    later = now + timedelta(days=40)
    note_reads(desk, "C9", "SALES", later.date())
    nothing = choose_calls(reader, later)
    assert nothing.calls == 0
    assert explain_absence(desk.warehouse, desk.settings, nothing, later) == (
        "No calls since 2026-12-09. Name an older day with --day."
    )
    with pytest.raises(OptionRefused, match="No calls of client 'C3' were read yet"):
        explain_absence(desk.warehouse, desk.settings, choose_calls(reader, later, client="C3"), later)


def explain(desk: Desk, now: datetime, **names: Any) -> str:
    return explain_absence(desk.warehouse, desk.settings, choose_calls(desk.warehouse.reader, now, **names), now)


@DUCKDB_FIRST
def test_a_day_that_nobody_read_is_no_day_without_calls(desk: Desk) -> None:
    fill(desk)
    add_client(desk, "C3", "Client Three", "SALES")
    gap, after = DAY + timedelta(days=3), DAY + timedelta(days=6)
    note_reads(desk, "C3", "SALES", DAY, after)
    doubt = "an empty answer"
    hours = (HourCount(day=gap, hour=9, legs=0, in_progress=0),)
    desk.commit(outcome(desk.spool.sealed(source="source-1", hours=hours, suspect=doubt)))
    now = NOON + timedelta(days=9)
    assert explain(desk, now, first=after) == f"No calls on {after}."
    unread = rf"on {gap}: this day was not read\. `python main.py backfill --from {gap} --to {gap}` reads it"
    with pytest.raises(OptionRefused, match=unread):
        explain(desk, now, first=gap)
    chosen = rf'backfill --from {gap} --to {gap + ONE_DAY} --campaign SALES --client "Client Three"` reads them'
    with pytest.raises(OptionRefused, match=chosen):
        explain(desk, now, first=gap, last=gap + ONE_DAY, client="Client Three", campaign="SALES")
    some = explain(desk, now, first=gap, last=after, client="C3")
    assert some == f"No calls of client 'C3' from {gap} to {after}. Days not read among them: 3."
    with pytest.raises(OptionRefused, match=r"this day was not read\. `python main.py status` says why"):
        explain(desk, now, first=now.date())
    late = now + timedelta(days=60)
    with pytest.raises(OptionRefused, match="since 2026-12-29: none of these days was read"):
        explain(desk, late)


@DUCKDB_FIRST
def test_days_that_have_not_come_or_are_deleted_are_refused(desk: Desk) -> None:
    fill(desk)
    reader = desk.warehouse.reader
    with pytest.raises(OptionInvalid, match="day 2026-11-22: allowed is 2026-11-21 or earlier"):
        choose_calls(reader, NOON, first=DAY, last=DAY + timedelta(days=2))
    with pytest.raises(OptionInvalid, match=r"last day 2026-11-19: allowed is 2026-11-20 \(the first day\) or later"):
        choose_calls(reader, NOON, first=DAY, last=DAY - timedelta(days=1))
    with pytest.raises(OptionInvalid, match="a last day after a first one"):
        choose_calls(reader, NOON, last=DAY)
    extract = choose_calls(reader, NOON, first=DAY - timedelta(days=9))
    with pytest.raises(OptionRefused, match="CALL_DAYS keeps those since 2026-11-1"):
        explain_absence(desk.warehouse, replace(desk.settings, call_days=2), extract, NOON)


@DUCKDB_FIRST
def test_without_calls_one_empty_batch_names_the_columns(desk: Desk) -> None:
    (batch,) = desk.warehouse.reader.calls(choice())
    assert (batch.num_rows, batch.schema) == (0, arrow_schema(CALLS.columns))
    with pytest.raises(OptionInvalid, match="no_column"):
        next(iter(desk.warehouse.reader.calls(choice(columns=("call_key", "no_column")))))


def test_a_warehouse_without_tables_has_no_calls(unprepared: Settings) -> None:
    with closing(open_warehouse(unprepared)) as warehouse:
        (batch,) = warehouse.reader.calls(choice())
        assert (batch.num_rows, batch.schema) == (0, arrow_schema(CALLS.columns))
        assert (warehouse.reader.call_days(choice()), warehouse.reader.first_day_read()) == ({}, None)
        extract = choose_calls(warehouse.reader, NOON)
        with pytest.raises(OptionRefused, match=r"No calls were read yet\. `python main.py status`"):
            explain_absence(warehouse, unprepared, extract, NOON)


@DUCKDB_FIRST
def test_the_answer_for_a_client_that_is_not_read_now_says_why(desk: Desk) -> None:
    fill(desk)
    add_client(desk, "C4", "Client Four", "SALES", enabled="no")
    now = NOON + timedelta(days=9)
    with pytest.raises(
        OptionRefused, match=r"'C4' were read yet\. Not read now: switched off\. .*clients list"
    ) as refusal:
        explain(desk, now, first=DAY, client="C4")
    assert "backfill" not in str(refusal.value)
    note_reads(desk, "C4", "SALES", DAY)
    assert explain(desk, now, first=DAY, client="C4") == (
        f"No calls of client 'C4' on {DAY}. Not read now: switched off."
    )
    with pytest.raises(OptionRefused, match=r"on 2026-11-21: this day was not read\. Not read now: switched off"):
        explain(desk, now, first=NEXT, client="C4")
