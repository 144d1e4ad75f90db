"""What calls have shown of a dialer's time zone is remembered until later ones show something else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialers.utc_offset_cache import UtcOffsetCache
from messages import ShownOffset
from tests.dialers.sources import address_of

SHOWN = ShownOffset(moment=datetime(2026, 3, 2, 12, tzinfo=UTC), offset=timedelta(hours=5.5), calls=7)


def test_the_latest_calls_are_remembered_for_each_dialer(tmp_path: Path) -> None:
    here, elsewhere = (UtcOffsetCache(tmp_path / "new", address_of(f"https://proxy/{name}/vicidial/")) for name in "ab")
    assert here.read() is None
    here.store(SHOWN)
    assert (here.read(), elsewhere.read()) == (SHOWN, None)
    here.store(replace(SHOWN, moment=SHOWN.moment - timedelta(days=1), calls=9))
    assert here.read() == SHOWN
    later = replace(SHOWN, moment=SHOWN.moment + timedelta(days=1), offset=timedelta(hours=-3))
    here.store(later)
    assert here.read() == later


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"moment": "2026-03-02", "offset_seconds": 1, "calls": 1}'])
def test_a_file_that_means_nothing_tells_nothing(tmp_path: Path, text: str) -> None:
    clock = UtcOffsetCache(tmp_path, address_of("https://d/vicidial/"))
    clock.store(SHOWN)
    (path,) = tmp_path.glob("*.clock")
    path.write_text(text, encoding="utf-8")
    assert clock.read() is None
