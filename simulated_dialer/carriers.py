"""The carrier log of a dialer: the ends of outbound channels, as the telephone line told them."""

import random
from dataclasses import replace
from datetime import date

from simulated_dialer.legs import CarrierEntry, Leg

UNLOGGED = 0.06
"""Share of channels without an entry."""
_ENDINGS = {
    "NA": ((19, "NOANSWER"), (16, "CANCEL"), (19, "CANCEL")),
    "B": ((17, "BUSY"),),
    "ADC": ((1, "CONGESTION"), (34, "CONGESTION")),
}
_ANSWERED = ((16, "ANSWER"), (16, "ANSWER"), (16, "ANSWER"), (34, "ANSWER"))


class CarrierLog:
    """The maker of the entries of one day. It has dice of its own, so that the calls of a seed stay the same."""

    def __init__(self, seed: int, day: date) -> None:
        self._random = random.Random(f"carrier {seed} {day.isoformat()}")  # noqa: S311 - repeatable on purpose

    def log(self, leg: Leg, *, status: str = "", seconds: int) -> Leg:
        """Return an outbound leg with its entry. ``status`` is empty for a leg with an agent."""
        chance = self._random.random
        endings = _ENDINGS.get(status, _ANSWERED)
        cause, dialstatus = endings[int(chance() * len(endings))]
        rings, channel, is_logged = 1 + int(chance() * 30), int(chance() * (1 << 32)), chance() >= UNLOGGED
        answered = dialstatus == "ANSWER"
        entry = CarrierEntry(
            hangup_cause=cause,
            dialstatus=dialstatus,
            channel=f"SIP/carrier1-{channel:08x}",
            dial_seconds=rings if answered else seconds,
            answered_seconds=seconds if answered else 0,
        )
        machine = "Answering-Machine" if status == "AA" else ""
        return replace(leg, carrier=entry if is_logged else None, cpd_result=machine)
