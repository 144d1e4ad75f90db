"""Phone numbers on their way to the spool: in the form of PHONE_MODE, and without forgotten numbers.

The hash of a number is keyed, so that nobody without the key of this DATA_DIR can try all numbers against it. The
identity of a call is made earlier, from the full number, and does not change.
"""

import hmac
import logging
import re
import secrets
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from config import Settings
from errors import WarehouseUnusable, raise_disk_full
from messages import PhoneForms
from reports.masks import Masks, is_masked
from tables import HASH_DIGITS, LAST_DIGITS, PERSONAL_COLUMNS, PHONE_COLUMNS
from utils import write_durably

LOG = logging.getLogger(__name__)

KEY_FILE = "phone.key"
FEWEST_DIGITS = 7
NUMBER = re.compile(rf"\d{{{FEWEST_DIGITS},}}")
"""Anything that may be a phone number in an unreadable record."""
HIDDEN = "*" * 7
"""Text in a record with a hidden number."""
CODE = "caller_code"
REPEATING = ("vendor_lead_code", "source_id", CODE)
"""Columns that may hold a second copy of the number, by a habit of some clients or as told by the telephone line."""
Text = str | None


def make_phone_key(data_dir: Path) -> None:
    """Make the key once, in the parent, before any worker needs it.

    Raises:
        DiskFull, WarehouseUnusable: the key cannot be written.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        try:
            with raise_disk_full(data_dir):
                write_durably(path, secrets.token_bytes(32))
        except OSError as exc:
            raise WarehouseUnusable(f"DATA_DIR {data_dir}", exc.strerror or type(exc).__name__) from None
        LOG.info("Made %s: keep it in the backup, without it hashes of phone numbers cannot be made again", path)


class PhoneKey:
    """The key of a DATA_DIR. It must have been made."""

    def __init__(self, data_dir: Path) -> None:
        self._key = (data_dir / KEY_FILE).read_bytes()

    def hash_text(self, text: str) -> str:
        """Return the first half of HMAC-SHA256."""
        return hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256").hex()[:HASH_DIGITS]

    @property
    def key_id(self) -> str:
        """Return a text to tell keys apart. It reveals nothing of the key."""
        return self.hash_text("which key is this?")

    def forms(self, digits: str, settings: Settings) -> PhoneForms:
        """Return the possible forms of a number in the tables. Four digits only count if PHONE_MODE is last4."""
        short = digits[-4:] if settings.phone_mode == "last4" else digits
        return PhoneForms(digits=digits, phone_hash=self.hash_text(digits), short=short, key_id=self.key_id)


def digits_of(text: str) -> str:
    return text if text.isdigit() and text.isascii() else re.sub("[^0-9]", "", text)


def have_one_end(digits: str, others: str) -> bool:
    """Tell whether one number ends with the other. Fewer than seven digits are no number."""
    shorter, longer = sorted((digits, others), key=len)
    return len(shorter) >= FEWEST_DIGITS and longer.endswith(shorter)


class Phones:
    """Masking of the phone numbers of a chunk. Nothing changes if numbers are stored in full and none is forgotten.

    Args:
        forgotten: hashes of the numbers that must not be stored.
    """

    def __init__(self, settings: Settings, forgotten: Collection[str]) -> None:
        self.masks = Masks()
        """Values hidden by the dialer itself, of the rows so far."""
        self._mode = settings.phone_mode
        self._forgotten = forgotten
        self._needed = bool(forgotten) or self._mode != "full"
        self._hash_text = PhoneKey(settings.data_dir).hash_text if self._needed else str

    def mask_rows(self, table: pa.Table) -> pa.Table:
        """Return call rows for the spool. Their hash is keyed too, or numbers could be tried against it."""
        self.masks.add(table)
        if not self._needed or not table.num_rows:
            return table
        phones = [name for name in PHONE_COLUMNS if name in table.schema.names]
        shown = list(zip(*(table[name].to_pylist() for name in phones), strict=True))
        numbers = {phone for row in shown for phone in row if phone is not None}
        gone = {phone for phone in numbers if self._is_forgotten(phone)}
        if self._mode == "full" and not gone:
            return table
        masked = {phone: self._mask_number(phone) for phone in numbers}
        hidden = [not gone.isdisjoint(row) for row in shown]
        for name in table.schema.names:
            if name in PERSONAL_COLUMNS:
                table = _replace_column(
                    table, name, self._mask_texts(name, table[name].to_pylist(), shown, masked, hidden)
                )
        kinds = ["forgotten" if hide else self._mode for hide in hidden]
        hashes = zip(kinds, table["row_hash"].to_pylist(), strict=True)
        keyed = [before if kind == "full" else self._hash_text(f"{kind} {before}") for kind, before in hashes]
        return _replace_column(table, "row_hash", keyed)

    def _mask_texts(
        self,
        name: str,
        values: list[Text],
        shown: list[tuple[Text, ...]],
        masked: dict[str, Text],
        hidden: list[bool],
    ) -> list[Text]:
        """Mask the numbers of each row in a column. A row with a forgotten number gets no value."""
        if name in PHONE_COLUMNS or name in REPEATING:
            numbers = [self._find_repeated(name, value, row) for value, row in zip(values, shown, strict=True)]
            values = [
                value if number is None else masked[number] for value, number in zip(values, numbers, strict=True)
            ]
        return [None if hide else value for value, hide in zip(values, hidden, strict=True)]

    def _find_repeated(self, name: str, value: Text, row: tuple[Text, ...]) -> Text:
        """Return the number of the row that a value repeats. A code may have it with or without a prefix."""
        if value is None or value in row:
            return value
        if name != CODE or self._mode == "full":
            return None
        digits = digits_of(value)
        return next((phone for phone in row if phone is not None and have_one_end(digits, digits_of(phone))), None)

    def mask_record(self, record: str, record_hash: str) -> tuple[str, str]:
        """Hide possible phone numbers in a quarantined record, unless they may be stored.

        Returns:
            The record and its hash. The hash is keyed if something was hidden.
        """
        if not self._needed:
            return record, record_hash
        masked = NUMBER.sub(self._hide_number, record)
        return masked, record_hash if masked == record else self._hash_text(record_hash)

    def _mask_number(self, phone: str) -> Text:
        if self._mode == "full":
            return phone
        digits = digits_of(phone)
        if is_masked(phone) and (self._mode == "hash" or len(digits) < LAST_DIGITS or self._forgotten):
            # the hash of a mask would look like that of a number
            return re.sub("[0-9]", "X", phone) if self._mode == "hash" else phone
        return (digits[-LAST_DIGITS:] or None) if self._mode == "last4" else self._hash_text(digits or phone)

    def _is_forgotten(self, phone: str) -> bool:
        return bool(self._forgotten) and self._hash_text(digits_of(phone)) in self._forgotten

    def _hide_number(self, number: re.Match[str]) -> str:
        hide = self._mode != "full" or self._is_forgotten(number[0])
        return "*" * len(number[0]) if hide else number[0]


def _replace_column(table: pa.Table, name: str, values: list[Text]) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values, pa.string()))
