"""Recognition of numbers and lead data that a dialer hides from its login. It shows an X for each character."""

import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from tables import MASK

TEXT = r"^X{3,}$"
PHONES = ("phone",)
LEADS = ("vendor_lead_code", "source_id", "lead_first_name", "lead_last_name", "lead_address1", "lead_email")
"""Some of the columns hidden together."""
WITH_DIGITS = r"^X+[0-9]{1,4}$"
IS_MASKED_PHONE = re.compile(MASK)


def is_masked(phone: str) -> bool:
    """Tell whether a text is the mask of a number."""
    return IS_MASKED_PHONE.match(phone) is not None


class Masks:
    """Counts of hidden values. Somebody may have typed a single one, but not most values of a column."""

    def __init__(self) -> None:
        self._shown: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()
        self._with_digits = 0

    def add(self, rows: pa.Table) -> None:
        """Count the rows of a chunk."""
        for names, pattern in ((PHONES, MASK), (LEADS, TEXT)):
            for name in names:
                if name in rows.column_names:
                    values = rows[name].drop_null()
                    self._shown[name] += len(values)
                    self._masked[name] += _count_matches(values, pattern)
                    if name in PHONES:
                        self._with_digits += _count_matches(values, WITH_DIGITS)

    @property
    def hide_phones(self) -> bool:
        return self._is_hidden(PHONES)

    @property
    def hide_leads(self) -> bool:
        return self._is_hidden(LEADS)

    def _is_hidden(self, names: tuple[str, ...]) -> bool:
        return any(self._masked[name] * 2 > self._shown[name] for name in names)

    def notice(self, host: str, user: str) -> tuple[str, str] | None:
        """Return a notice of hidden values, and the advice for the dialer. None if nothing is hidden."""
        settings = ["'Admin Hide Phone Data'"] * self.hide_phones + ["'Admin Hide Lead Data'"] * self.hide_leads
        if not settings:
            return None
        what = ["phone numbers"] * self.hide_phones + ["vendor codes and lead data"] * self.hide_leads
        advice = f"On the dialer, set {' and '.join(settings)} of that user to 0; or leave it if that is meant so."
        if self.hide_phones and self._with_digits:
            advice += " A number shorter than the digits that are shown makes it answer HTTP 500 for the whole report."
        return f"{host} shows user {user!r} XXXX in place of {' and '.join(what)}.", advice


def _count_matches(values: pa.ChunkedArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(values, pattern)).as_py() or 0
