"""Number of calls per day, and rates of their oddities."""

from collections.abc import Sequence
from dataclasses import dataclass

STUCK_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Rates of oddities, as shares of one. The defaults are a busy day of a real dialer.

    Of the calls that an agent took:

    changed_uniqueids: outbound ones that get another uniqueid when they end; the epoch in it stays.
    stuck_calls: stand in INCALL for ``STUCK_DAYS``, since nobody ends them.
    hidden_endings: get a status in the end that the dialer does not define, so that exports lose them.
    hidden_wrapups: have the undefined status DISPO between hang-up and disposition, and are not shown meanwhile.
    """

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
    changed_uniqueids: float = 0.0
    stuck_calls: float = 0.0
    hidden_endings: float = 0.0
    hidden_wrapups: float = 0.0
    midnight_calls: int = 1

    @classmethod
    def none(cls) -> "Rates":
        """Return the rates of a plain day: every leg is visible and printed once, and nothing is transferred."""
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
    """Number of calls per hour (or for each local hour, as a sequence of 24), and the share of inbound ones."""

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
