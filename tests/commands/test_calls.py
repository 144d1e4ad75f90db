"""The table of `main.py calls`, and the options that do not go together."""

import io
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest

from commands.call_tables import rest_line, table_lines
from commands.calls import choose_days, choose_format, open_target, pass_until_stop
from errors import DiskFull, OptionInvalid, OptionRefused
from shutdown import Stop
from tests.acceptance.test_full_disks import files_no_larger_than

ROW: dict[str, Any] = {
    "call_time_local": datetime(2026, 11, 20, 9, 0, 1), "client_name": "Client One", "client_id": "C1",
    "direction": "inbound", "phone": "+49301234", "status": "SALE", "agent": "a-very-long-name-of-an-agent",
    "length_seconds": 0, "ingroup": "Support of the southern region", "dialer_campaign": None,
}  # fmt: skip


def lines(*rows: dict[str, Any], width: int | None = None, one_day: bool = True, encoding: str = "utf-8") -> list[str]:
    return list(table_lines(rows, one_day=one_day, room=width, encoding=encoding))


def test_a_line_has_the_texts_and_nothing_that_a_terminal_obeys() -> None:
    other = ROW | {"client_name": None, "ingroup": None, "dialer_campaign": "OUT\x1b[2J", "length_seconds": None}
    heading, first, second = lines(ROW, other)
    assert heading.split()[:4] == ["Time", "Client", "Direction", "Phone"]
    assert first.startswith("09:00:01  Client One  inbound    +49301234  SALE    a-very-long-name-of-an-agent  0  ")
    assert first.endswith("  Support of the southern region")
    assert second.startswith("09:00:01  C1 ")
    assert second.endswith("  OUT [2J")
    assert lines(ROW, one_day=False)[1].startswith("2026-11-20 09:00:01  Client One")


def test_a_terminal_with_few_characters_gets_others_escaped() -> None:
    text = "\n".join(lines(ROW | {"agent": "Jörg"}, width=80, encoding="ascii"))
    assert text.isascii()
    assert r"J\xf6rg" in text
    wide = lines(ROW | {"agent": "ö" * 30, "client_name": "ü" * 30}, width=100, encoding="ascii")
    assert max(map(len, wide)) <= 100
    assert "..." in wide[1]


@pytest.mark.parametrize("width", [80, 100])
def test_a_line_fits_the_terminal(width: int) -> None:
    found = lines(ROW, width=width)
    assert max(map(len, found)) <= width < max(map(len, lines(ROW)))
    assert all(word in found[1] for word in ("09:00:01", "inbound", "+49301234", "SALE", "…"))


def test_calls_that_are_not_shown_are_counted() -> None:
    assert rest_line(2, 2) == "2 calls"
    assert rest_line(20, 1_234).startswith("1,214 further calls not shown: --limit 1234 shows all")


def test_the_format_follows_the_file() -> None:
    assert choose_format(None, None, 5) == "table"
    assert choose_format(None, Path("a.CSV"), None) == "csv"
    assert choose_format("json", Path("a.txt"), None) == "json"
    with pytest.raises(OptionInvalid, match=r"a\.txt: allowed is a name that ends in"):
        choose_format(None, Path("a.txt"), None)
    with pytest.raises(OptionRefused, match="table is for the terminal"):
        choose_format("table", Path("a.csv"), None)
    with pytest.raises(OptionRefused, match="--limit is for the table"):
        choose_format("csv", None, 5)


def test_a_day_and_a_span_of_days_exclude_each_other() -> None:
    day, later = datetime(2026, 11, 20), datetime(2026, 11, 22)
    assert choose_days(None, None, None) == (None, None)
    assert choose_days(day, None, None) == (day.date(), day.date())
    assert choose_days(None, day, later) == (day.date(), later.date())
    for wrong in ((day, day, None), (None, day, None), (None, None, day)):
        with pytest.raises(OptionRefused, match="--from and --to"):
            choose_days(*wrong)


def test_a_stop_ends_a_long_read() -> None:
    stop = Stop()
    passed = pass_until_stop(iter("ab"), stop)
    assert next(passed) == "a"
    stop.set()
    with pytest.raises(click.Abort):
        next(passed)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
def test_a_standard_output_that_takes_nothing_is_named(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as stdout,
        pytest.raises(click.ClickException, match="standard output cannot be written to: No space left"),
        open_target(None, tmp_path, stdout) as file,
    ):
        file.write(b"calls")


@pytest.mark.skipif(os.name != "posix", reason="has no limit on the size of a file")
def test_a_full_disk_on_the_way_to_standard_output_is_named(tmp_path: Path) -> None:
    stdout = io.BytesIO()
    with (
        files_no_larger_than(1 << 20),
        pytest.raises(DiskFull, match=f"disk of {tmp_path} is full"),
        open_target(None, tmp_path, stdout) as file,
    ):
        file.write(bytes(2 << 20))
    assert stdout.getvalue() == b""
