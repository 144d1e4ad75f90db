"""A demo goes on only with what an earlier one has left."""

from pathlib import Path

import pytest

from commands.demo import next_scene
from errors import DemoMissing


def test_what_a_demo_goes_on_with_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DemoMissing, match="demo"):
        next_scene(tmp_path)
