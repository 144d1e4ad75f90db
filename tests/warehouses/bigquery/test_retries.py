"""Failures that stay are explained to the operator."""

import time
from datetime import timedelta

import pytest

from config import Settings
from shutdown import Stop
from warehouses.bigquery.connection import BigQueryConnection
from warehouses.bigquery.failures import classify_error
from warehouses.bigquery.retries import Retries
from warehouses.bigquery.rights import Rights

RIGHT = Rights("p", "p.d").read


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Not found: Dataset p:d was not found in location EU",
            "BigQuery has no dataset p:d, needed to read tables of p.d.",
        ),
        (
            "404 GET https://bigquery.googleapis.com/x: Not found: Table p:d.calls",
            "BigQuery has no table p:d.calls, needed to read tables of p.d.",
        ),
        ("gone", "BigQuery has no such table or dataset (gone), needed to read tables of p.d."),
    ],
)
def test_what_is_missing_is_named_with_the_purpose(message: str, shown: str) -> None:
    stop = Stop()
    retries = Retries(BigQueryConnection(Settings(warehouse="bigquery"), stop), stop, timedelta())
    error = retries.build_error(classify_error("notFound", message), RIGHT, time.monotonic())
    assert str(error).startswith(shown)
