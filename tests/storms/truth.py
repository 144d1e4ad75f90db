"""Compares a warehouse with what its dialers show: lost, doubled and stale rows, and state that is ahead of rows."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulated_dialer import Leg, SimulatedDialer

NOBODY = {"VDAD", "VDCL", ""}


@dataclass
class Findings:
    """What is wrong with a table; all zero when it equals the dialers' truth."""

    rows: int = 0
    lost: int = 0
    doubled: int = 0
    stale: int = 0
    strangers: int = 0
    ahead: int = 0
    """Legs in an hour that counts as read although the row is not there."""
    examples: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return self.lost + self.doubled + self.stale + self.strangers + self.ahead


@dataclass
class Clockwork:
    """When a dialer's world was set to which moment, so that one knows what it showed to a request."""

    client: str
    dialer: SimulatedDialer
    set_at: list[datetime] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)

    def set_to(self, moment: datetime) -> None:
        self.set_at.append(datetime.now(UTC))
        self.moments.append(moment)
        self.dialer.world.now = moment

    def shown(self, asked_at: datetime) -> list[Leg]:
        """Legs that a request at that time has seen for certain."""
        place = bisect_right(self.set_at, asked_at) - 1
        return legs_of(self.dialer, self.moments[place]) if place >= 0 else []


def legs_of(dialer: SimulatedDialer, moment: datetime) -> list[Leg]:
    return [leg for leg in dialer.world.legs_at(moment) if leg.hidden is None]


def identity(leg: Leg) -> tuple[object, ...]:
    return leg.direction, leg.uniqueid, leg.call_time_local, leg.campaign_id


def identity_of_row(row: dict[str, Any]) -> tuple[object, ...]:
    return row["direction"], row["uniqueid"], row["call_time_local"], row["ingroup"] or row["dialer_campaign"]


def content(leg: Leg) -> tuple[object, ...]:
    agent = None if leg.agent_user in NOBODY else leg.agent_user
    return leg.status or "", leg.length_seconds, agent, str(leg.lead_id), leg.phone or None


def content_of_row(row: dict[str, Any]) -> tuple[object, ...]:
    return row["status"] or "", row["length_seconds"], row["agent"], row["lead_id"], row["phone"]


def compare(calls: list[dict[str, Any]], truth: dict[str, list[Leg]]) -> Findings:
    """Rows of the calls table with what each client's dialer shows in the end."""
    found = Findings(rows=len(calls))
    for client, legs in truth.items():
        rows = [row for row in calls if row["client_id"] == client]
        counts = Counter(map(identity_of_row, rows))
        by_identity = {identity_of_row(row): row for row in rows}
        known = {identity(leg): leg for leg in legs}
        found.doubled += sum(count - 1 for count in counts.values())
        lost = known.keys() - counts.keys()
        found.lost += len(lost)
        found.strangers += len(counts.keys() - known.keys())
        stale = [key for key in known.keys() & counts.keys() if content_of_row(by_identity[key]) != content(known[key])]
        found.stale += len(stale)
        found.examples += [f"{client} lost {key}" for key in sorted(lost, key=str)[:3]]
        found.examples += [f"{client} stale {by_identity[key]['status']} {known[key]}" for key in stale[:3]]
    return found


def ahead(calls: list[dict[str, Any]], hours: list[dict[str, Any]], clocks: dict[str, Clockwork]) -> Findings:
    """Whether each hour that counts as read has the rows that its reading has seen; ``clocks`` by source_key."""
    found = Findings(rows=len(calls))
    have = {(row["client_id"], *identity_of_row(row)) for row in calls}
    for hour in hours:
        clock = clocks[hour["source_key"]]
        for leg in clock.shown(hour["read_at"]):
            local = leg.call_time_local
            if (local.date(), local.hour) == (hour["day"], hour["hour"]) and (clock.client, *identity(leg)) not in have:
                found.ahead += 1
                found.examples.append(f"ahead {hour['day']} {hour['hour']} {leg.uniqueid}")
    return found
