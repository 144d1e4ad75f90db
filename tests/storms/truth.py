"""Comparison of a warehouse with its dialers: lost, doubled and stale rows, and state ahead of rows."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulated_dialer import Leg, SimulatedDialer

NOBODY = {"VDAD", "VDCL", ""}
LONGEST_REQUEST = timedelta(seconds=15)
"""Longest time from the date of a reading to its answer: waiting for a connection, and retries."""
Row = dict[str, Any]
Identity = tuple[object, ...]


@dataclass
class Findings:
    """Faults of a table. All are zero if it equals the dialers' calls."""

    rows: int = 0
    lost: int = 0
    doubled: int = 0
    stale: int = 0
    unexpected: int = 0
    ahead: int = 0
    """Missing legs of an hour marked as read."""
    examples: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return self.lost + self.doubled + self.stale + self.unexpected + self.ahead


@dataclass
class Clockwork:
    """The settings of a dialer's clock over time, to know its calls at each request."""

    client: str
    dialer: SimulatedDialer
    set_at: list[datetime] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    doubts: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Times of possibly truncated answers."""
    _doubted_since: datetime | None = None

    def set_to(self, moment: datetime) -> None:
        if self._doubted_since is not None and not self.dialer.will_misbehave:
            self.doubts.append((self._doubted_since, datetime.now(UTC)))
            self._doubted_since = None
        self.set_at.append(datetime.now(UTC))
        self.moments.append(moment)
        self.dialer.world.now = moment

    def doubt(self) -> None:
        """Note truncated answers from now on, until the dialer has no such misbehaviour left."""
        self._doubted_since = self._doubted_since or datetime.now(UTC) - LONGEST_REQUEST

    def moment_of(self, asked_at: datetime) -> datetime | None:
        """Return the clock's moment seen by a request or a later one. None for a possibly truncated answer."""
        if self._doubted_since is not None and asked_at >= self._doubted_since:
            return None
        if any(begin <= asked_at <= end for begin, end in self.doubts):
            return None
        place = bisect_right(self.set_at, asked_at) - 1
        return self.moments[place] if place >= 0 else None

    def shown(self, moment: datetime) -> list[Leg]:
        """Return legs seen for certain by a request at this moment of the clock, or later."""
        hidden = self.hidden()
        return [leg for leg in legs_of(self.dialer, moment) if identity(leg) not in hidden]

    def hidden(self) -> set[Identity]:
        """Return legs perhaps shown before and hidden now, for instance by a status unknown to the dialer."""
        world = self.dialer.world
        return {identity(leg) for leg in world.legs_at(world.now) if leg.hidden is not None}


def legs_of(dialer: SimulatedDialer, moment: datetime) -> list[Leg]:
    return [leg for leg in dialer.world.legs_at(moment) if leg.hidden is None]


def identity(leg: Leg) -> Identity:
    return leg.direction, leg.uniqueid, leg.call_time_local, leg.campaign_id


def identity_of_row(row: Row) -> Identity:
    return row["direction"], row["uniqueid"], row["call_time_local"], row["ingroup"] or row["dialer_campaign"]


def content(leg: Leg) -> tuple[object, ...]:
    agent = None if leg.agent_user in NOBODY else leg.agent_user
    return leg.status or "", leg.length_seconds, agent, str(leg.lead_id), leg.phone or None


def content_of_row(row: Row) -> tuple[object, ...]:
    return row["status"] or "", row["length_seconds"], row["agent"], row["lead_id"], row["phone"]


def compare(calls: list[Row], truth: dict[str, list[Leg]], hidden: dict[str, set[Identity]] | None = None) -> Findings:
    """Compare the calls table with the final calls of each client's dialer."""
    found = Findings(rows=len(calls))
    for client, legs in truth.items():
        rows = [row for row in calls if row["client_id"] == client]
        counts = Counter(map(identity_of_row, rows))
        by_identity = {identity_of_row(row): row for row in rows}
        known = {identity(leg): leg for leg in legs}
        found.doubled += sum(count - 1 for count in counts.values())
        lost = known.keys() - counts.keys()
        found.lost += len(lost)
        unexpected = counts.keys() - known.keys() - (hidden or {}).get(client, set())
        found.unexpected += len(unexpected)
        stale = [key for key in known.keys() & counts.keys() if content_of_row(by_identity[key]) != content(known[key])]
        found.stale += len(stale)
        found.examples += [f"{client} lost {key}" for key in sorted(lost, key=str)[:3]]
        found.examples += [f"{client} unexpected {key}" for key in sorted(unexpected, key=str)[:3]]
        found.examples += [f"{client} stale {by_identity[key]['status']} {known[key]}" for key in stale[:3]]
    return found


def ahead(calls: list[Row], hours: list[Row], clocks: dict[str, Clockwork]) -> Findings:
    """Count missing rows of hours marked as read. ``clocks`` are by source_key."""
    found = Findings(rows=len(calls))
    have = {(row["client_id"], *identity_of_row(row)) for row in calls}
    read: defaultdict[tuple[str, datetime], set[tuple[object, object]]] = defaultdict(set)
    for hour in hours:
        moment = clocks[hour["source_key"]].moment_of(hour["read_at"])
        if moment is not None:
            read[hour["source_key"], moment].add((hour["day"], hour["hour"]))
    for (source_key, moment), places in read.items():
        clock = clocks[source_key]
        for leg in clock.shown(moment):
            local = leg.call_time_local
            if (local.date(), local.hour) in places and (clock.client, *identity(leg)) not in have:
                found.ahead += 1
                found.examples.append(f"ahead {clock.client} {local} {leg.uniqueid}")
    return found


def history_faults(calls: list[Row], runs: list[Row], ledger: list[Row]) -> list[str]:
    """Return faults of the run history and the ledger. Each batch must be in them once, with all its rows."""
    keys = Counter((row["run_id"], row["source_key"], row["job_id"]) for row in runs)
    batches = Counter(row["batch_id"] for row in ledger)
    committed = {row["run_id"] for row in ledger}
    found = [f"runs has {count} rows for {key}" for key, count in keys.items() if count > 1]
    found += [f"ledger has {count} rows for batch {batch}" for batch, count in batches.items() if count > 1]
    rows, inserted = Counter(row["client_id"] for row in calls), Counter[str]()
    for row in runs:
        inserted[row["client_id"]] += row["inserted"]
    found += [
        f"client {client} has {rows[client]} rows, and {inserted[client]} were counted as inserted"
        for client in sorted(rows.keys() | inserted.keys())
        if rows[client] != inserted[client]
    ]
    accounted = {row["run_id"] for row in calls} | {row["run_id"] for row in runs if row["job_id"]}
    return found + [f"run {run_id} wrote, and is not in the ledger" for run_id in sorted(accounted - committed)]
