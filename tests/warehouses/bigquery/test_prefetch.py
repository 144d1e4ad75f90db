"""Reads that were started together run side by side, and each result is used once."""

import threading
from typing import Any

import pytest

from warehouses.bigquery.prefetch import Prefetch

SECONDS = 10


def test_reads_run_side_by_side_and_each_result_is_used_once() -> None:
    together = threading.Barrier(2, timeout=SECONDS)

    def read() -> list[dict[str, Any]]:
        return [{"place": together.wait()}]

    prefetch = Prefetch()
    with prefetch.start({"one": read, "two": read}):
        places = [prefetch.take(name, list)[0]["place"] for name in ("one", "two")]
        assert sorted(places) == [0, 1]
        assert prefetch.take("one", lambda: [{"place": "later"}]) == [{"place": "later"}]
    assert prefetch.take("two", list) == []


def test_a_read_that_fails_fails_where_its_rows_are_asked_for() -> None:
    def fail() -> list[dict[str, Any]]:
        raise ConnectionError

    prefetch = Prefetch()
    with prefetch.start({"one": fail, "two": list}):
        assert prefetch.take("two", fail) == []
        with pytest.raises(ConnectionError):
            prefetch.take("one", list)
