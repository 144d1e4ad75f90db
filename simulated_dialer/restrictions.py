"""Restrictions of a login by its user group and settings: campaigns, in-groups, lists, numbers and lead data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulated_dialer.legs import Leg

_HIDDEN_LEAD_FIELDS = frozenset(
    {
        "title", "first_name", "middle_initial", "last_name", "address1", "address2", "address3", "city", "state",
        "province", "postal_code", "alt_phone", "email", "security_phrase",
    }
)  # fmt: skip
_NO_CALLS = {
    "english": "There are no {}calls during this time period for these parameters",
    "spanish": "No hay llamadas {}durante este periodo para estos parametros",
}
_KINDS = {
    "english": {"inbound calls": "inbound ", "outbound calls": "outbound "},
    "spanish": {"inbound calls": "entrantes ", "outbound calls": "salientes "},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The rights of a login to see rows. None means everything.

    campaigns: the allowed campaigns of its user group.
    ingroups: those in-groups that its user group may view.
    lists: the lists of the allowed campaigns; calls of other lists vanish, in-group calls too.
    phone_digits: so many last digits of each number are shown, the others are X.
    hides_leads: vendor codes and what is known of leads consist of X.
    language: of its messages.
    """

    campaigns: tuple[str, ...] | None = None
    ingroups: tuple[str, ...] | None = None
    lists: tuple[int, ...] | None = None
    phone_digits: int | None = None
    hides_leads: bool = False
    language: str = "english"

    def mask(self, leg: Leg) -> Leg:
        shown = replace(leg, phone=self.phone(leg.phone))
        if not self.hides_leads:
            return shown
        return replace(shown, vendor_lead_code="X" * len(leg.vendor_lead_code), source_id="X" * len(leg.source_id))

    def phone(self, number: str) -> str:
        if self.phone_digits is None or not number:
            return number
        hidden = max(len(number) - self.phone_digits, 0)
        return "X" * hidden + number[hidden:]

    def is_killed_by(self, legs: Sequence[Leg]) -> bool:
        """Return whether PHP 8 dies of the mask: it refuses to repeat an X a negative number of times."""
        return bool(self.phone_digits) and any(0 < len(leg.phone) < (self.phone_digits or 0) for leg in legs)

    def lead_text(self, name: str, text: bytes) -> bytes:
        if name == "phone_number":
            return self.phone(text.decode("ascii")).encode("ascii")
        return b"X" * len(text) if self.hides_leads and name in _HIDDEN_LEAD_FIELDS else text

    def no_calls(self, kind: str) -> str:
        """Return the line for an empty result."""
        return _NO_CALLS[self.language].format(_KINDS[self.language].get(kind, ""))


EVERYTHING = Sight()
