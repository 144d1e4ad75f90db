"""Lists of campaigns and in-groups as people write them: understood or refused, and never a word sent as a name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.name_lists import are_same_lists, describe_reading, names_in_cell, names_in_url
from errors import RowUnusable

ALL, NONE = "---ALL---", "---NONE---"


@pytest.mark.parametrize(
    "cell",
    [
        "ALL", "all", " All ", "*", '"*"', "any", "Every", "everything", ALL, "--ALL--", "-ALL-", "- all -", "— ALL —",
        "–-ALL-–", "−−ALL−−", "--- ALL ---", "___ALL___", "***ALL***", "<ALL>", "[all]", "(all)", '"ALL"', "=ALL",
        "all.", "ALL-CAMPAIGNS", "all campaigns", "All_Campaigns", "all in-groups", "all inbound groups", "'all'",
        "ALL,", ";all;", "all, ALL", "\uff21\uff2c\uff2c", "\uff0a", "A\u200bLL", "\u00a0ALL\u00a0", "alle", "Todas",
        "TODOS", "toutes", "tous", "tutti", "все", "全部", "すべて", "الكل", "---all---,SALES1", "SALES1,--ALL--",
    ],
)  # fmt: skip
def test_words_for_all_are_understood(cell: str) -> None:
    assert names_in_cell(cell) == (ALL,)


@pytest.mark.parametrize(
    "cell",
    [
        "none", "NONE", NONE, "--NONE--", "-none-", "—NONE—", "(none)", "nothing", "no campaigns", "No in-groups",
        "none of them", "zero", "keine", "Ninguna", "ninguno", "aucun", "aucune", "nessuno", "nenhum", "geen", "無",
        "none;", '"NONE"', "ＮＯＮＥ",
    ],
)  # fmt: skip
def test_words_for_none_are_understood(cell: str) -> None:
    assert names_in_cell(cell) == (NONE,)


@pytest.mark.parametrize(
    "cell",
    [
        "-", "--", "---", "–", "—", "_", ".", "...", "…", "?", "n/a", "N/A", "n. a.", "n.a.", "#N/A", "null", "NULL",
        "(null)", "nil", "NaN", "undefined", "yes", "No", "TRUE", "false", "0", "todo", "tutto", "alles", "kein", "нет",
        ",", ";;", "''", '""',
    ],
)  # fmt: skip
def test_what_may_mean_either_is_refused(cell: str) -> None:
    with pytest.raises(RowUnusable, match="ALL"):
        names_in_cell(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "SALES1,HELP_2", "SALES1, HELP_2", "SALES1;HELP_2", "SALES1|HELP_2", "SALES1 HELP_2", "SALES1\tHELP_2",
        "SALES1\nHELP_2", "SALES1\r\nHELP_2\r\n", "SALES1,\nHELP_2", " SALES1 ; HELP_2 ; ", '"SALES1","HELP_2"',
        "['SALES1', 'HELP_2']", "SALES1，HELP_2", "SALES1、HELP_2", "SALES1\u00a0HELP_2", "SALES1 , ,HELP_2,SALES1",
        "SALES1\u200b,HELP_2", "SALES1,---NONE---,HELP_2", "“SALES1” „HELP_2“",
    ],
)  # fmt: skip
def test_separators_of_every_kind_are_understood(cell: str) -> None:
    assert names_in_cell(cell) == ("SALES1", "HELP_2")


@pytest.mark.parametrize("name", ["A", "1001", "sales-1", "ALLSTATE", "NONEX", "VENTAS_ES", "продажи", "NA", "X" * 20])
def test_a_name_that_an_id_can_be_is_left_as_it_is(name: str) -> None:
    assert names_in_cell(name) == names_in_url([name]) == (name,)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("X" * 21, "name 1 is longer than the 20 characters"),
        ("A, R&D", "name 2 has a character that ids do not have"),
        ("Sales East, Help", "name 1 has a character"),
        ("SALES*", "name 1 has a character that ids do not have"),
        ("SALES%", "a character that ids do not have"),
        ("SALES1/SALES2", "a character that ids do not have"),
        ("SALES1+SALES2", "a character that ids do not have"),
        ("1001.0", "a character that ids do not have"),
        ("1,00E+03", "name 2 has"),
        ("SALES–1", "a character that ids do not have"),
        ("!SALES1", "a character that ids do not have"),
        ("-SALES1", "begins with a dash"),
        ("Campaigns: SALES1", "a character that ids do not have"),
        ("SALES1 and SALES2", "is a sentence"),
        ("SALES1 - Sales East", "is a sentence"),
        ("SALES1 & SALES2", "is a sentence"),
        ("all except SALES1", "is a sentence"),
        ("all SALES1", "has a word for all or none beside names"),
        ("SALES1,all", "has a word for all or none beside names"),
        ("none,SALES1", "has a word for all or none beside names"),
        ("all,none", "has a word for all or none beside names"),
        ("todas las campañas", "has a word for all or none beside names"),
        ("SALES1,n/a", "may mean all or none"),
        (f"{ALL},{NONE}", "asks for all and for none"),
    ],
)
def test_what_no_id_can_be_is_refused_without_being_shown(cell: str, reason: str) -> None:
    with pytest.raises(RowUnusable, match=re.escape(reason)) as refused:
        names_in_cell(cell)
    assert "SALES" not in str(refused.value)


def test_an_empty_cell_names_nothing() -> None:
    assert names_in_cell("") == names_in_cell(" \n\u200b") == ()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([ALL], (ALL,)), (["--ALL--"], (ALL,)), (["all"], (ALL,)), (["*"], (ALL,)), ([NONE], (NONE,)),
        (["--none--"], (NONE,)), (["None"], (NONE,)), ([ALL, "A"], (ALL,)), ([NONE, "A"], ("A",)),
        (["A ", "B\u200b", "A"], ("A", "B")), (["todas"], ("todas",)), (["NULL"], ("NULL",)), (["", "A"], ("A",)),
    ],
)  # fmt: skip
def test_names_of_a_url_are_taken_literally_but_for_words_that_no_id_is(
    values: list[str], names: tuple[str, ...]
) -> None:
    assert names_in_url(values) == names


@pytest.mark.parametrize("values", [["R&D"], ["A,B"], ["A B"], ["X" * 21], ["A", "-"], [ALL, NONE], ["n/a"]])
def test_names_of_a_url_that_no_id_can_be_are_refused(values: list[str]) -> None:
    with pytest.raises(RowUnusable, match=r"Repeat the parameter|asks for all and for none|may mean all or none"):
        names_in_url(values)


@given(cell=st.text(max_size=30) | st.text("alnoe -*,;|\n/.ALN—", max_size=12))
def test_any_cell_gives_names_that_an_id_can_be_or_is_refused(cell: str) -> None:
    try:
        names = names_in_cell(cell)
    except RowUnusable:
        return
    assert names in {(), (ALL,), (NONE,)} or all(re.fullmatch(r"[\w_][-\w]{0,19}", name) for name in names)
    assert not {name.casefold() for name in names} & {"all", "none", "any", "nothing"}
    assert names_in_cell(",".join(names)) == names


def test_two_spellings_of_one_wish_are_alike() -> None:
    assert are_same_lists("A;B", "B, A")
    assert are_same_lists("*", None)
    assert are_same_lists("", "--ALL--")
    assert not are_same_lists("none", "")
    assert are_same_lists("n/a", "n/a")
    assert not are_same_lists("n/a", "")


@pytest.mark.parametrize(
    ("cell", "understood"),
    [
        ("", None),
        (ALL, None),
        ("A, B", None),
        ("any", "all"),
        ("(none)", "none"),
        ("A;B", "2 names"),
        ("'A'", "1 name"),
    ],
)
def test_only_what_does_not_say_so_itself_has_a_reading(cell: str, understood: str | None) -> None:
    assert describe_reading(cell) == understood
