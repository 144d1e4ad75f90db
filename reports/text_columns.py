"""The text columns that every report hands over, and the check of their values.

Text stays text: ids, phones and uniqueid never pass through a number.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables import LEAD_COLUMNS

CALL_TEXTS = (
    "call_date", "phone", "status", "user", "full_name", "group", "vendor_lead_code", "source_id", "list_id",
    "user_group", "lead_id", "status_name", "uniqueid", "term_reason", "length", "queue", "wrapup", "talk",
)  # fmt: skip
CHANNEL_TEXTS = (
    "caller_code", "server_ip", "hangup_cause", "dialstatus", "dial", "answered", "cpd_result", "did_pattern", "did_id",
    "did_description",
)  # fmt: skip
"""Texts of ``tables.CHANNEL_COLUMNS``, in the same order."""
TEXTS = CALL_TEXTS + CHANNEL_TEXTS
FORMS = (
    ("call_date", r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$"),
    ("length", r"^(-?\d{1,9})?$"),
    ("wrapup", r"^(-?\d{1,9})?$"),
    ("queue", r"^(-?\d{1,9}(\.\d+)?)?$"),
    ("talk", r"^(-?\d{1,9}(\.\d+)?)?$"),
)
"""Columns that must be typed, and the form of a value."""
CHANNEL_NUMBERS = ("hangup_cause", "dial", "answered")
CHANNEL_NUMBER = r"^-?\d{1,9}$"
"""Form of a number of the channel. Another value is left out, because the call is worth storing without it."""


def build_text_table(texts: Mapping[str, pa.ChunkedArray], count: int, *, lead_fields: bool) -> pa.Table:
    """Build a table of TEXTS, and of LEAD_COLUMNS if ``lead_fields``. A missing column is filled with empty texts."""
    wanted = [*TEXTS, *(column.name for column in LEAD_COLUMNS if lead_fields)]
    nothing = repeat_text("", count)
    return pa.table({name: texts.get(name, nothing) for name in wanted})


def repeat_text(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string()), count)


def check_values(texts: pa.Table) -> tuple[npt.NDArray[np.bool_], list[tuple[int, str]]]:
    """Find the rows with a value of the wrong form.

    Returns:
        For each row whether it can be typed, and the index and reason of each row that cannot.
    """
    good = np.ones(texts.num_rows, dtype=np.bool_)
    refused: dict[int, str] = {}
    for name, form in FORMS:
        fits = pc.match_substring_regex(texts[name], form).to_numpy()
        for index in np.flatnonzero(~fits):
            refused.setdefault(int(index), f"{name} has a form that cannot be read")
    for index in np.flatnonzero(pc.greater(pc.utf8_slice_codeunits(texts["call_date"], 8, 10), "28").to_numpy()):
        if int(index) not in refused and not _is_moment(texts["call_date"][int(index)].as_py()):
            refused[int(index)] = "call_date is a day that does not exist"
    good[list(refused)] = False
    return good, sorted(refused.items())


def _is_moment(call_date: str) -> bool:
    try:
        datetime.fromisoformat(call_date)
    except ValueError:
        return False
    return True
