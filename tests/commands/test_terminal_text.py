"""What a terminal gets of a stored record."""

import pytest

from commands.terminal_text import escape, mask

RECORD = "2026-11-20 09:00:01\t0700-1234\tJürgen O'Neil\\xfc\tjo@mail.example\t٣\tन्\r\n\x1b[2J"


def test_a_mask_keeps_the_structure_and_nothing_else() -> None:
    assert mask(RECORD) == (r"9999-99-99 99:99:99\t9999-9999\txxxxxx x'xxxx\xfc\txx@xxxx.xxxxxxx\t9\txx\r\n\x1b[9x")


def test_a_mask_is_one_line() -> None:
    assert len(mask("name\t" * 1000)) == 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b]0;x\x07", r"\x1b]0;x\x07"), ("a\x9bb", r"a\x9bb"), ("\u202egnp", r"\u202egnp"), ("\udcff", r"\udcff")],
)
def test_no_control_sequence_reaches_the_terminal(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert escape("Grüße €") == "Grüße €"


def test_what_a_console_has_no_character_for_is_not_lost() -> None:
    assert escape("Łódź", "cp1252") == "\\u0141ód\\u017a"
