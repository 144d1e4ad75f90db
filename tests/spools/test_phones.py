"""What a worker leaves of phone numbers: as PHONE_MODE says, none that is forgotten; calls stay the same ones."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from config import Settings
from errors import WarehouseUnusable
from reports.texts import kept_as_it_came
from simulated_dialer import Rates, SimulatedDialer
from spools.phones import PhoneKey, Phones, make_key
from tables import PERSONAL_COLUMNS
from tests.dialers.sources import REPORT, quick, small_world, source
from tests.spools.jobs import only_window, read, rows


@pytest.fixture
def dialer() -> Iterator[SimulatedDialer]:
    with SimulatedDialer(small_world(rates=Rates.none()), accounts=[REPORT]) as dialer:
        yield dialer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = replace(quick(tmp_path), include_lead_fields=True)
    made.data_dir.mkdir(parents=True, exist_ok=True)
    make_key(made.data_dir)
    return made


def spooled(dialer: SimulatedDialer, settings: Settings, **changes: object) -> pd.DataFrame:
    return rows(only_window(read(dialer, source(dialer.url), settings, **changes)))


def test_each_mode_stores_its_form_under_the_same_identity(dialer: SimulatedDialer, settings: Settings) -> None:
    full = spooled(dialer, settings)
    key = PhoneKey(settings.data_dir)
    forms = {"last4": lambda phone: phone[-4:], "hash": key.hashed}
    assert full["phone"].str.fullmatch(r"\d{10}").all()
    hashes = [list(full["row_hash"])]
    for mode, form in forms.items():
        masked = spooled(dialer, replace(settings, phone_mode=mode))
        assert list(masked["phone"]) == [form(phone) for phone in full["phone"]]
        assert not masked["lead_alt_phone"].str.fullmatch(r"\d{7,}").any()
        others = [name for name in full if name not in ("phone", "lead_alt_phone", "row_hash")]
        assert masked[others].equals(full[others])
        assert spooled(dialer, replace(settings, phone_mode=mode)).equals(masked)
        hashes.append(list(masked["row_hash"]))
    assert all(len(set(of_one_row)) == 3 for of_one_row in zip(*hashes, strict=True))


def test_a_forgotten_number_is_left_out_with_its_lead_and_the_call_stays(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    full = spooled(dialer, settings)
    phone = full["phone"][0]
    forgotten = frozenset({PhoneKey(settings.data_dir).hashed(phone)})
    for mode in ("full", "hash"):
        setting = replace(settings, phone_mode=mode)
        before, after = spooled(dialer, setting), spooled(dialer, setting, forgotten=forgotten)
        theirs = full["phone"] == phone
        assert 0 < theirs.sum() < len(full)
        assert after[~theirs].equals(before[~theirs])
        assert after.loc[theirs, list(PERSONAL_COLUMNS)].isna().all(axis=None)
        assert list(after["call_key"]) == list(full["call_key"])
        assert (after["row_hash"] != before["row_hash"]).equals(theirs)


def test_a_number_that_stands_twice_in_its_row_is_masked_twice(settings: Settings) -> None:
    shown = {"phone": ["15551234567", None, "anonymous"], "vendor_lead_code": ["15551234567", "V", None],
             "row_hash": ["a", "b", "c"]}  # fmt: skip
    frame = pd.DataFrame(shown, dtype="string[pyarrow]")
    masked = Phones(replace(settings, phone_mode="last4"), ()).stored(frame)
    assert masked["phone"].fillna("-").tolist() == ["4567", "-", "-"]
    assert masked["vendor_lead_code"].fillna("-").tolist() == ["4567", "V", "-"]


def test_records_for_the_quarantine_show_no_number_that_may_not_be_stored(settings: Settings) -> None:
    record = kept_as_it_came(b"2026-11-20 09:00:00\t5551234567\t1001\t15551234567")
    frame = pd.DataFrame({"record": [record, "torn"], "record_hash": ["a", "b"]})
    assert Phones(settings, ()).quarantined(frame) is frame
    forgotten = {PhoneKey(settings.data_dir).hashed("5551234567")}
    (shown, other), hashes = (list(Phones(settings, forgotten).quarantined(frame)[name]) for name in frame)
    assert (shown, other) == (record.replace("\t5551234567", "\t**********"), "torn")
    assert hashes[0] != "a" and hashes[1] == "b"
    masked = Phones(replace(settings, phone_mode="hash"), ()).quarantined(frame)
    assert masked["record"][0] == "2026-11-20 09:00:00\t**********\t1001\t***********"


def test_a_key_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(WarehouseUnusable, match=r"DATA_DIR .*data cannot be used"):
        make_key(tmp_path / "data")
