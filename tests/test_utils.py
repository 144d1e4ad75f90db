"""Functions without a word of the trade."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils import consecutive, one_line, plural, utc_now, write_durably


def test_now_is_aware_and_utc() -> None:
    assert utc_now().utcoffset() == timedelta()


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write_durably(path, b"old and longer")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_put_in_place_leaves_no_temporary_file(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_durably(in_the_way, b"content")
    assert list(tmp_path.iterdir()) == [in_the_way]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Client 1", "Client 1"),
        ("a\nERROR forged\r\x1b[31m", "a ERROR forged  [31m"),
        ("Büro \u202e", "Büro  "),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_text_cannot_forge_a_log_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_limit_is_kept() -> None:
    assert one_line("abcdef", limit=4) == "abc…"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 campaigns"), (1, "1 campaign"), (8, "8 campaigns"), (1234, "1,234 campaigns")]
)
def test_a_count_has_its_noun(count: int, text: str) -> None:
    assert plural(count, "campaign") == text


def test_runs_of_numbers_are_found_in_any_order() -> None:
    assert list(consecutive([7, 2, 1, 3, 2])) == [(1, 3), (7, 7)]
    assert list(consecutive([])) == []


@given(st.lists(st.integers(-50, 50)))
def test_runs_cover_just_the_numbers_and_do_not_touch(numbers: list[int]) -> None:
    runs = list(consecutive(numbers))
    assert [n for first, last in runs for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(after[0] - before[1] > 1 for before, after in pairwise(runs))
