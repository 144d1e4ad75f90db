"""What a dialer hides from its login is noticed; one odd value is no restriction, and a mask is never a number."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from config import Settings
from messages import CampaignOutcome
from reports.masks import Masks, is_masked
from simulated_dialer import Account, Leg, Sight, SimulatedDialer, World
from spool.phones import PhoneKey, make_phone_key
from tests.dialers.sources import REPORT, day_window, quick, source
from tests.reading.jobs import read, rows

PHONES_TOLD, LEADS_TOLD = "in place of phone numbers", "vendor codes and lead data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = quick(tmp_path)
    make_phone_key(tmp_path)
    return made


def read_with(dialer: SimulatedDialer, settings: Settings, sight: Sight, **changes: object) -> CampaignOutcome:
    dialer.change_account(Account(REPORT.user, REPORT.password, sight=sight))
    outcome = read(dialer, source(dialer, **changes), settings, day_window(0, 11), day_window(12, 23))
    assert outcome.clients[0].failure is None
    return outcome


def notices(outcome: CampaignOutcome) -> list[str]:
    return [notice for notice in outcome.clients[0].notices if "XXXX" in notice]


@pytest.mark.parametrize(
    ("sight", "told"),
    [
        (Sight(), []),
        (Sight(phone_digits=0), [PHONES_TOLD]),
        (Sight(phone_digits=2), [PHONES_TOLD]),
        (Sight(phone_digits=4), [PHONES_TOLD]),
        (Sight(hides_leads=True), [LEADS_TOLD]),
        (Sight(phone_digits=3, hides_leads=True), [PHONES_TOLD, LEADS_TOLD]),
    ],
)
@pytest.mark.parametrize("mode", ["full", "last4", "hash"])
def test_what_is_hidden_is_told_once_with_its_setting(
    dialer: SimulatedDialer, settings: Settings, sight: Sight, told: list[str], mode: str
) -> None:
    found = notices(read_with(dialer, replace(settings, phone_mode=mode), sight))
    assert len(found) == min(len(told), 1)
    assert all(each in found[0] for each in told)
    assert ("'Admin Hide Phone Data'" in "".join(found)) == (PHONES_TOLD in told)
    assert ("'Admin Hide Lead Data'" in "".join(found)) == (LEADS_TOLD in told)


def test_masked_numbers_of_user_stats_are_told_too(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.change_account(Account(REPORT.user, REPORT.password, sight=Sight(phone_digits=0)))
    who = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    assert PHONES_TOLD in notices(read(dialer, who, settings))[0]


@pytest.mark.parametrize("digits", [0, 2, 3, 4])
def test_no_hash_and_no_last_digits_are_made_of_a_mask(
    dialer: SimulatedDialer, settings: Settings, digits: int
) -> None:
    real = list(rows(*read_with(dialer, settings, Sight()).sealed)["phone"])
    stored = {}
    for mode in ("full", "last4", "hash"):
        outcome = read_with(dialer, replace(settings, phone_mode=mode), Sight(phone_digits=digits))
        stored[mode] = list(rows(*outcome.sealed)["phone"])
    assert len(set(map(len, stored.values()))) == 1
    assert set(stored["hash"]) == {"X" * 10}
    if digits == 4:
        assert sorted(stored["last4"]) == sorted(phone[-4:] for phone in real)
    else:
        assert stored["last4"] == stored["full"]
    assert PhoneKey(settings.data_dir).hash_text(real[0]) not in stored["hash"]


def test_where_a_number_is_forgotten_last_digits_of_a_mask_are_no_number(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    dialer.change_account(Account(REPORT.user, REPORT.password, sight=Sight(phone_digits=4)))
    changed = replace(settings, phone_mode="last4")
    outcome = read(dialer, source(dialer), changed, day_window(), forgotten=frozenset({"0" * 32}))
    assert rows(*outcome.sealed)["phone"].str.fullmatch(r"X{6}[0-9]{4}").all()


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("XXXXXXXXXX", True), ("XXXXXX0503", True), ("X12", True), ("3125550503", False), ("", False), ("X5551", True),
     ("XXXXX55512", False), ("anonymous", False), ("0503XXXXXX", False), ("xxxxxxxxxx", False)],
)  # fmt: skip
def test_a_mask_is_known_by_its_shape(phone: str, *, masked: bool) -> None:
    assert is_masked(phone) is masked


def test_a_short_number_that_kills_its_hour_is_explained_by_the_others(settings: Settings) -> None:
    legs = [
        Leg(
            direction="outbound", call_time_local=datetime(2026, 3, 2, hour), campaign_id="A", lead_id=hour, phone=phone
        )
        for hour, phone in ((9, "3125550503"), (14, "503"), (18, "3125550504"))
    ]
    with SimulatedDialer(World.of(legs), accounts=[Account("report", "secret", sight=Sight(phone_digits=4))]) as dialer:
        outcome = read(dialer, source(dialer), settings)
    assert outcome.clients[0].label == "dialer error"
    assert "shorter than the digits" in notices(outcome)[0]
    assert len(rows(*outcome.sealed)) == 2


def columns(**values: list[str | None]) -> pa.Table:
    return pa.table({name: pa.chunked_array([pa.array(texts, pa.string())]) for name, texts in values.items()})


def test_a_few_odd_values_are_no_restriction() -> None:
    masks = Masks()
    masks.add(columns(phone=["XXXXXXXXXX", "3125550503", "3125550504"], vendor_lead_code=["XXXX", "17", "18"]))
    masks.add(columns(phone=[], vendor_lead_code=[]))
    masks.add(columns(phone=[None, None], vendor_lead_code=["X", None]))
    assert masks.notice("host", "user") is None
    masks.add(columns(phone=["XXXXXXXXXX"] * 5, vendor_lead_code=["19"] * 5))
    assert "phone numbers." in (masks.notice("host", "user") or ("",))[0]
