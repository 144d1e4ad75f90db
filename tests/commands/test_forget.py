"""The key with which `forget` looks for a number: never another one than that of the calls."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commands.forget import forget
from config import Settings
from errors import PhoneKeyLost, PhoneKeyMissing
from spool.phones import KEY_FILE, make_phone_key
from tests.warehouses.conftest import Desk, held
from tests.warehouses.spool_files import Batches, Spool, call, outcome
from tests.warehouses.test_batches import read_until

NUMBER = "5551234567"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    settings = Settings(data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb", phone_mode="hash")
    settings.data_dir.mkdir()
    with held(settings) as warehouse:
        yield Desk(settings, warehouse, Spool(settings.data_dir / "spool"), Batches())


def test_another_key_is_refused_before_anything_is_made_or_written(desk: Desk, tmp_path: Path) -> None:
    other = replace(desk.settings, data_dir=tmp_path / "other")
    other.data_dir.mkdir()
    assert forget(desk.warehouse, desk.settings, NUMBER)["forgotten"] == 1  # no call yet: a key can be made
    known = desk.warehouse.reader.forgotten_numbers()
    for mode in ("hash", "full"):
        with pytest.raises(PhoneKeyLost):
            forget(desk.warehouse, replace(other, phone_mode=mode), "5550000000")
    assert not (other.data_dir / KEY_FILE).exists()
    make_phone_key(other.data_dir)
    with pytest.raises(PhoneKeyLost):
        forget(desk.warehouse, other, "5550000000")
    assert desk.warehouse.reader.forgotten_numbers() == known


@pytest.mark.parametrize("backfilled", [False, True])
def test_where_calls_are_hashed_no_key_is_made(desk: Desk, backfilled: bool) -> None:
    desk.commit(outcome(desk.spool.sealed(call(1))), watermarks=() if backfilled else (read_until(1),))
    with pytest.raises(PhoneKeyMissing):
        forget(desk.warehouse, desk.settings, NUMBER)
    assert (desk.warehouse.reader.forgotten_numbers(), (desk.settings.data_dir / KEY_FILE).exists()) == ({}, False)
    in_full = replace(desk.settings, phone_mode="full")
    assert forget(desk.warehouse, in_full, NUMBER)["forgotten"] == 1
