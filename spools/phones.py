"""Phone numbers on their way to the spool: as PHONE_MODE stores them, and without those that are to be forgotten.

A keyed hash stands for a number, so that nobody without the key of this DATA_DIR can try all numbers against it. The
identity of a call is made before, from the full number, and stays what it is.
"""

import hmac
import logging
import re
import secrets
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from config import Settings
from errors import WarehouseUnusable, full_disk_named
from frames import Frame, frame_of
from messages import PhoneForms
from tables import PERSONAL_COLUMNS, PHONE_COLUMNS
from utils import write_durably

LOG = logging.getLogger(__name__)

KEY_FILE = "phone.key"
HASH_DIGITS = 32
NUMBER = re.compile(r"\d{7,}")
"""What may be a phone number in a record that could not be read."""
HIDDEN = "*" * 7
"""What is in a record in which one was hidden."""
REPEATING = ("vendor_lead_code", "source_id")
"""Columns in which some clients keep the number a second time."""
Text = str | None


def make_key(data_dir: Path) -> None:
    """The parent makes the key once, before any worker needs it.

    Raises:
        DiskFull, WarehouseUnusable: it cannot be written.
    """
    path = data_dir / KEY_FILE
    if not path.exists():
        try:
            with full_disk_named(data_dir):
                write_durably(path, secrets.token_bytes(32))
        except OSError as exc:
            raise WarehouseUnusable(f"DATA_DIR {data_dir}", exc.strerror or type(exc).__name__) from None
        LOG.info("Made %s: keep it in the backup, without it hashes of phone numbers cannot be made again", path)


class PhoneKey:
    """The key of a DATA_DIR; it must have been made."""

    def __init__(self, data_dir: Path) -> None:
        self._key = (data_dir / KEY_FILE).read_bytes()

    def hashed(self, text: str) -> str:
        """HMAC-SHA256, its first half."""
        return hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256").hex()[:HASH_DIGITS]

    @property
    def key_id(self) -> str:
        """Tells keys apart and nothing of them."""
        return self.hashed("which key is this?")

    def forms(self, digits: str, settings: Settings) -> PhoneForms:
        """Everything that stands for a number in the tables. Four digits only count where they are what is stored."""
        short = digits[-4:] if settings.phone_mode == "last4" else digits
        return PhoneForms(digits=digits, phone_hash=self.hashed(digits), short=short, key_id=self.key_id)


def digits_of(text: str) -> str:
    return text if text.isdigit() and text.isascii() else re.sub("[^0-9]", "", text)


class Phones:
    """What a worker does to the phone numbers of a chunk; nothing where they are stored in full and none is forgotten.

    ``forgotten``: hashes of the numbers that must not be stored.
    """

    def __init__(self, settings: Settings, forgotten: Collection[str]) -> None:
        self._mode = settings.phone_mode
        self._forgotten = forgotten
        self._needed = bool(forgotten) or self._mode != "full"
        self._hashed = PhoneKey(settings.data_dir).hashed if self._needed else str

    def stored(self, rows: Frame) -> Frame:
        """Call rows as they are spooled. Their hash is keyed as well: else numbers could be tried against it."""
        if not self._needed or rows.empty:
            return rows
        table = pa.Table.from_pandas(rows, preserve_index=False)
        phones = [name for name in PHONE_COLUMNS if name in table.schema.names]
        shown = list(zip(*(table[name].to_pylist() for name in phones), strict=True))
        numbers = {phone for row in shown for phone in row if phone is not None}
        gone = {phone for phone in numbers if self._is_forgotten(phone)}
        if self._mode == "full" and not gone:
            return rows
        masked = {phone: self._form(phone) for phone in numbers}
        hidden = [not gone.isdisjoint(row) for row in shown]
        for name in table.schema.names:
            if name in PERSONAL_COLUMNS:
                table = _put(table, name, self._texts(name, table[name].to_pylist(), shown, masked, hidden))
        kinds = ["forgotten" if hide else self._mode for hide in hidden]
        hashes = zip(kinds, table["row_hash"].to_pylist(), strict=True)
        keyed = [before if kind == "full" else self._hashed(f"{kind} {before}") for kind, before in hashes]
        return frame_of(_put(table, "row_hash", keyed))

    @staticmethod
    def _texts(
        name: str, values: list[Text], shown: list[tuple[Text, ...]], masked: dict[str, Text], hidden: list[bool]
    ) -> list[Text]:
        """A column's values: masked where they are a number of their row, none where the row's number is forgotten."""
        if name in PHONE_COLUMNS or name in REPEATING:
            values = [
                masked[value] if value is not None and value in row else value
                for value, row in zip(values, shown, strict=True)
            ]
        return [None if hide else value for value, hide in zip(values, hidden, strict=True)]

    def quarantined(self, records: Frame) -> Frame:
        """Records for the quarantine, with their hash: what looks like a number that may not be stored is hidden."""
        if not self._needed or records.empty:
            return records
        shown = [NUMBER.sub(self._hidden, record) for record in records["record"]]
        hashes = [
            before if text == record else self._hashed(before)
            for text, record, before in zip(shown, records["record"], records["record_hash"], strict=True)
        ]
        return records.assign(record=shown, record_hash=hashes)

    def _form(self, phone: str) -> Text:
        if self._mode == "full":
            return phone
        digits = digits_of(phone)
        return (digits[-4:] or None) if self._mode == "last4" else self._hashed(digits or phone)

    def _is_forgotten(self, phone: str) -> bool:
        return bool(self._forgotten) and self._hashed(digits_of(phone)) in self._forgotten

    def _hidden(self, number: re.Match[str]) -> str:
        hide = self._mode != "full" or self._is_forgotten(number[0])
        return "*" * len(number[0]) if hide else number[0]


def _put(table: pa.Table, name: str, values: list[Text]) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values, pa.string()))
