"""Calls for notebooks: what a notebook passes, and what an error leaves behind."""

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config import Settings
from errors import OptionInvalid, OptionRefused
from extracts import read_calls

ROOT = Path(__file__).resolve().parents[2]
AFTER_AN_ERROR = """
import sys
from pathlib import Path
from config import Settings
from errors import OptionRefused
from extracts import read_calls

try:
    read_calls("2026-11-20", settings=Settings(warehouse="duckdb", data_dir=Path(sys.argv[1])))
except OptionRefused:
    import pandas as pd
    import pyarrow as pa

    print(pa.array(pd.Series([1.0, float("nan")])).null_count)
"""


def test_pyarrow_knows_pandas_after_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AFTER_AN_ERROR, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("day", [date(2026, 11, 20), datetime(2026, 11, 20, 9), pd.Timestamp("2026-11-20 09:00")])
def test_a_moment_stands_for_its_day(day: date, tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match="No calls were read yet"):
        read_calls(day, day, settings=Settings(warehouse="duckdb", data_dir=tmp_path))


def test_a_text_is_no_list_of_columns(tmp_path: Path) -> None:
    wrong: Any = "status"
    with pytest.raises(OptionInvalid, match=r"columns 'status': allowed is a list of names, such as \['status'\]"):
        read_calls("2026-11-20", columns=wrong, settings=Settings(warehouse="duckdb", data_dir=tmp_path))
