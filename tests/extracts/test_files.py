"""Files of calls: JSON and Parquet have the exact values, and a file is there as a whole or as before."""

import io
import json
import os
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from errors import OptionRefused
from extracts.files import check_place, replace_output, write_calls

SCHEMA = pa.schema([("phone", pa.string()), ("call_time", pa.timestamp("us", "UTC")), ("length_seconds", pa.int64())])
ROWS = [
    {"phone": "+49301234", "call_time": datetime(2026, 11, 20, 9, 0, 1, 5, tzinfo=UTC), "length_seconds": None},
    {"phone": '=ä\n"1', "call_time": datetime(2026, 11, 20, 9, tzinfo=UTC), "length_seconds": 30},
]


def batches(*sizes: int) -> list[pa.RecordBatch]:
    rows = iter(ROWS)
    return [pa.RecordBatch.from_pylist([next(rows) for _ in range(size)], schema=SCHEMA) for size in sizes]


def write(form: str, *sizes: int) -> bytes:
    file = io.BytesIO()
    assert write_calls(iter(batches(*sizes)), form, file) == sum(sizes)
    return file.getvalue()


@pytest.mark.parametrize("sizes", [(1, 1), (0, 2), (2, 0)])
def test_json_is_one_array_with_a_call_per_line(sizes: tuple[int, ...]) -> None:
    text = write("json", *sizes).decode()
    first = {"phone": "+49301234", "call_time": "2026-11-20T09:00:01.000005Z", "length_seconds": None}
    found = json.loads(text)
    assert found == [first, {"phone": ROWS[1]["phone"], "call_time": "2026-11-20T09:00:00Z", "length_seconds": 30}]
    assert [json.loads(line.rstrip(",")) for line in text.splitlines()[1:-1]] == found


VALUES = st.fixed_dictionaries(
    {
        'text "x': st.none() | st.text(),
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "flag": st.none() | st.booleans(),
        "day": st.none() | st.dates(min_value=date(1970, 1, 1)),
        "moment": st.none() | st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
        "local": st.none() | st.datetimes(min_value=datetime(1970, 1, 1)),
    }
)
TYPES = pa.schema(
    [
        ('text "x', pa.string()), ("whole", pa.int64()), ("number", pa.float64()), ("flag", pa.bool_()),
        ("day", pa.date32()), ("moment", pa.timestamp("us", "UTC")), ("local", pa.timestamp("us")),
    ]
)  # fmt: skip


@hypothesis_settings(max_examples=200, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=3))
def test_every_value_comes_back_from_json_as_it_was(rows: list[dict[str, Any]]) -> None:
    file = io.BytesIO()
    write_calls(iter([pa.RecordBatch.from_pylist(rows, schema=TYPES)]), "json", file)
    found = json.loads(file.getvalue())
    for row in found:
        for name, parse in (("day", date.fromisoformat), ("moment", parse_moment), ("local", datetime.fromisoformat)):
            row[name] = row[name] and parse(row[name])
    assert found == rows


def parse_moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def test_what_is_no_number_is_null_in_json() -> None:
    batch = pa.RecordBatch.from_pylist([{"x": float("nan")}, {"x": float("inf")}, {"x": 2.0}])
    file = io.BytesIO()
    write_calls(iter([batch]), "json", file)
    assert json.loads(file.getvalue()) == [{"x": None}, {"x": None}, {"x": 2.0}]


def test_parquet_keeps_types_and_has_a_row_group_for_each_batch() -> None:
    content = write("parquet", 1, 1)
    table = pq.read_table(io.BytesIO(content))
    assert (table.schema, table.to_pylist()) == (SCHEMA, ROWS)
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 2


def test_without_calls_there_are_columns_and_no_rows() -> None:
    assert write("csv", 0).decode("utf-8-sig") == '"phone","call_time","length_seconds"\n'
    assert json.loads(write("json", 0)) == []
    table = pq.read_table(io.BytesIO(write("parquet", 0)))
    assert (table.schema, table.num_rows) == (SCHEMA, 0)


def test_a_file_is_replaced_as_a_whole_and_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("before", encoding="utf-8")
    path.chmod(0o640)
    mode = path.stat().st_mode
    with pytest.raises(RuntimeError), replace_output(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("before", [path])
    with replace_output(path) as file:
        file.write(b"after")
    assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("after", [path])
    assert path.stat().st_mode == mode


def test_a_place_that_takes_no_file_is_named(tmp_path: Path) -> None:
    for place, reason in ((tmp_path, "is no file"), (tmp_path / "none" / "calls.csv", "none is missing")):
        with pytest.raises(OptionRefused, match=reason), replace_output(place):
            pytest.fail("it was opened")


@pytest.mark.skipif(sys.platform != "linux", reason="has no folder that is closed to everybody")
@pytest.mark.parametrize("place", [Path("x" * 300), Path("/proc/calls.csv"), Path("/proc/version/calls.csv")])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(place: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match=re.escape(f"{place} ")):
        check_place(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_half_written_goes_with_the_next_command(tmp_path: Path) -> None:
    target, other = tmp_path / f"{'c' * 240}.csv", tmp_path / "other.csv"
    with replace_output(target) as file:
        left = Path(file.name)
        with replace_output(other) as file_of_other:
            name_of_other = Path(file_of_other.name).name
    halves = [left, left.with_name(f"{left.name[:-5]}0.tmp"), left.with_name(name_of_other)]
    for path in halves:
        path.touch()
        if path != halves[1]:
            os.utime(path, (1, 1))
    check_place(target)
    assert [path.exists() for path in halves] == [False, True, True]
    assert left.name.startswith(".calls-")


def test_a_full_disk_is_named_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match=r"calls\.csv was not written"), replace_output(tmp_path / "calls.csv"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
