"""SQL that tells one call from two, pure: expressions over the columns of two relations.

``call_key`` is made of what stays the same while a leg lives. A uniqueid is unique for one Asterisk only, so two calls
can have one key. Phone, lead and agent tell them apart. docs/decisions/0006 has the reasons.
"""

from tables import ARCHIVED, HASH_DIGITS, LAST_DIGITS, PERSONAL_COLUMNS

DIGITS = "0123456789"
COMPARED = ("phone", "lead_id", "agent")
"""Columns that tell two calls with one key apart."""


def is_masked(value: str) -> str:
    """Return a condition: the dialer hides the value from the login. It shows X's, perhaps with last digits."""
    last = f"trim({value}, 'X')"
    return f"({value} LIKE 'X%' AND length({last}) <= {LAST_DIGITS} AND trim({last}, '{DIGITS}') = '')"


def null_if_masked(value: str) -> str:
    return f"CASE WHEN {is_masked(value)} THEN NULL ELSE {value} END"


def newer_unless_masked(name: str, new: str, old: str) -> str:
    """Return the new value of a column. A mask never replaces a known value.

    A mask in ``s`` beside no number in ``t`` means a forgotten number: a worker cannot recognise it behind a mask.
    """
    if name not in PERSONAL_COLUMNS:
        return new
    was_forgotten = f"{is_masked('s.phone')} AND t.phone IS NULL"
    return f"CASE WHEN ({was_forgotten}) OR ({is_masked(new)} AND NOT {is_masked(old)}) THEN {old} ELSE {new} END"


def are_two_calls(s: str, t: str) -> str:
    """Return a condition: two rows with one key show two calls.

    Numbers that differ are two calls. One of them may be stored in another PHONE_MODE. Hashes differ as well after the
    loss of the key in DATA_DIR, so the lead must differ, too. Where numbers tell nothing, lead and agent must differ: a
    leg can get its agent late, and another lead, but hardly both. An outbound leg, or one without agent, never gets
    another lead. No leg loses its number at the same time.

    Args:
        s: prefix of the columns of one row, such as ``new.``.
        t: prefix of the columns of the other row.
    """
    mine, yours = f"{s}phone", f"{t}phone"
    leads, agents = f"{s}lead_id <> {t}lead_id", f"{s}agent <> {t}agent"
    hashes = f"length({mine}) = {HASH_DIGITS}"
    numbers = (
        f"{mine} <> {yours} AND NOT {is_masked(mine)} AND NOT {is_masked(yours)}"
        f" AND NOT ends_with({mine}, {yours}) AND NOT ends_with({yours}, {mine})"
        f" AND ({hashes}) = (length({yours}) = {HASH_DIGITS}) AND (NOT {hashes} OR {leads})"
    )
    same_number = f"coalesce({mine} = {yours} AND length({mine}) > {LAST_DIGITS} AND NOT {is_masked(mine)}, FALSE)"
    withheld = f"{s}uniqueid IS NULL AND {mine} IS NULL AND {yours} IS NULL"
    nobody = f"{s}agent IS NULL AND {t}agent IS NULL"
    one_withheld = f"({mine} IS NULL) <> ({yours} IS NULL)"
    lead_stays = f"({agents} OR {nobody} OR {s}direction = 'outbound' OR {one_withheld})"
    others = f"({leads} AND {lead_stays} OR {agents} AND {withheld})"
    return f"coalesce(({numbers}) OR (NOT {same_number} AND {others}), FALSE)"


def is_archive(report: str) -> str:
    return f"ends_with({report}, '{ARCHIVED}')"


def stable_part(uniqueid: str) -> str:
    """Return a uniqueid without its counter, which the dialer can change at hang-up."""
    return f"rtrim({uniqueid}, '{DIGITS}')"


def rank(report: str) -> str:
    """Return the sort key of a report. The first one owns a row: live before archive, then by name."""
    return f"CASE WHEN {is_archive(report)} THEN concat('~', {report}) ELSE {report} END"
