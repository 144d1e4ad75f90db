"""Rows as a data frame: for processing that somebody adds, and without pandas where nobody does."""

import subprocess
import sys
from pathlib import Path

import pandas as pd

from tests.reports.answers import read, recorded

ROOT = Path(__file__).resolve().parent.parent.parent
WITHOUT_PANDAS = """
import sys
from pandas_on_demand import import_pandas_on_demand
import_pandas_on_demand()
from tests.reports.answers import read, recorded
chunks = read(recorded("export_250720_extended_2.txt")).chunks
assert chunks[0].table.num_rows and "pandas" not in sys.modules
frame = chunks[0].rows
assert "pandas" in sys.modules and str(frame.dtypes["status"]) == "string[pyarrow]", frame.dtypes["status"]
assert chunks[0].with_rows(frame).table.equals(chunks[0].table)
"""


def test_an_export_is_read_without_pandas_until_somebody_asks_for_a_data_frame() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], cwd=ROOT, check=True, timeout=60)


def test_processed_rows_take_the_place_of_the_others() -> None:
    chunk = read(recorded("export_250720_extended_2.txt")).chunks[0]
    frame = chunk.rows
    frame["status"] = frame["status"].str.lower()
    changed = chunk.with_rows(frame)
    assert isinstance(frame, pd.DataFrame)
    assert changed.table["status"].to_pylist() == [status.lower() for status in chunk.table["status"].to_pylist()]
    assert changed.table.drop_columns("status").equals(chunk.table.drop_columns("status"))
    assert changed.hours == chunk.hours
