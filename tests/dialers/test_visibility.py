"""What a row asks for and its login may not see, by what the form offers."""

from dataclasses import replace

import pytest

from dialers.export_form import Choices
from dialers.visibility import describe_choices, describe_lost_names, explain_failure, find_hidden_names
from messages import Source
from tests.dialers.sources import BEST

FORM = Choices(("SALES1", "TEST_2", "0042", "VIP ES"), ("SALES_IN", "Größe"))


def row(campaigns: str = "", groups: str = "") -> Source:
    pairs = [*(("campaign[]", name) for name in campaigns.split("|") if name)]
    pairs += [*(("group[]", name) for name in groups.split("|") if name)]
    return replace(BEST, parameters=tuple(pairs))


@pytest.mark.parametrize(
    ("campaigns", "groups"),
    [("", ""), ("---ALL---", "---ALL---"), ("SALES1|0042", "Größe"), ("SALES1", ""), ("---NONE---", "SALES_IN")],
)
def test_what_is_offered_as_it_is_written_is_no_trouble(campaigns: str, groups: str) -> None:
    assert find_hidden_names(row(campaigns, groups), FORM) == ()


@pytest.mark.parametrize(
    ("campaigns", "groups", "named", "advised"),
    [
        ("SALES1|OLDCAMP", "", "campaign 'OLDCAMP'", "renamed or deleted? Correct dialer_campaigns"),
        ("", "OLDGROUP", "in-group 'OLDGROUP'", "'Admin Viewable Groups'"),
        ("sales1", "", "campaign 'sales1'", "Write it as 'SALES1'"),
        ("", "SALES IN", "in-group 'SALES IN'", "deleted? Correct ingroups"),
        ("TEST_2 ", "", "campaign 'TEST_2 '", "Write it as 'TEST_2'"),
        ("SALES!1", "", "campaign 'SALES!1'", "Write it as 'SALES1'"),
        ("VIPES", "", "campaign 'VIPES'", "Write it as 'VIP ES'"),
        ("42", "", "campaign '42'", "Correct dialer_campaigns"),
        ("VIP ES", "", "campaign 'VIP ES' cannot be asked for by name", "Leave dialer_campaigns of the row empty"),
    ],
)
def test_each_name_that_is_not_offered_is_told_with_what_to_do(
    campaigns: str, groups: str, named: str, advised: str
) -> None:
    (told,) = find_hidden_names(row(campaigns, groups), FORM)
    assert named in told.happened
    assert advised in told.advice
    assert BEST.username in told.happened or "by name" in told.happened


def test_a_letter_that_cannot_be_read_is_no_other_name() -> None:
    form = Choices(("A",), ("Gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}e",))
    assert find_hidden_names(row("A", "Größe"), form) == ()
    assert len(find_hidden_names(row("A", "Grube"), form)) == 0  # it could be that one
    assert len(find_hidden_names(row("A", "Größen"), form)) == 1


@pytest.mark.parametrize(
    ("campaigns", "groups", "form", "half"),
    [
        ("", "", Choices((), ("A",)), "campaigns"),
        ("---ALL---", "", Choices((), ("A",)), "campaigns"),
        ("", "", Choices(("A",), ()), "in-groups"),
        ("GONE|OTHER", "A", Choices(("A",), ("A",)), "'GONE'"),
    ],
)
def test_a_choice_of_which_nothing_is_left_is_why_the_page_dies(
    campaigns: str, groups: str, form: Choices, half: str
) -> None:
    cause = explain_failure(row(campaigns, groups), form)
    assert half in str(cause)
    assert "empty HTTP 500" in str(cause)


@pytest.mark.parametrize(
    ("campaigns", "groups", "form"),
    [
        ("", "", Choices(("A",), ("A",))),
        ("A|GONE", "", Choices(("A",), ())),
        ("", "GONE", Choices((), ("A",))),
        ("A", "---NONE---", Choices(("A",), ())),
    ],
)
def test_a_choice_of_which_something_is_left_is_not(campaigns: str, groups: str, form: Choices) -> None:
    assert explain_failure(row(campaigns, groups), form) is None


def test_what_a_login_sees_and_no_longer_sees_is_said_in_a_line() -> None:
    assert describe_choices(Choices(("A", "B"), ())) == "2 campaigns (A, B) and no in-groups"
    assert (
        describe_choices(Choices(tuple("ABCDEFGHI"), ("X",)))
        == "9 campaigns (A, B, C, D, E, F, G, H …) and 1 in-group (X)"
    )
    assert (
        describe_lost_names(Choices(("A", "B"), ("X",)), Choices(("B", "C"), ())) == "1 campaign (A) and 1 in-group (X)"
    )
    assert describe_lost_names(FORM, FORM) is None
