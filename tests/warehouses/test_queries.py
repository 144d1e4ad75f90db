"""Every SQL text of the documents is GoogleSQL, those of docs/queries.md give the same rows in both warehouses, and
docs/costs.md counts the script as it is."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from errors import Label
from messages import ClientOutcome, Failure, HourCount, RunEnd, SourceIdentity, Watermark
from tables import CALLS, CLASSIC, CREDENTIALS, RUNS, STATE_TABLES, Column
from tests.warehouses import analyst
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import DAY, NOON, call, outcome
from warehouses.bigquery.script import BigQueryScript
from warehouses.bigquery.staging import Staged
from warehouses.sql.view_columns import VIEWS

DOCS = Path(__file__).resolve().parents[2] / "docs"
MEBI, TEBI = 2**20, 2**40
JOBS = (
    Column("creation_time", "TIMESTAMP", ""),
    Column("user_email", "STRING", ""),
    Column("parent_job_id", "STRING", ""),
    Column("total_bytes_billed", "INT64", ""),
    Column("labels", "ARRAY<STRUCT<key STRING, value STRING>>", ""),
)
"""Those columns of Google's view of all jobs that the documents name."""


def blocks(document: str) -> list[str]:
    return re.findall(r"^```sql\n(.*?)^```$", (DOCS / document).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


EVERY_TEXT = [text for name in ("queries.md", "costs.md", "bigquery.md") for text in blocks(name)]
QUERIES = blocks("queries.md")


def first_words(text: str) -> str:
    return " ".join(text.split()[:4])


def known_tables() -> dict[str, Sequence[Column]]:
    tables = {f"vicidial.{table.name}": table.columns for table in (CALLS, *STATE_TABLES)}
    by_name = {column.name: column for column in CALLS.columns}
    classic = [Column(name, by_name[column].type, "") for name, column in CLASSIC.items()]
    views = {f"vicidial.calls_{view.name}": view.columns for view in VIEWS}
    return {**tables, **views, "vicidial.calls_classic": classic, "region-us.INFORMATION_SCHEMA.JOBS": JOBS}


@pytest.mark.slow
@pytest.mark.parametrize("text", EVERY_TEXT, ids=first_words)
def test_every_sql_text_of_the_documents_is_googlesql(text: str) -> None:
    from tests.bigquery.googlesql import analyse

    quoted = text.replace("`region-us`.INFORMATION_SCHEMA.JOBS", "`region-us.INFORMATION_SCHEMA.JOBS`")
    quoted = re.sub(r"`?(?:my-project\.)?\b(vicidial\.\w+)`?", r"`\1`", quoted)
    tables = known_tables()
    if "CREATE TABLE" not in text:
        tables["vicidial.credentials"] = CREDENTIALS.columns
    analyse(quoted, tables, {})


def test_every_query_of_calls_names_its_days() -> None:
    for text in EVERY_TEXT:
        if re.search(r"FROM vicidial\.calls(_campaign_day|_agent_day|_transfers)?\n", text):
            assert re.search(r"WHERE call_date (BETWEEN|>=|=) ", text), text


def test_the_credentials_table_of_the_documents_is_the_one_that_is_made() -> None:
    (text,) = [text for text in blocks("bigquery.md") if text.startswith("CREATE TABLE")]
    columns = re.findall(r"^  (\w+) (\w+)( NOT NULL)?,?(?: -- .*)?$", text, re.MULTILINE)
    assert columns == [(c.name, c.type, " NOT NULL" if c.required else "") for c in CREDENTIALS.columns]


ANSWERED: dict[str, Any] = {"hangup_cause": 16, "dialstatus": "ANSWER"}
DID: dict[str, Any] = {"did_pattern": "3125551000", "did_description": "Sales line"}


def at(second: int) -> datetime:
    return datetime(2026, 11, 20, 9) + timedelta(seconds=second)


def inbound(number: int, **changed: Any) -> dict[str, Any]:
    known = {"direction": "inbound", "ingroup": "SALESLINE", "dialer_campaign": None, "campaign": "HELP"}
    return call(number, **known | changed)


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """Fill two campaigns of one client on one day: a corrected disposition, a refusal, two hours that shrank."""
    desk.commit(
        outcome(
            desk.spool.sealed(
                call(1, agent_name="Ann", wrapup_seconds=5, status_name="Sale", **ANSWERED, dial_seconds=7),
                call(2, status="NI", agent_name="Ann", wrapup_seconds=7, **ANSWERED, dial_seconds=8),
                call(3, status="NI", agent="1002", length_seconds=60),
                call(4, status="NA", agent=None, length_seconds=0, hangup_cause=19, dialstatus="NOANSWER"),
                quarantine=("half a record",),
            )
        ),
        watermarks=(mark("source-1", NOON),),
    )
    desk.commit(
        outcome(
            desk.spool.sealed(call(3, status="SALE", agent="1002", length_seconds=60)),
            desk.spool.sealed(
                inbound(11, agent_name="Ann", queue_seconds=20.0, talk_seconds=40.0, length_seconds=60, **DID),
                inbound(12, agent="1002", queue_seconds=20.5, talk_seconds=9.5, status="NI", uniqueid="11.1", **DID),
                inbound(13, agent=None, queue_seconds=30.0, talk_seconds=0.0, status="DROP", **DID),
                inbound(14, length_seconds=None, status="INCALL", agent=None),
                source="source-2",
            ),
            clients=(client("source-1", None), client("source-2", "refused: correct that row")),
        ),
        watermarks=(mark("source-2", NOON - timedelta(hours=1)),),
        committed_at=NOON + timedelta(hours=3),
    )
    short = desk.spool.sealed(shortfall=1, hours=(HourCount(day=DAY, hour=9, legs=0, in_progress=0),))
    desk.commit(outcome(short), committed_at=NOON + timedelta(hours=4))
    return desk


def client(source: str, failure: str | None) -> ClientOutcome:
    campaign = "SALES" if source == "source-1" else "HELP"
    return ClientOutcome(
        source=SourceIdentity(source, campaign, "C1", "Client One"),
        failure=Failure(Label.FAILED, failure) if failure else None,
    )


def mark(source: str, until: datetime) -> Watermark:
    return Watermark(
        source=SourceIdentity(source, "SALES", "C1", "Client One"), report="call_report_export",
        host="dialer.example", read_until=until, timezones=frozenset({"UTC"}),
    )  # fmt: skip


LATER = datetime(2026, 11, 20, 15, tzinfo=UTC)
ROWS: Mapping[str, list[tuple[Any, ...]]] = {
    "SELECT call_date, campaign, direction,": [
        (DAY, "HELP", "inbound", "SALESLINE", 4, 2, 1, 1, 25.0, 49.5, 24.8),
        (DAY, "SALES", "outbound", "OUT1", 4, 3, 2, 0, None, 120.0, 44.0),
    ],
    "SELECT call_date, agent, agent_name,": [
        (DAY, "1001", "Ann", 2, 1, 2, 100.0, 12, at(1), at(11)),
        (DAY, "1002", None, 1, 1, 1, 69.5, 0, at(3), at(12)),
    ],
    "SELECT client_name, campaign, newest_call,": [
        ("Client One", "SALES", None, NOON - timedelta(hours=1), None, 0),
        ("Client One", "SALES", None, NOON, None, 0),
    ],
    "SELECT call_time_local, agent, status,": [],
    "SELECT campaign, call_date, COUNT(*)": [("HELP", DAY, 4, 1, 25.0), ("SALES", DAY, 4, 2, 50.0)],
    "SELECT agent, MAX(agent_name) AS": [("1001", "Ann", 3, 100, 12, 2), ("1002", None, 2, 69.5, None, 1)],
    "SELECT agent, status, MAX(status_name)": [
        ("1001", "SALE", "Sale", 2),
        ("1001", "NI", None, 1),
        ("1002", "NI", None, 1),
        ("1002", "SALE", None, 1),
    ],
    "SELECT ingroup, EXTRACT(HOUR FROM": [("SALESLINE", 9, 3, 2, 1, 1, 33.3)],
    "SELECT did_pattern, MAX(did_description) AS": [("3125551000", "Sales line", 2, 1, 1)],
    "SELECT dialer_campaign, dialstatus, hangup_cause,": [
        ("OUT1", "ANSWER", 16, 2, 7.5),
        ("OUT1", "NOANSWER", 19, 1, None),
    ],
    "SELECT campaign, call_time_local, phone,": [
        ("SALES", datetime(2026, 11, 20, 9, 0, 3), "07003", "1002", "SALE", NOON + timedelta(minutes=1), LATER)
    ],
    "SELECT client_name, campaign, host,": [
        ("Client One", "SALES", "dialer.example", NOON - timedelta(hours=1), LATER),
        ("Client One", "SALES", "dialer.example", NOON, NOON + timedelta(minutes=1)),
    ],
    "SELECT committed_at, run_id, campaign,": [(LATER, "run-2", "HELP", "Client One", "refused: correct that row")],
    "SELECT client_name, window_day, reason,": [("Client One", DAY, "too few fields", 1)],
    "SELECT client_id, campaign, day,": [("C1", "SALES", DAY, 9, 1, 0)],
}
"""The first words of each query → its rows for what is in ``filled``."""


def test_every_query_has_rows_that_it_must_give() -> None:
    assert [first_words(text) for text in QUERIES] == list(ROWS)


def test_the_queries_give_the_same_rows_in_both_warehouses(filled: Desk) -> None:
    found = {first_words(text): analyst.rows(filled.settings, text) for text in QUERIES}
    assert {words: [values_of(row) for row in rows] for words, rows in found.items()} == ROWS


def values_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the values of a row, with null for those that depend on today."""
    return tuple(None if name in ("newest_call", "age_minutes") else value for name, value in row.items())


def test_the_costs_of_a_day_are_summed_from_the_runs_own_rows(filled: Desk) -> None:
    (query,) = [text for text in blocks("costs.md") if "vicidial.runs" in text]
    filled.warehouse.end_run(RunEnd(run_id="run-1", seconds=1.5, commit_seconds=0.5))
    days = analyst.rows(filled.settings, query.replace("2026-11-01", "2020-01-01"))
    billed = [(day["cycles"], day["bytes_billed"], day["dollars_without_the_free_tebibyte"]) for day in days]
    assert billed == [(1, None, None) if filled.settings.warehouse == "duckdb" else (1, 0, 0.0)]


def test_a_condition_on_the_last_days_is_read_alike(settings: Settings, desk: Desk) -> None:
    query = "SELECT COUNT(*) AS calls FROM vicidial.calls WHERE call_date >= CURRENT_DATE() - 7"
    assert analyst.rows(settings, query) == [{"calls": 0}]


TABLE = re.compile(r"(?:\bFROM|\bJOIN|\bINTO|(?:^|\n)UPDATE)\s+(`[^`]+`|(?:actions|counts|ranked)\b)")
NOTHING_NEW = frozenset({"unchanged"})
NEW_AND_CHANGED = frozenset({"insert", "update"})


def script(*, calls: bool = True, copies: bool = False) -> str:
    kinds = {"watermarks", "hours", RUNS.name} | ({CALLS.name} if calls else set())
    reports = {"call_report_export"}
    staged = Staged(Path(), kinds=kinds, reports=reports, copies=copies, first_day=DAY, last_day=DAY)
    return BigQueryScript(
        name="`p.d.{}`".format, calls="`p.d.calls`", staging="`p.d.staging`", staged=staged, lead_fields=False
    ).text


def counted(text: str, found: frozenset[str]) -> tuple[int, int]:
    """Statements that read or write a table where the actions are these, and the tables in them."""
    references: list[int] = []
    skipped = 0
    for statement in text.split(";\n"):
        rest = statement.strip()
        while condition := re.match(r"IF (.*?) THEN\n", rest, re.DOTALL):
            rest = rest[condition.end() :].strip()
            known = any(f"'{action}' IN UNNEST(found_actions)" in condition[1] for action in found)
            if not skipped and (known or "found_actions" not in condition[1]):
                references.append(len(set(TABLE.findall(condition[1]))))
            skipped += bool(skipped or not known or "EXISTS" in condition[1])  # no call without uniqueid is there
        if rest.startswith("END IF"):
            skipped = max(skipped - 1, 0)
        elif not skipped:
            references.append(len(set(TABLE.findall(rest))))
    return sum(map(bool, references)), sum(references)


def of_costs(pattern: str) -> list[tuple[str, ...]]:
    return re.findall(pattern, (DOCS / "costs.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_costs_page_counts_the_script_as_it_is() -> None:
    listed = {name: (int(statements), int(tables)) for name, statements, tables in of_costs(
        r"^\| ([a-z:, ]+) \| (\d+) \| (\d+) \|$"
    )}  # fmt: skip
    assert listed == {
        "no news": counted(script(), NOTHING_NEW),
        "new calls": counted(script(), frozenset({"insert"})),
        "new and changed calls": counted(script(), NEW_AND_CHANGED),
        "the same, and a call that two campaigns show": counted(script(copies=True), NEW_AND_CHANGED),
        "nothing at all: no call was shown": counted(script(calls=False), NOTHING_NEW),
    }


def monthly_bytes(campaigns: int, commits: int) -> float:
    """Return the bytes by the formula and the sizes of the page."""
    _, references = counted(script(), NEW_AND_CHANGED)
    legs, least = campaigns * 1_000, 10 * MEBI
    of_calls = (2 * legs * 178, 2 * legs * 27, legs * 2 * 470, campaigns * 24 * 3 * 80)
    of_loaded = (legs / 2 / commits * size for size in (264, 535, 535))
    grown = [max(least, size) for size in (*of_calls, *of_loaded)]
    commit = (references - len(grown)) * least + sum(grown)
    return (commits * commit + 5 * least) * 96 * 30


def test_the_dollars_of_the_costs_page_follow_from_its_formula() -> None:
    rows = of_costs(r"^\| ([\d,]+) \| (\d) \| (\d+) \| (\d+) \| ([\d.]+) TiB \| ([\d.]+) \|$")
    assert len(rows) == 6
    for campaigns, commits, loads, scripts, volume, dollars in rows:
        tebibytes = monthly_bytes(int(campaigns.replace(",", "")), int(commits)) / TEBI
        assert (int(loads), int(scripts)) == (96 * int(commits), 96 * int(commits))
        assert float(volume) == pytest.approx(tebibytes, abs=0.006)
        assert float(dollars) == pytest.approx(max(tebibytes - 1, 0) * 6.25, abs=0.006)
