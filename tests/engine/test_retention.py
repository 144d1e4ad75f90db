"""Nothing is deleted by a clock that most dialers contradict."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from engine.retention import NOTE, delete_old
from errors import Label
from messages import ClientResult, Failure, SourceIdentity
from tests.warehouses.conftest import Desk, held
from tests.warehouses.spool_files import NOON, Batches, Spool


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb")
    settings.data_dir.mkdir()
    with held(settings) as warehouse:
        yield Desk(settings, warehouse, Spool(settings.data_dir / "spool"), Batches())


def test_nothing_is_deleted_by_a_clock_that_nobody_confirms(desk: Desk) -> None:
    """All certificates are out of date for a machine whose clock is far ahead."""
    result = ClientResult(source=SourceIdentity("", "Sales", "1"))
    note = desk.settings.data_dir / NOTE
    failed, contradicted = (
        replace(result, failure=Failure(Label.CERTIFICATE, "it is out of date")),
        replace(result, host="d", clock_gap=timedelta(days=1)),
    )
    for results in ([failed], [failed, failed], [contradicted], [failed, contradicted]):
        delete_old(desk.warehouse, desk.settings, NOON, results)
        assert not note.exists()
    delete_old(desk.warehouse, desk.settings, NOON, [failed, result])
    assert note.exists()
