"""An answer is asked for at the best level of detail, typed chunk by chunk and spooled."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config import Settings
from errors import ReportUnknown
from messages import CampaignOutcome
from simulated_dialer import Rates, SimulatedDialer
from tests.dialers.sources import (
    API,
    DAY,
    EXPORT,
    REPORT,
    day_window,
    quick,
    small_world,
    source,
)
from tests.reading.jobs import no_downloads_left, only_window, read, rows, visible

# The level of detail that a build knows


def details_asked(dialer: SimulatedDialer) -> list[str | None]:
    return [request.one("export_fields") for request in dialer.seen.log if request.one("run_export")]


def named(dialer: SimulatedDialer) -> tuple[tuple[str, str], ...]:
    """All campaigns and in-groups by name, as builds before 190116 need them."""
    centre = dialer.world.centre
    return (
        *(("campaign[]", campaign) for campaign in centre.campaigns),
        *(("group[]", group) for group in centre.ingroups),
    )


@pytest.mark.parametrize(
    ("build", "tells", "asked"),
    [
        ("250720-1841", True, ["EXTENDED_2", "EXTENDED_2"]),
        ("150201-1000", True, ["EXTENDED"]),
        ("110124-0000", True, ["STANDARD"]),
        ("250720-1841", False, ["EXTENDED_2", "EXTENDED_2"]),
        ("150201-1000", False, ["EXTENDED_2", "EXTENDED", "EXTENDED"]),
        ("110124-0000", False, ["EXTENDED_2", "EXTENDED", "EXTENDED"]),
    ],
)
def test_a_build_is_asked_for_the_most_that_it_knows(
    settings: Settings, build: str, tells: bool, asked: Sequence[str]
) -> None:
    with SimulatedDialer(small_world(rates=Rates.none()), build, [REPORT]) as dialer:
        if not tells:
            dialer.misbehave(status=404, pages=(API,))
        who = source(dialer, parameters=named(dialer))
        outcome = read(dialer, who, settings, day_window(), day_window())
        assert details_asked(dialer) == asked
        assert {window.rows for window in outcome.sealed} == {visible(dialer)}
        has_uniqueid = bool(rows(outcome.sealed[0])["uniqueid"].notna().all())
        assert has_uniqueid is (build != "110124-0000")


def test_an_export_with_another_header_row_is_no_report(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.answer_with(EXPORT, b"a\tb\r\n1\t2\r\n")
    outcome = read(dialer, source(dialer), settings)
    assert outcome.clients[0].label == ReportUnknown.label
    assert "another header row" in str(outcome.clients[0].failure)
    assert no_downloads_left(settings)


# Chunks


def test_the_size_of_chunks_and_files_changes_no_row(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:

        def read_with(name: str, **changes: Any) -> tuple[CampaignOutcome, pd.DataFrame]:
            outcome = read(dialer, source(dialer), quick(tmp_path / name, **changes))
            return outcome, rows(only_window(outcome))

        usual, whole = read_with("usual")
        single, by_ones = read_with("1", batch_size=1, db_batch_size=100)
        hundred, by_hundreds = read_with("100", batch_size=100, db_batch_size=1)
    assert len(whole) > 200
    for frame in (by_ones, by_hundreds):
        pd.testing.assert_frame_equal(frame, whole)
    files = [len(only_window(outcome).call_files) for outcome in (usual, single, hundred)]
    assert files[0] == 1
    assert min(files[1:]) >= 3
    counts = [
        (window.records, window.rows, window.duplicates, window.quarantined, window.hours)
        for window in map(only_window, (usual, single, hundred))
    ]
    assert counts[0] == counts[1] == counts[2]
    assert counts[0][0] == sum(counts[0][1:4])


def test_what_cannot_be_typed_is_kept_in_quarantine_with_where_it_came_from(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    header = "call_date phone_number_dialed status user full_name campaign_id list_id length_in_sec user_group alt_dial"
    header += " lead_id list_description status_name"
    good = b"2026-03-02 10:00:00\t555\tNA\t1001\tAnn\tSALES\t101\t5\tAGENTS\tMAIN\t7\t\tNo Answer"
    dialer.answer_with(
        EXPORT, b"\r\n".join([header.replace(" ", "\t").encode(), good, good.replace(b"10:00:00", b"25:00:00"), b""])
    )
    window = only_window(read(dialer, source(dialer), settings))
    assert (window.records, window.rows, window.quarantined) == (2, 1, 1)
    (file,) = window.quarantine_files
    (record,) = pd.read_parquet(file.path).to_dict("records")
    assert record["record"].startswith("2026-03-02 25:00:00\t555")
    assert (record["source_key"], record["client_id"], record["window_day"]) == ("0" * 32, "C1", DAY)
    assert record["header"].split("\t") == header.split(" ")
    assert "call_date" in record["reason"]
