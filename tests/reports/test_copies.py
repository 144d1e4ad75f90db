"""Copies of a leg that stand in different chunks of an answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reports import REPORTS, Chunk
from reports.copies import counted_once
from tests.reports.answers import recorded, source

TITLE, HEADER, *_ = recorded("user_stats_250720.csv").split(b"\n")
TOTALS = b'"","","TOTALS","252627","","","","","246287.2"\n'
CALLS = 30


def chunks_of(folder: Path, numbers: list[int], chunk_records: int) -> Iterator[Chunk]:
    lines = [
        f'"","{at}",'
        f'"2026-11-20 {10 + number // 20}:{number:02}:28","580","SALE","{number:04}","SALES_IN","40.00","540",'
        f'"104","{number}","AGENT"'.encode()
        for at, number in enumerate(numbers)
    ]
    path = folder / "answer.csv"
    path.write_bytes(b"\n".join([TITLE, HEADER, *lines, TOTALS]))
    yield from counted_once(
        REPORTS["user_stats"].read(path, source("user_stats"), chunk_records=chunk_records, lead_fields=False)
    )


def legs_by_hour(chunks: Iterator[Chunk]) -> dict[int, int]:
    legs: dict[int, int] = {}
    for chunk in chunks:
        for count in chunk.hours:
            legs[count.hour] = legs.get(count.hour, 0) + count.legs
    return legs


@pytest.mark.parametrize("chunk_records", [1, 7, 30])
@pytest.mark.parametrize("copies", [1, 2, 3])
def test_a_leg_is_counted_once_however_far_its_copies_are_apart(
    tmp_path: Path, chunk_records: int, copies: int
) -> None:
    numbers = list(range(CALLS)) * copies
    assert legs_by_hour(chunks_of(tmp_path, numbers, chunk_records)) == {10: 20, 11: 10}
