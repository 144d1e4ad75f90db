"""Calls of a long result come in blocks. A block that fails is asked for again, and the query is not."""

from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from messages import CallChoice
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import cut_before
from tests.bigquery.proxy import FaultProxy
from tests.warehouses.bigquery.conftest import PATIENT, asks, brief
from tests.warehouses.conftest import Desk
from tests.warehouses.spool_files import DAY, call, outcome
from warehouses.bigquery.reader import BigQueryReader


@pytest.fixture
def settings(emulator: Emulator, proxy: FaultProxy, tmp_path: Path) -> Settings:
    return brief(emulator, tmp_path / "data", proxy, **PATIENT)


def test_a_block_that_fails_is_read_again_and_the_query_is_not(desk: Desk, proxy: FaultProxy) -> None:
    desk.commit(outcome(desk.spool.sealed(*(call(number) for number in range(3)))))
    reader = desk.warehouse.reader
    assert isinstance(reader, BigQueryReader)
    reader.batch_rows = 2
    proxy.clear()
    batches = reader.calls(CallChoice(first=DAY, last=DAY + timedelta(days=1)))
    found = next(batches)["lead_id"].to_pylist()
    proxy.inject(cut_before(), asks("rows"))
    found += [lead for batch in batches for lead in batch["lead_id"].to_pylist()]
    assert found == ["0", "1", "2"]
    kinds = [seen.kind for seen in proxy.seen]
    assert (kinds.count("query"), kinds.count("rows")) == (1, 3)
