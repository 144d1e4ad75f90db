"""What a worker leaves of phone numbers: as PHONE_MODE says, none that is forgotten; calls stay the same ones."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from config import Settings
from errors import WarehouseUnusable
from reports.text_decoding import to_quarantine_text
from simulated_dialer import SimulatedDialer
from spool.phones import PhoneKey, Phones, make_phone_key
from tables import PERSONAL_COLUMNS
from tests.dialers.sources import quick, source
from tests.reading.jobs import only_window, read, rows


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = replace(quick(tmp_path), include_lead_fields=True)
    made.data_dir.mkdir(parents=True, exist_ok=True)
    make_phone_key(made.data_dir)
    return made


def spool_rows(dialer: SimulatedDialer, settings: Settings, **changes: object) -> pd.DataFrame:
    return rows(only_window(read(dialer, source(dialer.url), settings, **changes)))


def test_each_mode_stores_its_form_under_the_same_identity(dialer: SimulatedDialer, settings: Settings) -> None:
    full = spool_rows(dialer, settings)
    key = PhoneKey(settings.data_dir)
    forms = {"last4": lambda phone: phone[-4:], "hash": key.hash_text}
    assert full["phone"].str.fullmatch(r"\d{10}").all()
    hashes = [list(full["row_hash"])]
    for mode, form in forms.items():
        masked = spool_rows(dialer, replace(settings, phone_mode=mode))
        assert list(masked["phone"]) == [form(phone) for phone in full["phone"]]
        assert not masked["lead_alt_phone"].str.fullmatch(r"\d{7,}").any()
        others = [name for name in full if name not in ("phone", "lead_alt_phone", "row_hash")]
        assert masked[others].equals(full[others])
        assert spool_rows(dialer, replace(settings, phone_mode=mode)).equals(masked)
        hashes.append(list(masked["row_hash"]))
    assert all(len(set(of_one_row)) == 3 for of_one_row in zip(*hashes, strict=True))


def test_a_forgotten_number_is_left_out_with_its_lead_and_the_call_stays(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    full = spool_rows(dialer, settings)
    phone = full["phone"][0]
    forgotten = frozenset({PhoneKey(settings.data_dir).hash_text(phone)})
    for mode in ("full", "hash"):
        setting = replace(settings, phone_mode=mode)
        before, after = spool_rows(dialer, setting), spool_rows(dialer, setting, forgotten=forgotten)
        theirs = full["phone"] == phone
        assert 0 < theirs.sum() < len(full)
        assert after[~theirs].equals(before[~theirs])
        assert after.loc[theirs, list(PERSONAL_COLUMNS)].isna().all(axis=None)
        assert list(after["call_key"]) == list(full["call_key"])
        assert (after["row_hash"] != before["row_hash"]).equals(theirs)


def test_a_number_that_stands_twice_in_its_row_is_masked_twice(settings: Settings) -> None:
    shown = {"phone": ["15551234567", None, "anonymous"], "vendor_lead_code": ["15551234567", "V", None],
             "caller_code": ["15551234567", "V11", None], "row_hash": ["a", "b", "c"]}  # fmt: skip
    masked = Phones(replace(settings, phone_mode="last4"), ()).mask_rows(pa.table(shown))
    assert masked["phone"].to_pylist() == ["4567", None, None]
    assert masked["vendor_lead_code"].to_pylist() == ["4567", "V", None]
    assert masked["caller_code"].to_pylist() == ["4567", "V11", None]


@pytest.mark.parametrize("code", ["5551234567", "+1 (555) 123-4567", "0015551234567", "1234567"])
@pytest.mark.parametrize("mode", ["last4", "hash"])
def test_a_code_that_is_the_number_with_another_prefix_is_masked(settings: Settings, mode: str, code: str) -> None:
    """The telephone line may show a caller without the prefix, or with a longer one."""
    kept = ["V1120082855000001683", "234567", "5551234568", None]
    shown = {"phone": ["15551234567"] * 5, "caller_code": [code, *kept], "row_hash": ["a"] * 5}
    masked = Phones(replace(settings, phone_mode=mode), ()).mask_rows(pa.table(shown))
    assert masked["caller_code"].to_pylist() == [masked["phone"][0].as_py(), *kept]


def test_records_for_the_quarantine_show_no_number_that_may_not_be_stored(settings: Settings) -> None:
    record = to_quarantine_text(b"2026-11-20 09:00:00\t5551234567\t1001\t15551234567")
    assert Phones(settings, ()).mask_record(record, "a") == (record, "a")
    forgotten = Phones(settings, {PhoneKey(settings.data_dir).hash_text("5551234567")})
    shown, keyed = forgotten.mask_record(record, "a")
    assert shown == record.replace("\t5551234567", "\t**********")
    assert keyed != "a"
    assert forgotten.mask_record("torn", "b") == ("torn", "b")
    masked, _ = Phones(replace(settings, phone_mode="hash"), ()).mask_record(record, "a")
    assert masked == "2026-11-20 09:00:00\t**********\t1001\t***********"


def test_a_key_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(WarehouseUnusable, match=r"DATA_DIR .*data cannot be used"):
        make_phone_key(tmp_path / "data")
