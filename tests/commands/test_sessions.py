"""What every command begins and ends with: locks that are given back, leftovers that go."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from commands.sessions import warehouse_for_writing
from config import Settings
from shutdown import Stop


def test_locks_are_given_back_although_their_notes_cannot_be_removed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb")
    notes = (settings.data_dir / "run.holder.json", tmp_path / "calls.duckdb.holder.json")
    with pytest.raises(OSError, match="holder") as kept, warehouse_for_writing(settings, Stop()):
        for note in notes:
            note.unlink()
            note.mkdir()
    for note in notes:
        note.rmdir()
    with warehouse_for_writing(replace(settings, data_dir=tmp_path / "other"), Stop()):
        pass
    with warehouse_for_writing(settings, Stop()):
        pass
    assert kept.value.__traceback__  # its frames have held the locks until here


def test_half_a_copy_that_a_kill_left_goes_at_the_next_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copy = tmp_path / "copy.duckdb"
    half = tmp_path / ".copy.duckdb.tmp"
    half.touch()
    os.utime(half, (1, 1))
    caplog.set_level("INFO")
    with warehouse_for_writing(Settings(data_dir=tmp_path / "data", duckdb_read_copy=copy), Stop()):
        assert not half.exists()
    assert "Removed 1 file that a run left behind" in caplog.text
