"""The lines of `main.py status`, from states without a warehouse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from commands.status import render_status
from errors import Label
from messages import SourceIdentity
from monitoring.status import ClientStatus, Status
from status_records import OpenCalls, RunOverview, SourceOverview

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
READ = ClientStatus(
    source=SourceIdentity("key", "South", "1", "Delta"), last=None, failure=None, label=None, failing_since=None,
    read_until=NOW - timedelta(minutes=5), newest_call=NOW - timedelta(minutes=9), open_calls=OpenCalls(),
    in_quarantine=0, has_changed=False,
)  # fmt: skip
RUN = RunOverview(
    run_id="run", ended_at=NOW, seconds=1.0, commit_seconds=0.5, sources=5, failed=0, stopped=0, requests=0, retries=0,
    bytes_received=0, inserted=0, updated=0, unchanged=0, quarantined=0, bytes_billed=None,
)  # fmt: skip

LAST = SourceOverview(
    source_key="key", campaign="South", client_id="1", client_name="Delta", run_id="run", ended_at=NOW,
    windows_planned=1, windows_read=1, requests=2, retries=0, bytes_received=9, records=1, inserted=1, updated=0,
    unchanged=0, duplicates=0, quarantined=0, stuck=0, seconds=1.0, label=None, failure=None, notices=None,
    read_at=NOW, succeeded_at=NOW, failing_since=None, failed_at=None, last_failure=None, last_label=None,
    build=250720, clock_gap_seconds=-1,
)  # fmt: skip


def render(*clients: ClientStatus, runs: tuple[RunOverview, ...] = ()) -> str:
    status = Status(now=NOW, stale_after=timedelta(hours=1), runs=runs, clients=clients)
    return "\n".join(render_status(status, tick="✓", cross="✗"))


def test_what_a_stop_left_unread_is_worth_a_look_and_no_failure() -> None:
    left = replace(READ, failure="The run was stopped.", label=Label.NOT_STARTED)
    new = replace(left, label=Label.STOPPED, read_until=None, newest_call=None)
    text = render(left, new, replace(READ, failure="refused", label=Label.LOGIN_REJECTED), runs=(RUN,))
    assert text.count("! South / Delta") == 2
    assert text.count("✗ South / Delta") == 1
    assert "    not started: The run was stopped." in text


def test_the_clients_that_a_stop_left_unread_are_counted_apart_from_failures() -> None:
    text = render(READ, runs=(replace(RUN, failed=1, stopped=4),))
    assert "5 clients, 1 failed, 4 not read because of a stop  0 requests" in text


def test_two_rows_with_the_same_names_are_told_apart_by_host_and_port() -> None:
    rows = [replace(READ, source=replace(READ.source, key=host, host=host)) for host in ("one.example", "two:8443")]
    other = replace(READ, source=SourceIdentity("k", "North", "2", "Gamma", host="one.example"))
    text = render(*(replace(row, read_until=None, shares_calls=True) for row in rows), other)
    assert "! South / Delta (one.example): no cycle has read it yet; newest call of all its rows 20" in text
    assert "Never read yet: South / Delta (one.example), South / Delta (two:8443)" in text
    assert "✓ North / Gamma: read until" in text


def test_each_dialer_is_shown_with_build_clock_and_what_its_build_lacks() -> None:
    old = replace(LAST, build=90721, clock_gap_seconds=75, ended_at=NOW - timedelta(minutes=1))
    rows = [
        replace(READ, last=last, source=replace(READ.source, key=f"{host}{number}", host=host), not_available=lacking)
        for number, (host, last, lacking) in enumerate(
            (
                ("new.example", LAST, ()),
                ("new.example", replace(old, build=240101), ()),
                ("old.example", old, ("single hours", "tables as CSV")),
                ("old.example", old, ("single hours",)),
                ("silent.example", replace(LAST, build=None), ()),
                ("never.example", None, ()),
            )
        )
    ]
    text = render(*rows)
    assert text.split("Dialers:\n")[1].splitlines() == [
        "  new.example: build 250720, its clock agrees with this machine's",
        "  old.example: build 090721, its clock is 75 seconds ahead of this machine's; its build lacks: single hours,"
        " tables as CSV (docs/builds.md)",
    ]
    assert "Dialers" not in render(*rows[4:])
