"""The erasure of a person's number, pure: the same statements in both warehouses. Each may be repeated."""

from collections.abc import Callable, Collection
from datetime import datetime

from messages import PhoneForms
from tables import FORGOTTEN, PERSONAL_COLUMNS, PHONE_COLUMNS, PHONE_PUNCTUATION, QUARANTINE


def build_erasures(
    columns: Collection[str], *, name: Callable[[str], str], calls: str, mark: str
) -> dict[str, str]:  # fmt: skip
    """Return table → statement. The parameters are those of ``erasure_parameters``.

    The calls stay and can be counted. Their hash goes too, since numbers could be tried against it. The next answer of
    the dialer writes these calls once more, without the forgotten values.

    Args:
        columns: of the calls table. The lead's may be missing.
        name: quotes a state table.
        calls: quoted name of the calls table.
        mark: beginning of the name of a parameter.
    """
    emptied = [f"{column} = NULL" for column in PERSONAL_COLUMNS if column in columns]
    forms = ", ".join(f"{mark}{form}" for form in ("digits", "phone_hash", "short"))
    theirs = " OR ".join(f"{_plain(column)} IN ({forms})" for column in PHONE_COLUMNS if column in columns)
    return {
        FORGOTTEN.name: f"""
            MERGE INTO {name(FORGOTTEN.name)} t USING (SELECT {mark}phone_hash AS phone_hash) s
            ON t.phone_hash = s.phone_hash
            WHEN NOT MATCHED THEN INSERT ({", ".join(FORGOTTEN.names)})
                VALUES (s.phone_hash, {mark}key_id, {mark}now)""",
        "calls": f"""
            UPDATE {calls} SET {", ".join(emptied)}, row_hash = '', updated_at = {mark}now
            WHERE call_date >= DATE '1970-01-01' AND ({theirs})""",
        QUARANTINE.name: f"DELETE FROM {name(QUARANTINE.name)} WHERE strpos(record, {mark}digits) > 0",
    }


def erasure_parameters(number: PhoneForms, now: datetime) -> dict[str, str | datetime]:
    return {
        "digits": number.digits, "phone_hash": number.phone_hash, "short": number.short, "key_id": number.key_id,
        "now": now,
    }  # fmt: skip


def _plain(column: str) -> str:
    """Return an expression for a number without the punctuation between its digits."""
    for character in PHONE_PUNCTUATION:
        column = f"replace({column}, '{character}', '')"
    return column
