"""clients, backfill, demo and --help, as their user sees them."""

import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import PASSWORD, ROOT, USER, ZONE, Program


def local_day(days_ago: int) -> str:
    return (datetime.now(UTC).astimezone(ZoneInfo(ZONE)).date() - timedelta(days=days_ago)).isoformat()


def test_clients_are_added_changed_and_left(program: Program) -> None:
    one, two = ("Sales", "http://d.example/", "1"), ("Sales", "http://d.example/vicidial/", "2")
    assert "2 added, 0 changed, 0 left" in program.import_clients(one, two).text
    assert "0 added, 1 changed, 1 left" in program.import_clients((*one, "another"), two).text
    listed = program.run("clients", "list")
    assert listed.code == 0
    assert "http://d.example/vicidial/ " in listed.text
    assert PASSWORD not in listed.text
    assert "another" not in listed.text


def test_a_corrected_url_is_told_and_takes_the_old_row_out_when_asked(program: Program) -> None:
    old, other = ("Sales", "http://old.example/", "1"), ("Sales", "http://other.example/", "2")
    assert program.import_clients(old, other).text.count("\n") == 1
    new = "Sales", "https://new.example/", "1"
    told = program.import_clients(new).text
    assert "1 added, 0 changed, 0 left" in told
    assert (
        "Sales / Client 1: the row with Campaign Sales for http://old.example/vicidial/ has the same ClientID" in told
    )
    assert "--replace, which switches that one off" in told
    assert "Client 2" not in told
    replaced = program.run("clients", "import", str(program.folder / "clients.csv"), "--replace").text
    assert "0 added, 0 changed, 1 left" in replaced
    assert "the row with Campaign Sales for http://old.example/vicidial/ is switched off" in replaced
    listed = program.run("clients", "list").text.splitlines()[1:]
    assert [line.split()[-1] for line in listed] == ["ready", "ready", "off"]
    assert program.import_clients(new).text.count("\n") == 1


def test_an_import_tells_what_it_changes_beyond_its_rows(program: Program) -> None:
    """A campaign under another name, and rows that do not fit together; each only where it concerns them."""
    sales, agent = ("Sales", "http://d.example/", "1"), ("Help", "http://e.example/", "9")
    program.add_clients(sales, agent)
    renamed = program.import_clients(("Selling", "http://d.example/", "1")).text
    assert "Selling / Client 1: the row with Campaign Sales for http://d.example/vicidial/ has the same" in renamed
    assert "! Sales / Client 1 and Selling / Client 1 are rows that ask d.example for some of the same calls" in renamed
    replaced = program.run("clients", "import", str(program.folder / "clients.csv"), "--replace").text
    assert "Selling / Client 1: the row with Campaign Sales for http://d.example/vicidial/ is switched off" in replaced
    assert "!" not in replaced
    both = program.import_clients(("Selling", "http://d.example/", "2", "another-password")).text
    assert "! Selling / Client 1 and Selling / Client 2 are rows that ask d.example for some of the same calls" in both
    assert "! the rows of Selling / Client 1 and Selling / Client 2 have different passwords for user" in both
    assert "another-password" not in both
    assert program.import_clients(agent).text.count("\n") == 1


def test_where_several_rows_may_be_meant_none_is_switched_off(program: Program) -> None:
    """A client may have two dialers, and the URL of one of them was wrong."""
    program.add_clients(("Sales", "http://good.example/", "1"), ("Sales", "http://wrong.example/", "1"))
    program.add_clients(("Sales", "http://right.example/", "1"))
    told = program.run("clients", "import", str(program.folder / "clients.csv"), "--replace").text
    for other in "good", "wrong":
        assert (
            f"the row with Campaign Sales for http://{other}.example/vicidial/ is not switched off and is read too,"
            " because the table has 2 other rows of this ClientID; if it is no longer right, import it with Enabled no"
        ) in told
    assert "switched off" not in program.run("clients", "list").text
    both = ("Sales", "http://right.example/", "1"), ("Sales", "http://good.example/", "1")
    program.add_clients(*both)
    told = program.run("clients", "import", str(program.folder / "clients.csv"), "--replace").text
    assert "wrong.example/vicidial/ is not switched off and is read too, because the file has 2 rows" in told
    assert "switched off" not in program.run("clients", "list").text


def in_zone(program: Program, zone: str, *row: str) -> str:
    """Return the output of an import with --replace of this row."""
    program.add_clients(row)
    path = program.folder / "clients.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(ZONE, zone), encoding="utf-8")
    return program.run("clients", "import", str(path), "--replace").text


@pytest.mark.slow
def test_what_another_row_read_in_a_wrong_zone_is_told_with_the_backfill_that_puts_it_right(
    program: Program, dialers: Dialers
) -> None:
    """A new row does not know how far back the old one has read."""
    dialer = dialers(days=5)
    in_zone(program, "UTC", "Sales", dialer.url, "1")
    assert program.run("--single", FIRST_RUN_DAYS="4").code == 1
    told = in_zone(program, ZONE, "Sold", dialer.url, "1")
    assert f"Sold / Client 1: what the row with Campaign Sales for {dialer.url} read since" in told
    [options] = re.findall(r"keeps the times of UTC; if these are wrong: `python main.py (backfill [^`]+)`", told)
    assert program.run("--single").code == 0
    zone = ZoneInfo(ZONE)

    def wrong() -> int:
        rows = program.calls()
        return sum(row["call_time"].astimezone(zone).replace(tzinfo=None) != row["call_time_local"] for row in rows)

    assert wrong() > 0
    assert program.run(*shlex.split(options)).code == 0
    assert wrong() == 0
    assert "what the row" not in in_zone(program, ZONE, "Sold", dialer.url, "1")
    again = in_zone(program, "UTC", "Sold", dialer.url, "1")
    assert "some of what was read of it is in another time zone than UTC; the next cycles read that again" in again


def test_ctrl_c_while_the_program_is_still_being_imported_prints_no_traceback(program: Program) -> None:
    with program.start("--single", PYTHONVERBOSE="1") as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("import 'click'"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
    assert "Traceback" not in rest
    assert process.returncode not in (0, 1)


@pytest.mark.parametrize(
    "command", [("clients", "list"), ("quarantine", "list"), ("quarantine", "show", "x"), ("status",), ("calls",)]
)
def test_a_command_that_only_reads_does_not_wait_for_a_cycle(program: Program, command: tuple[str, ...]) -> None:
    program.data.mkdir()
    with (
        duckdb.connect(program.data / "calls.duckdb"),
        program.start(*command, CYCLE_INTERVAL_MINUTES="60") as process,
    ):
        assert process.stdout
        told = next(line for line in process.stdout if "waiting until" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    until = datetime.fromisoformat(told.partition("waiting until ")[2].partition(" at the latest")[0]).astimezone()
    assert until <= datetime.now(UTC) + timedelta(seconds=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "stayed locked for" in rest
    assert "cycle" not in rest


def test_a_file_with_mistakes_is_refused_as_a_whole(program: Program) -> None:
    refused = program.import_clients(
        ("Sales", "http://d.example/", "1"), ("Sales", "dialer", "2"), ("", "http://e/", "3")
    )
    assert refused.code == 2
    assert "line 3, column URL: the URL must begin with http" in refused.text
    assert "line 4, column Campaign: is empty" in refused.text
    assert program.run("clients", "list").code == 2


def test_the_template_can_be_imported_once_it_is_filled_in(program: Program) -> None:
    path = program.folder / "template.csv"
    path.write_text(program.run("clients", "template").text, encoding="utf-8")
    from_quarantine_text = program.run("clients", "import", str(path))
    assert (from_quarantine_text.code, "the example of `clients template`" in from_quarantine_text.text) == (2, True)
    path.write_text(path.read_text(encoding="utf-8").replace("its-password", "another"), encoding="utf-8")
    assert "1 added" in program.run("clients", "import", str(path)).text


def test_a_backfill_reads_past_days_and_a_second_one_changes_no_column(program: Program, dialers: Dialers) -> None:
    dialer = dialers(days=4)
    program.add_clients(("Sales", dialer.url, "1"), ("Support", dialer.url, "2"))
    days = "--from", local_day(3), "--to", local_day(2)
    done = program.run("backfill", *days, "--campaign", "Sales")
    assert done.code == 0, done.text
    before = program.calls()
    assert {row["client_id"] for row in before} == {"1"}
    assert {row["call_date"].isoformat() for row in before} == {local_day(3), local_day(2)}
    truth = [leg for leg in dialer.world.legs_at(dialer.world.now) if leg.hidden is None]
    assert len(before) == sum(leg.call_time_local.date().isoformat() in (local_day(3), local_day(2)) for leg in truth)
    assert program.run("backfill", *days, "--client", "Client 1").code == 0
    assert program.calls() == before
    assert program.rows("FROM vicidial.watermarks") == []
    assert program.rows("FROM vicidial.backfills") == []
    refused = program.run("backfill", *days, CALL_DAYS="1")
    assert refused.code == 2
    assert "CALL_DAYS=1 deletes what is older" in refused.text


def _days_done(program: Program) -> bool:
    """Return whether anything of a running backfill is committed. Nothing is visible while it writes."""
    time.sleep(0.1)
    with suppress(duckdb.Error):
        return bool(program.rows("FROM vicidial.backfills"))
    return False


def test_a_backfill_that_was_killed_goes_on_where_it_stopped(program: Program, dialers: Dialers) -> None:
    dialer = dialers(days=7)
    program.add_clients(("Sales", dialer.url, "1"), ("Dead", "http://127.0.0.1:9/", "2"))
    days = "--from", local_day(6), "--to", local_day(1)
    dialer.misbehave(latency=0.5, pages=("call_report_export.php",))
    process = program.start("backfill", *days, MAX_CAMPAIGN_PROCESSES="1")
    while not _days_done(program):
        assert process.poll() is None
    process.kill()
    process.communicate()
    done = {row["day"].isoformat() for row in program.rows("FROM vicidial.backfills")}
    assert done
    dialer.behave()
    program.change("UPDATE vicidial.credentials SET enabled = 'no' WHERE client_id = '2'")
    asked = len(dialer.seen.log)
    again = program.run("backfill", *days, MAX_CAMPAIGN_PROCESSES="1")
    assert again.code == 0
    assert "Going on with an unfinished backfill" in again.text
    dates = {dict(request.parameters).get("query_date") for request in dialer.seen.log[asked:]}
    assert dates.isdisjoint(done)
    truth = [leg for leg in dialer.world.legs_at(dialer.world.now) if leg.hidden is None]
    today = local_day(0)
    assert len(program.calls()) == sum(leg.call_time_local.date().isoformat() != today for leg in truth)


def test_a_backfill_goes_on_with_what_failed_in_passing_and_ends_for_what_somebody_has_to_repair(
    program: Program, dialers: Dialers
) -> None:
    well, away, barred = (dialers(seed, days=3) for seed in range(1, 4))
    away.misbehave(status=503, retry_after=0)
    barred.misbehave(status=404)
    program.add_clients(("Sales", well.url, "1"), ("Sales", away.url, "2"), ("Sales", barred.url, "3"))
    days = "--from", local_day(2), "--to", local_day(1)
    first = program.run("backfill", *days, RETRY_ATTEMPTS="1")
    assert (first.code, "The same command goes on" in first.text) == (1, True)
    assert [row["day"].isoformat() for row in program.rows("FROM vicidial.backfills ORDER BY day")] == sorted(
        days[1::2]
    )
    asked = well.seen.requests
    away.behave()
    assert program.run("backfill", *days).code == 1
    assert (well.seen.requests, len({row["client_id"] for row in program.calls()})) == (asked, 2)
    assert program.rows("FROM vicidial.backfills") == []


def test_a_backfill_of_today_or_of_nobody_is_refused(program: Program, dialers: Dialers) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    today = program.run("backfill", "--from", local_day(1), "--to", local_day(0))
    assert today.code == 2
    assert (
        f"--to {local_day(0)}: this day is not over in {ZONE} (Client 1). Use {local_day(1)} or earlier" in today.text
    )
    reverse = program.run("backfill", "--from", local_day(1), "--to", local_day(2))
    assert reverse.code == 2
    assert f"allowed is {local_day(1)} (--from) or later" in reverse.text
    assert program.run("backfill", "--from", local_day(2), "--to", local_day(2), "--client", "Nobody").code == 2
    assert program.run("backfill", "--from", "yesterday", "--to", "today").code == 2


@pytest.mark.parametrize(
    "command", [(), ("demo",), ("backfill",), ("clients",), ("clients", "import"), ("clients", "list")], ids=" ".join
)
def test_help_has_examples(program: Program, command: tuple[str, ...]) -> None:
    shown = program.run(*command, "--help")
    assert shown.code == 0
    assert "Examples:\n    python main.py" in shown.text


def test_help_lists_exit_codes_and_environment_variables(program: Program) -> None:
    shown = program.run("--help").text
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "130 ", "143 "):
        assert f"\n    {code}" in shown
    assert "MAX_CAMPAIGN_PROCESSES" in shown


def test_wrong_settings_are_all_named_at_once(program: Program) -> None:
    done = program.run("--single", DB_BATCH_SIZE="many", BATCH_SIZE="0", MAX_CAMPAIN_PROCESSES="2")
    assert done.code == 2
    for part in ("DB_BATCH_SIZE", "many", "BATCH_SIZE", "MAX_CAMPAIN_PROCESSES"):
        assert part in done.text


def test_bigquery_without_an_account_says_what_to_do(program: Program) -> None:
    key = program.folder / "key.json"
    key.write_text('{"private_key": "Marked-5ecret"}', encoding="utf-8")
    done = program.run("--single", PROJECT_ID="my-project", SERVICE_ACCOUNT_PATH=str(key))
    assert done.code == 2
    assert "is not a key file of Google's" in done.text
    assert "Marked-5ecret" not in done.text


def test_a_data_folder_that_cannot_be_used_is_named(program: Program) -> None:
    (program.folder / "file").write_text("x", encoding="utf-8")
    done = program.run("--single", DATA_DIR=str(program.folder / "file"))
    assert done.code == 3
    assert "DATA_DIR" in done.text


def test_the_demo_shows_eight_campaigns_and_goes_on() -> None:
    def demo(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "main.py", "demo", *arguments],
            cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True,
        )  # fmt: skip
        return done.stdout

    first = demo()
    assert "Total campaigns processed: 8" in first
    assert "(login rejected)" in first
    assert "(dialer unreachable)" in first
    assert "main.py demo --again" in first
    again = demo("--again")
    inserted, updated, unchanged = (sum_of(again, word) for word in ("inserted", "updated", "unchanged"))
    assert min(inserted, updated, unchanged) > 0


def sum_of(text: str, word: str) -> int:
    rows = [line for line in text.splitlines() if " inserted, " in line]
    parts = [part.split() for line in rows for part in line.split(":", 1)[1].split(",") if word in part]
    return sum(int(number) for number, _ in parts)


def test_lists_of_names_are_read_as_meant_and_never_sent_as_a_word(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=1)
    clients = program.folder / "lists.csv"
    head = "Campaign,URL,Username,Password,ClientName,ClientID,Timezone,dialer_campaigns,ingroups\n"
    row = f"Sales,{dialer.url},{USER},{PASSWORD},One,1,{ZONE}"
    clients.write_text(f"{head}{row},n/a,\n", encoding="utf-8")
    refused = program.run("clients", "import", str(clients))
    assert (refused.code, "line 2, column dialer_campaigns: may mean all or none" in refused.text) == (2, True)
    clients.write_text(f"{head}{row},any,(none)\n", encoding="utf-8")
    told = program.run("clients", "import", str(clients)).text
    assert "dialer_campaigns is read as all (line 2)" in told
    assert "ingroups is read as none (line 2)" in told
    assert program.run("--single").code == 0
    assert {call["direction"] for call in program.rows("SELECT DISTINCT direction FROM vicidial.calls")} == {"outbound"}
    program.change("UPDATE vicidial.credentials SET dialer_campaigns = 'none'")
    done = program.run("--single")
    assert done.code == 1
    assert "both say none" in done.text


def test_what_a_pasted_url_asks_for_in_vain_is_told_by_import_and_check(program: Program, dialers: Dialers) -> None:
    dialer = dialers(calls_per_hour=1)
    query = "query_date=2026-11-20&end_date=2026-11-20&user=&query_hour=09&rec_fields=ALL"
    told = program.import_clients(("Sales", f"{dialer.url}call_report_export.php?{query}", "1"))
    assert told.code == 0
    assert "the dates in the URL are not used (line 2)" in told.text
    for text in (told.text, program.run("check").text):
        assert "holds what is not used: query_hour (all hours are read) and rec_fields (recordings are not" in text


def test_what_a_spreadsheet_did_to_cells_is_told_by_import_check_and_every_cycle(
    program: Program, dialers: Dialers
) -> None:
    dialer = dialers(calls_per_hour=1)
    refused = program.import_clients(("Sales", dialer.url, "1E+12"), ("Help", dialer.url, "1E+12"))
    assert refused.code == 0, refused.text  # both have one name
    other = program.folder / "other.csv"
    text = (program.folder / "clients.csv").read_text(encoding="utf-8")
    other.write_text(text.replace("Client 1E+12", "Somebody").replace("Sales", "Sold"), encoding="utf-8")
    refused = program.run("clients", "import", str(other))
    assert refused.code == 2
    assert "line 2, column ClientID: a spreadsheet has shortened" in refused.text
    told = program.import_clients(("Sales ", dialer.url, "7\u200b"), ("Help", dialer.url, "7")).text
    assert "blanks around the text of Campaign were left out (line 2)" in told
    assert "! ClientID and ClientName of Sales / Client 7" in told
    program.change("UPDATE vicidial.credentials SET client_name = client_name || ' ' WHERE client_id = '7'")
    before = program.rows("SELECT * FROM vicidial.credentials")
    done, check = program.run("--single"), program.run("check")
    for text in (done.text, check.text):
        assert "the ClientID 1E+12 of Sales / Client 1E+12 and Help / Client 1E+12 looks like a long number" in text
        assert "ClientID and ClientName of Sales / Client 7" in text
        assert "ClientName of Help / Client 7 have blanks around their text in the credentials table" in text
    assert done.code == 0
    assert program.rows("SELECT * FROM vicidial.credentials") == before
