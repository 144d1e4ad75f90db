"""A short storm on each warehouse. Run longer ones by hand (python -m tests.storms --help)."""

from pathlib import Path

import pytest

from tests.bigquery.emulators import Emulator
from tests.storms.storm import Storm

EVENTS = 60
AT_ONCE = 4
"""Events at the same moment. Waiting for each would take ten minutes."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["duckdb", "bigquery"])
def test_whatever_happens_the_table_equals_the_dialers(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    emulator: Emulator | None = request.getfixturevalue("emulator_to_kill") if kind == "bigquery" else None
    report = Storm(tmp_path / "program", 11, emulator, dialers=2, patience=4, burst=AT_ONCE).run(EVENTS)
    assert report.is_clean, str(report)
    assert report.findings.rows > 300
    assert report.events == EVENTS
