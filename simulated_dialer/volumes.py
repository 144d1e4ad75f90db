"""How many calls a day has, and how often what happens to them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often what happens, as shares of one; the defaults are a busy day as it was seen on a real dialer."""

    answered_outbound: float = 0.3
    answered_inbound: float = 0.85
    transferred_outbound: float = 0.10
    transferred_inbound: float = 0.12
    lead_switches: float = 0.004
    late_dispositions: float = 0.05
    lost_hangups: float = 0.001
    corrected_lengths: float = 0.0
    join_duplicates: float = 0.033
    hidden_outbound: float = 0.005
    hidden_inbound: float = 0.022
    other_phones: float = 0.1
    after_hours: float = 0.01
    midnight_calls: int = 1

    @classmethod
    def none(cls) -> "Rates":
        """A day without oddities: every leg is plain, visible and printed once, and nothing is transferred."""
        return cls(
            transferred_outbound=0,
            transferred_inbound=0,
            lead_switches=0,
            late_dispositions=0,
            lost_hangups=0,
            join_duplicates=0,
            hidden_outbound=0,
            hidden_inbound=0,
            other_phones=0,
            after_hours=0,
            midnight_calls=0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many calls start: per hour (of each local hour, when a sequence of 24), and how many of them come in."""

    calls_per_hour: float | Sequence[float]
    inbound_share: float
    open_hours: tuple[int, int] = (8, 21)

    def outbound_and_inbound(self, hour: int, rates: Rates) -> tuple[float, float]:
        if not isinstance(self.calls_per_hour, int | float):
            calls = self.calls_per_hour[hour]
        elif self.open_hours[0] <= hour < self.open_hours[1]:
            calls = self.calls_per_hour
        else:
            return 0.0, self.calls_per_hour * rates.after_hours
        return calls * (1 - self.inbound_share), calls * self.inbound_share

    def is_open(self, hour: int) -> bool:
        return not isinstance(self.calls_per_hour, int | float) or self.open_hours[0] <= hour < self.open_hours[1]
