"""No text of a file for spreadsheets is a formula, whichever character the spreadsheet expects between cells."""

import csv
import io
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from extracts.files import SIGNATURE, write_calls
from extracts.spreadsheets import prepare_batch, protect_texts

BEGINNINGS = tuple("=+-@＝＋－＠\t\r\n")
NASTY = st.text(st.sampled_from("=+-@＝＠;,\t\r\n\"' 'a1(") | st.characters(codec="utf-8"), max_size=12)


def protect(text: str) -> str:
    found: str = protect_texts(pa.array([text], pa.string()))[0].as_py()
    return found


def write_csv(*rows: dict[str, object], schema: pa.Schema | None = None) -> str:
    file = io.BytesIO()
    write_calls(iter([pa.RecordBatch.from_pylist(list(rows), schema=schema)]), "csv", file)
    assert file.getvalue().startswith(SIGNATURE)
    return file.getvalue().decode("utf-8-sig")


@hypothesis_settings(max_examples=500, deadline=None)
@given(texts=st.lists(NASTY, min_size=2, max_size=2))
def test_no_cell_of_a_text_is_a_formula(texts: list[str]) -> None:
    written = write_csv({"agent": texts[0], "phone": texts[1]})
    lines = list(csv.reader(io.StringIO(written, newline="")))
    assert lines[0] == ["agent", "phone"]
    assert lines[1:] == [[protect(text) for text in texts]]
    for delimiter in ",;":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter):
            assert not any(cell.lstrip(' "').startswith(BEGINNINGS[:8]) for cell in row), row
    assert not any(protect(text).startswith(BEGINNINGS) for text in texts)


@hypothesis_settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(categories=["L", "N"], include_characters=" .,_()/'"), max_size=20))
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert protect(text) == text


@pytest.mark.parametrize(
    ("text", "protected"),
    [
        ("+49 30 1234", "'+49 30 1234"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("-", "'-"),
        (' "=1', "' \"=1"),
        ("\ta", "'\ta"),
        ("x;=1+1;", "x;'=1+1;"),
        ("a\r\n@SUM(1)", "a\r\n'@SUM(1)"),
        ("049301234", "049301234"),
        ("a-b=c", "a-b=c"),
        ("", ""),
    ],
)
def test_an_apostrophe_stands_where_a_formula_could_begin(text: str, protected: str) -> None:
    assert protect(text) == protected


def test_numbers_days_and_times_stay_what_they_are() -> None:
    schema = pa.schema(
        [("queue_seconds", pa.float64()), ("length_seconds", pa.int64()), ("call_date", pa.date32()),
         ("call_time", pa.timestamp("us", "UTC")), ("agent", pa.string())]
    )  # fmt: skip
    row = {
        "queue_seconds": -1.5, "length_seconds": -30, "call_date": date(2026, 11, 20),
        "call_time": datetime(2026, 11, 20, 9, 0, 1, 999_999), "agent": None,
    }  # fmt: skip
    line = write_csv(row, schema=schema).splitlines()[1]
    assert line == "-1.5,-30,2026-11-20,2026-11-20 09:00:01,"
    assert prepare_batch(pa.RecordBatch.from_pylist([], schema=schema)).num_rows == 0
