"""Compares a warehouse with what its dialers show: lost, doubled and stale rows, and state that is ahead of rows."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulated_dialer import Leg, SimulatedDialer

NOBODY = {"VDAD", "VDCL", ""}
LONGEST_REQUEST = timedelta(seconds=15)
"""Between the moment that a reading is dated and its answer: waiting for a connection, and retries."""
Row = dict[str, Any]
Identity = tuple[object, ...]


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
    doubts: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Times at which it may have cut its answers."""
    _doubted_since: datetime | None = None

    def set_to(self, moment: datetime) -> None:
        if self._doubted_since is not None and not self.dialer.will_misbehave:
            self.doubts.append((self._doubted_since, datetime.now(UTC)))
            self._doubted_since = None
        self.set_at.append(datetime.now(UTC))
        self.moments.append(moment)
        self.dialer.world.now = moment

    def doubt(self) -> None:
        """From now on answers may be cut, until the dialer has nothing of that kind left."""
        self._doubted_since = self._doubted_since or datetime.now(UTC) - LONGEST_REQUEST

    def moment_of(self, asked_at: datetime) -> datetime | None:
        """What the clock showed, or a later request has seen as well; None where the answer may have been cut."""
        if self._doubted_since is not None and asked_at >= self._doubted_since:
            return None
        if any(begin <= asked_at <= end for begin, end in self.doubts):
            return None
        place = bisect_right(self.set_at, asked_at) - 1
        return self.moments[place] if place >= 0 else None

    def shown(self, moment: datetime) -> list[Leg]:
        """Legs that a request at that moment of the clock, or later, has seen for certain."""
        hidden = self.hidden()
        return [leg for leg in legs_of(self.dialer, moment) if identity(leg) not in hidden]

    def hidden(self) -> set[Identity]:
        """Legs that were shown, perhaps, and are no more: their new status is unknown to the dialer, for instance."""
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
        strangers = counts.keys() - known.keys() - (hidden or {}).get(client, set())
        found.strangers += len(strangers)
        stale = [key for key in known.keys() & counts.keys() if content_of_row(by_identity[key]) != content(known[key])]
        found.stale += len(stale)
        found.examples += [f"{client} lost {key}" for key in sorted(lost, key=str)[:3]]
        found.examples += [f"{client} stranger {key}" for key in sorted(strangers, key=str)[:3]]
        found.examples += [f"{client} stale {by_identity[key]['status']} {known[key]}" for key in stale[:3]]
    return found


def ahead(calls: list[Row], hours: list[Row], clocks: dict[str, Clockwork]) -> Findings:
    """Whether each hour that counts as read has the rows that its reading has seen; ``clocks`` by source_key."""
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


def unbalanced(calls: list[Row], runs: list[Row], ledger: list[Row]) -> list[str]:
    """Where the books disagree: each batch is in them once, and says of each row who brought it."""
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
