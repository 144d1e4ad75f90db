"""Records that are longer than allowed, however the body comes in pieces."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialers.size_limits import RecordLimit

CRLF, LF = b"\r\n", b"\n"


def pass_through(body: bytes, cuts: list[int], most: int, end: bytes) -> tuple[bytes, int]:
    limit = RecordLimit(most, end)
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    kept = [limit.filter(body[first:behind]) for first, behind in pairwise(places)]
    return b"".join([*kept, limit.rest()]), limit.shortened


def expected(body: bytes, most: int, end: bytes) -> tuple[bytes, int]:
    records = body.split(end)
    return end.join(record[:most] for record in records), sum(len(record) > most for record in records)


@given(
    body=st.lists(st.sampled_from([b"a", b"bcd", b"\r", b"\n", b"\r\n", b"x" * 9]), max_size=40).map(b"".join),
    cuts=st.lists(st.integers(0, 200), max_size=12),
    most=st.integers(1, 12),
    end=st.sampled_from([CRLF, LF]),
)
def test_each_record_is_cut_alone(body: bytes, cuts: list[int], most: int, end: bytes) -> None:
    kept, shortened = pass_through(body, cuts, most, end)
    if end == CRLF and re.search(rb"\r\Z", body):
        assert kept.removesuffix(b"\r") == expected(body[:-1], most, end)[0]  # half an end at the very end is kept
    else:
        assert (kept, shortened) == expected(body, most, end)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_a_record_that_never_ends_leaves_no_more_than_its_beginning(pieces: int) -> None:
    limit = RecordLimit(10, CRLF)
    kept = [
        limit.filter(b"head\r\n"),
        *(limit.filter(b"a" * 100) for _ in range(pieces)),
        limit.filter(b"\r\nlast\r\n"),
    ]
    assert b"".join(kept) == b"head\r\n" + b"a" * 10 + b"\r\nlast\r\n"
    assert limit.shortened == 1
