"""The carrier log of a dialer: the ends of outbound channels, as the telephone line told them."""

import random
from datetime import date

from simulated_dialer.legs import CarrierEntry

UNLOGGED = 0.06
"""Share of channels without an entry."""
DETECTED = {"AA": "Answering-Machine"}
"""Status of a call → its result of call progress detection."""
_ENDINGS = {
    "NA": ((19, "NOANSWER"), (16, "CANCEL"), (19, "CANCEL")),
    "B": ((17, "BUSY"),),
    "ADC": ((1, "CONGESTION"), (34, "CONGESTION")),
}
_ANSWERED = ((16, "ANSWER"), (16, "ANSWER"), (16, "ANSWER"), (34, "ANSWER"))


class CarrierLog:
    """The maker of the entries of one day. It has dice of its own, so that the calls of a seed stay the same."""

    def __init__(self, seed: int, day: date) -> None:
        self._chance = random.Random(f"carrier {seed} {day.isoformat()}").random  # noqa: S311 - repeatable on purpose

    def log(self, status: str, seconds: int) -> CarrierEntry | None:
        """Return the entry of an outbound channel, or None. ``status`` is empty for a call with an agent."""
        if self._chance() < UNLOGGED:
            return None
        endings = _ENDINGS.get(status, _ANSWERED)
        cause, dialstatus = endings[int(self._chance() * len(endings))]
        answered = dialstatus == "ANSWER"
        return CarrierEntry(
            hangup_cause=cause,
            dialstatus=dialstatus,
            channel=f"SIP/carrier1-{int(self._chance() * (1 << 32)):08x}",
            dial_seconds=1 + int(self._chance() * 30) if answered else seconds,
            answered_seconds=seconds if answered else 0,
        )
