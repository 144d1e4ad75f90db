"""Identity and content hash of a call leg. Both are made here, never in SQL, so that every warehouse has the same."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from messages import Source
from reports.clocks import Moments
from reports.text_columns import CALL_TEXTS, CHANNEL_TEXTS, repeat_text
from tables import LEAD_COLUMNS, MASK

HASH_VERSION = "1"
"""Raised when rows must be written again although the dialer shows the same."""
SEPARATOR = "\x1f"


class LegNumbers:
    """Numbers of the equal legs without a uniqueid in one answer. An answer has them in the same order each time.

    Args:
        joined: legs with equal values are copies of one leg and share its number.
    """

    def __init__(self, *, joined: bool) -> None:
        self._joined = joined
        self._seen: defaultdict[int, list[int]] = defaultdict(list)

    def number(self, leg: str, content: str) -> int:
        alike = self._seen[xxhash.xxh3_64_intdigest(leg.encode("utf-8"))]
        shown = xxhash.xxh3_64_intdigest(content.encode("utf-8"))
        if self._joined and shown in alike:
            return alike.index(shown)
        alike.append(shown)
        return len(alike) - 1


def build_call_keys(text: dict[str, pa.Array], direction: pa.Array, source: Source, numbers: LegNumbers) -> pa.Array:
    """Build the call_key of each leg from values that never change while it lives.

    Equal legs without a uniqueid are told apart by their number. Copies of one can differ in their channel. A masked
    phone is no part of a key, because the rights of the login can change while the leg lives.
    """
    client = repeat_text(source.client_id, len(direction))
    keyed = pc.binary_join_element_wise(
        client, direction, text["uniqueid"], text["group"], text["call_date"], pa.scalar(SEPARATOR)
    )
    without = pc.equal(text["uniqueid"], "").to_numpy(zero_copy_only=False)
    if not without.any():
        return _hash_texts(keyed)
    phone = pc.if_else(pc.match_substring_regex(text["phone"], MASK), "", text["phone"])
    legs = pc.binary_join_element_wise(
        client, direction, text["call_date"], text["group"], phone, pa.scalar(SEPARATOR)
    ).to_pylist()
    own = [values for name, values in text.items() if name not in CHANNEL_TEXTS]
    contents = pc.binary_join_element_wise(*own, pa.scalar(SEPARATOR)).to_pylist()
    keys = keyed.to_pylist()
    for index in np.flatnonzero(without):
        keys[index] = f"{legs[index]}{SEPARATOR}{numbers.number(legs[index], contents[index])}"
    return _hash_texts(pa.array(keys, pa.string()))


def build_row_hashes(
    text: dict[str, pa.Array], moments: Moments, columns: dict[str, pa.Array], *, lead_fields: bool
) -> pa.Array:
    """Hash all shown values of a leg but those of its channel.

    A dialer empties its logs of channels long before those of calls, so their values vanish from an unchanged leg. The
    commit compares them. The names of campaign and client are ours and left out.
    """
    shown = [name for name in CALL_TEXTS if name not in ("call_date", "user", "full_name")]
    if lead_fields:
        shown += [column.name for column in LEAD_COLUMNS]
    parts = [text[name] for name in shown]
    parts += [pc.coalesce(columns[name], pa.scalar("")) for name in ("agent", "agent_name")]
    parts.append(pc.cast(pa.array(moments), pa.string()))
    version = repeat_text(HASH_VERSION, len(moments))
    return _hash_texts(pc.binary_join_element_wise(version, *parts, pa.scalar(SEPARATOR)))


def _hash_texts(texts: pa.Array) -> pa.Array:
    """Return xxh3 (128 bit) of each text, as 32 hexadecimal digits."""
    values = texts.cast(pa.large_binary()) if texts.offset else texts.cast(pa.binary())
    return pa.array([xxhash.xxh3_128_hexdigest(value) for value in values.to_pylist()], pa.string())
