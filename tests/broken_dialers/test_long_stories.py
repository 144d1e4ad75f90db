"""A short part of each long story. Run whole ones by hand (python -m tests.broken_dialers --help)."""

from pathlib import Path

import pytest

from tests.broken_dialers.long_stories import KINDS, run

EVENTS = 8


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_dialers_that_count_alike_lose_nothing_whatever_happens(kind: str, tmp_path: Path) -> None:
    report = run(kind, 1, EVENTS, tmp_path)
    assert report.is_clean, str(report)
    assert all(found.rows > 20 for found in report.findings.values())
