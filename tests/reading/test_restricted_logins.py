"""What the user group of a login hides is told by the cycle that would miss it, at one small request a day."""

import json

import pytest

from config import Settings
from messages import CampaignOutcome
from simulated_dialer import Account, Sight, SimulatedDialer
from tests.dialers.sources import EXPORT, REPORT, count_exports, count_forms, day_window, source
from tests.reading.jobs import read


def restrict(dialer: SimulatedDialer, sight: Sight) -> None:
    dialer.change_account(Account(REPORT.user, REPORT.password, sight=sight))


def notices(outcome: CampaignOutcome) -> str:
    assert [client.failure for client in outcome.clients] == [None]
    return " ".join(outcome.clients[0].notices)


def an_hour_later(settings: Settings, seconds: float = 4_000) -> None:
    for path in (settings.data_dir / "choices").glob("*.json"):
        known = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(known | {"asked_at": known["asked_at"] - seconds}), encoding="utf-8")


def a_day_later(settings: Settings) -> None:
    an_hour_later(settings, 90_000)


def test_the_form_is_asked_for_in_the_first_cycle_of_a_day_only(dialer: SimulatedDialer, settings: Settings) -> None:
    for asked in (1, 1, 1):
        assert notices(read(dialer, source(dialer), settings)) == ""
        assert count_forms(dialer) == asked
    a_day_later(settings)
    read(dialer, source(dialer), settings)
    assert count_forms(dialer) == 2


def test_a_backfill_and_user_stats_ask_for_no_form(dialer: SimulatedDialer, settings: Settings) -> None:
    read(dialer, source(dialer), settings, backfill_id="b1")
    who = source(dialer, report="user_stats", parameters=(("user", "2001"),))
    read(dialer, who, settings)
    assert count_forms(dialer) == 0


def test_a_campaign_that_is_not_offered_is_told_once_and_the_others_are_read(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    seen, hidden, *_ = dialer.world.centre.campaigns
    restrict(dialer, Sight(campaigns=(seen,)))
    who = source(dialer, parameters=(("campaign[]", seen), ("campaign[]", hidden)))
    first = read(dialer, who, settings)
    assert f"'{hidden}'" in notices(first)
    assert "'Allowed Campaigns'" in notices(first)
    assert f"'{seen}'" not in notices(first)
    assert sum(window.rows for window in first.sealed) > 0
    assert notices(read(dialer, who, settings)) == ""


def test_a_login_that_sees_less_than_the_day_before_is_told_although_the_row_names_nothing(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    kept, *gone = dialer.world.centre.ingroups
    read(dialer, source(dialer), settings)
    a_day_later(settings)
    restrict(dialer, Sight(ingroups=(kept,)))
    told = notices(read(dialer, source(dialer), settings))
    assert f"no longer shows user 'report' {len(gone)} in-groups" in told
    assert all(name in told for name in gone)
    a_day_later(settings)
    assert notices(read(dialer, source(dialer), settings)) == ""


@pytest.mark.parametrize(
    ("sight", "parameters", "told"),
    [
        (Sight(ingroups=()), (), "no in-groups at all"),
        (Sight(campaigns=()), (), "no campaigns at all"),
        (Sight(campaigns=("OTHER",)), (("campaign[]", "MINE"),), "'MINE'"),
    ],
)
def test_an_empty_500_of_an_empty_choice_is_named_at_once(
    dialer: SimulatedDialer, settings: Settings, sight: Sight, parameters: tuple[tuple[str, str], ...], told: str
) -> None:
    restrict(dialer, sight)
    for backfill_id in (None, "b1", None):
        outcome = read(dialer, source(dialer, parameters=parameters), settings, backfill_id=backfill_id)
        (fared,) = outcome.clients
        assert (fared.label, outcome.sealed) == ("nothing visible", ())
        assert told in str(fared.failure)
    assert (count_exports(dialer), count_forms(dialer)) == (6, 3)
    restrict(dialer, Sight())
    for _ in range(2):
        assert notices(read(dialer, source(dialer), settings)) == ""
    assert count_forms(dialer) == 4


def test_a_row_without_in_groups_reads_what_a_login_without_in_groups_sees(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    restrict(dialer, Sight(ingroups=()))
    who = source(dialer, parameters=(("campaign[]", "---ALL---"), ("group[]", "---NONE---")))
    outcome = read(dialer, who, settings)
    assert notices(outcome) == ""
    assert sum(window.rows for window in outcome.sealed) > 0


def test_calls_that_went_away_with_rights_are_told_with_the_names_that_went_away(
    dialer: SimulatedDialer, settings: Settings
) -> None:
    shown = sum(leg.hidden is None for leg in dialer.world.legs_at())
    read(dialer, source(dialer), settings)
    an_hour_later(settings)
    kept, *gone = dialer.world.centre.campaigns
    restrict(dialer, Sight(campaigns=(kept,)))
    assert notices(read(dialer, source(dialer), settings)) == ""  # it was not expected to show any calls
    told = notices(read(dialer, source(dialer), settings, day_window(known_legs=shown)))
    assert f"no longer shows user 'report' {len(gone)} campaigns" in told
    assert count_forms(dialer) == 2


def test_rights_that_were_taken_a_moment_ago_are_named_at_once(dialer: SimulatedDialer, settings: Settings) -> None:
    read(dialer, source(dialer), settings)
    restrict(dialer, Sight(ingroups=()))
    assert read(dialer, source(dialer), settings).clients[0].label == "nothing visible"


def test_a_form_that_does_not_come_spoils_nothing(dialer: SimulatedDialer, settings: Settings) -> None:
    dialer.answer_with(EXPORT, b"x\r\n", when={"run_export": ""})
    outcome = read(dialer, source(dialer), settings)
    assert notices(outcome) == ""
    assert sum(window.rows for window in outcome.sealed) > 0
