"""Everything of a batch becomes visible together, or nothing of it does."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import Settings
from database import Warehouse
from errors import BatchRefused
from messages import ClientOutcome
from tests.warehouses.building import DAY, NOON, SOURCE, batch, leg, outcome, window
from tests.warehouses.looking import calls, rows


def test_nothing_of_a_batch_is_visible_when_a_file_of_it_is_broken(warehouse: Warehouse, settings: Settings) -> None:
    sound, broken = window(settings, [leg()]), window(settings, [leg(uniqueid="1795181336.1")])
    Path(broken.call_files[0].path).write_bytes(b"PAR1 this is no Parquet file")
    with pytest.raises(BatchRefused):
        warehouse.commit(batch(outcome(sound), outcome(broken), read_until=NOON))
    assert calls(settings) == []
    assert warehouse.watermarks() == {}
    assert warehouse.hours(DAY) == []
    assert rows(settings, "FROM vicidial.runs") == []


def test_a_suspect_window_keeps_its_rows_and_does_not_count_as_read(warehouse: Warehouse, settings: Settings) -> None:
    sealed = window(settings, [leg()], suspect="fewer than before")
    (result,) = warehouse.commit(batch(outcome(sealed)))
    assert (result.inserted, result.suspect) == (1, 1)
    assert warehouse.hours(DAY) == []


def test_each_client_has_its_line_in_the_run_history(warehouse: Warehouse, settings: Settings) -> None:
    client = ClientOutcome(
        source_key="b" * 32, campaign="Sales", client_id="2", client_name="Beta", failure="no", label="x", requests=3
    )
    one = outcome(window(settings, [leg()], duplicates=2, records=3))
    warehouse.commit(batch(replace(one, clients=(*one.clients, client))))
    found = rows(
        settings, "SELECT client_id, records, inserted, duplicates, requests, failure FROM vicidial.runs ORDER BY 1"
    )
    assert [tuple(row.values()) for row in found] == [("1", 3, 1, 2, 0, None), ("2", 0, 0, 0, 3, "no")]


def test_moments_come_back_aware(warehouse: Warehouse) -> None:
    warehouse.commit(batch(read_until=NOON))
    assert warehouse.watermarks()[SOURCE].tzinfo is not None
    assert warehouse.watermarks()[SOURCE] == datetime(2026, 11, 20, 17, tzinfo=UTC)
