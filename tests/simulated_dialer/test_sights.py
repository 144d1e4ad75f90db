"""Restricted user groups, masked numbers and other languages look like those of real dialers."""

from dataclasses import replace
from typing import Any

import pytest

from simulated_dialer import Account, CallCentre, Sight, SimulatedDialer, World
from tests.simulated_dialer.client import REPORT, Answer, Opening, ask, export, user_stats
from tests.simulated_dialer.test_call_exports import CLOSER, NOON

OTHER = replace(NOON, campaign_id="SURVEY", list_id=103, lead_id=16831)
LEGS = (NOON, OTHER, CLOSER, replace(CLOSER, campaign_id="VIP_ES", copies=1))
PHONE, VENDOR, LEAD_PHONE, FIRST_NAME = 1, 6, 11, 13


def see_as(open_dialer: Opening, sight: Sight, **options: Any) -> SimulatedDialer:
    account = Account("report", "secret", sight=sight)
    return open_dialer(World.of(LEGS, centre=CallCentre.of_seed(3)), accounts=[account], **options)


def groups(answer: Answer) -> set[str]:
    return {row[5].decode() for row in answer.rows()}


def test_a_user_group_narrows_campaigns_and_ingroups_without_a_word(open_dialer: Opening) -> None:
    dialer = see_as(open_dialer, Sight(campaigns=("SALES1",), ingroups=("VIP_ES",)))
    assert groups(export(dialer)) == {"SALES1", "VIP_ES"}
    assert groups(export(dialer, campaign=["SALES1", "SURVEY"], group=None)) == {"SALES1"}
    assert groups(export(dialer, campaign=None, group="SALES_IN")) == {"SALES_IN"}  # named ones are not checked


def test_in_group_calls_of_lists_of_other_campaigns_vanish(open_dialer: Opening) -> None:
    assert groups(export(see_as(open_dialer, Sight(lists=(103,))))) == {"SURVEY"}


def test_the_form_lists_what_is_visible(open_dialer: Opening) -> None:
    dialer = see_as(open_dialer, Sight(campaigns=("SALES1",), ingroups=("VIP_ES",), lists=(102,)))
    form = ask(dialer, "call_report_export.php").body
    shown = [b'value="%s"' % name in form for name in (b"SALES1", b"VIP_ES", b"102", b"SURVEY", b"SALES_IN", b"103")]
    assert shown == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("sight", "campaign", "group"),
    [
        (Sight(campaigns=("SALES1",)), "---NONE---", "---ALL---"),
        (Sight(campaigns=("SALES1",)), "SURVEY", "---ALL---"),
        (Sight(campaigns=()), "---ALL---", None),
        (Sight(ingroups=("VIP_ES",)), "---ALL---", "---NONE---"),
        (Sight(ingroups=()), "---ALL---", "---ALL---"),
    ],
)
def test_a_choice_of_which_nothing_is_left_kills_the_page(
    open_dialer: Opening, sight: Sight, campaign: str, group: str | None
) -> None:
    dialer = see_as(open_dialer, sight)
    answer = export(dialer, campaign=campaign, group=group)
    assert (answer.status, answer.body) == (500, b"")
    assert export(see_as(open_dialer, sight, php=7), campaign=campaign, group=group).status == 200
    assert export(open_dialer(World.of(LEGS), accounts=[REPORT]), campaign=campaign, group=group).status == 200


def test_leaving_a_parameter_out_is_no_such_choice(open_dialer: Opening) -> None:
    dialer = see_as(open_dialer, Sight(campaigns=("SALES1",), ingroups=()))
    assert groups(export(dialer, group=None)) == {"SALES1"}


@pytest.mark.parametrize(("digits", "shown"), [(0, "XXXXXXXXXX"), (2, "XXXXXXXX03"), (4, "XXXXXX0503")])
def test_masked_numbers_keep_their_last_digits(open_dialer: Opening, digits: int, shown: str) -> None:
    dialer = see_as(open_dialer, Sight(phone_digits=digits))
    rows = export(dialer).rows()
    assert {row[PHONE].decode() for row in rows} == {shown}
    assert all(set(row[LEAD_PHONE][:-4]) == set(b"X") for row in rows)
    assert shown.encode() in user_stats(dialer, "2010").body


def test_a_number_shorter_than_the_digits_that_are_shown_kills_the_page(open_dialer: Opening) -> None:
    world = World.of([replace(NOON, phone="12")])
    account = Account("report", "secret", sight=Sight(phone_digits=4))
    assert export(open_dialer(world, accounts=[account])).status == 500


def test_lead_data_can_be_masked_by_itself(open_dialer: Opening) -> None:
    row = export(see_as(open_dialer, Sight(hides_leads=True))).rows()[0]
    assert (row[PHONE], row[VENDOR]) == (b"0025360503", b"XXXXXXX")
    assert set(row[FIRST_NAME]) <= set(b"X")


@pytest.mark.parametrize(
    ("campaign", "group", "text"),
    [
        (None, "---ALL---", b"No hay llamadas entrantes durante este periodo para estos parametros\n"),
        ("---ALL---", None, b"No hay llamadas salientes durante este periodo para estos parametros\n"),
        (None, None, b"No hay llamadas durante este periodo para estos parametros\n"),
    ],
)
def test_no_calls_is_said_in_the_language_of_the_login(
    open_dialer: Opening, campaign: str | None, group: str | None, text: bytes
) -> None:
    dialer = see_as(open_dialer, Sight(language="spanish"))
    answer = export(dialer, query_date="1990-01-01", end_date="1990-01-01", campaign=campaign, group=group)
    assert (answer.status, answer.body) == (200, text)


def test_an_answer_for_one_login_is_not_given_to_another(open_dialer: Opening) -> None:
    dialer = open_dialer(
        World.of(LEGS), accounts=[REPORT, Account("few", "secret", sight=Sight(campaigns=("SALES1",)))]
    )
    assert groups(export(dialer)) > groups(export(dialer, ("few", "secret"))) > {"SALES1"}


def test_a_name_with_a_blank_cannot_be_asked_for(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([replace(NOON, campaign_id="VIP ES"), NOON]))
    assert groups(export(dialer, group=None)) == {"VIP ES", "SALES1"}
    assert groups(export(dialer, campaign=["VIP ES", "SALES1"], group=None)) == {"SALES1"}
    assert b'value="VIP ES"' in ask(dialer, "call_report_export.php").body
