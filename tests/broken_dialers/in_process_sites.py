"""A warehouse and its dialers within this process: whole cycles in a fraction of a second, at any moment of time.

Only the pool is left out. `process_campaign` reads each campaign here, and a run commits it.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from campaign_processor import process_campaign
from config import Settings
from credentials.rows import parse_rows
from credentials.sources import usable_sources
from database import open_warehouse
from engine.client_imports import import_clients
from engine.commits import Commits
from engine.run_starts import RunStart, new_run_id, read_history
from messages import ClientResult
from planning.plans import group_by_campaign, plan_backfill, plan_cycle
from planning.run_facts import RunFacts
from simulated_dialer import Leg, SimulatedDialer
from tests.acceptance.programs import HEADER, PASSWORD, USER, ZONE
from tests.dialers.sources import quick
from tests.storms.truth import Findings, Row, compare, legs_of
from tests.warehouses import analyst
from utils import utc_now


@dataclass(frozen=True)
class Read:
    """The result of a cycle or a backfill."""

    results: tuple[ClientResult, ...]

    @property
    def code(self) -> int:
        return 0 if all(result.is_well for result in self.results) else 1

    @property
    def texts(self) -> str:
        """Return all texts for the operator."""
        words = [(str(result.failure), *result.notices, result.label) for result in self.results]
        return " ".join(text for each in words for text in each if text)


@dataclass
class Site:
    """A warehouse with dialers by name. Each has a campaign of its own, and the clock of its world.

    A name begins with the ClientID, so that ``1`` and ``1b`` are two dialers of one client.
    """

    folder: Path
    dialers: dict[str, SimulatedDialer]
    changed: dict[str, Any] = field(default_factory=dict)
    """Settings other than the usual ones."""
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        usual = {
            "first_run_days": 1,
            "http_timeout": 0.5,
            "request_timeout": 2.0,
            "retry_attempts": 1,
            "retry_total": 1.0,
        }
        self.settings = quick(self.folder / "data", **usual | self.changed)
        path = self.folder / "clients.csv"
        rows = [
            [f"Campaign{name}", dialer.url, USER, PASSWORD, f"Client {name[0]}", name[0], ZONE]
            for name, dialer in self.dialers.items()
        ]
        path.write_text("\n".join(",".join(row) for row in [list(HEADER), *rows]), encoding="utf-8")
        warehouse = open_warehouse(self.settings)
        with warehouse.lease():
            warehouse.prepare()
            import_clients(warehouse, self.settings, path, replace=False)

    def prepare(self) -> None:
        """Prepare the tables, as each start of the program does."""
        warehouse = open_warehouse(self.settings)
        with warehouse.lease():
            warehouse.prepare()

    def cycle(self, now: datetime, *, clock_is_off_by: timedelta = timedelta()) -> Read:
        """Run a cycle at this moment. The clock of its machine may be wrong."""
        return self._run(now, None, now + clock_is_off_by)

    def backfill(self, now: datetime, day: date) -> Read:
        """Read one past day again."""
        return self._run(now, day, now)

    def _run(self, moment: datetime, day: date | None, now: datetime) -> Read:
        for dialer in self.dialers.values():
            dialer.world.now = moment
        settings, warehouse = self.settings, open_warehouse(self.settings)
        with warehouse.lease():
            sources, _ = usable_sources(parse_rows(warehouse.reader.credential_rows()), settings)
            history = read_history(warehouse, sources, settings, now, since=day)
            campaigns = group_by_campaign(sources)
            facts = RunFacts(run_id=new_run_id(now), clock_shift=now - utc_now())
            if day is None:
                jobs = plan_cycle(campaigns, history, settings, now, facts)
            else:
                jobs = plan_backfill(campaigns, history, now, facts, first=day, last=day, backfill_id="b", done=())
            start = RunStart(
                facts=facts, now=now, started_at=now, campaigns=tuple(campaigns), sources=sources, history=history
            )
            outcomes = [process_campaign(job, settings) for job in jobs]
            return Read(tuple(Commits(start, warehouse, settings).commit(outcomes)))

    def rows(self, query: str) -> list[Row]:
        return analyst.rows(self.settings, query)

    def missing(self, client: str, since: date = date.min) -> int:
        """Count calls of a dialer missing in the table in any form, with or without a uniqueid.

        The running hour is left out: it has new calls at any moment, and each cycle reads it again.
        """
        dialer = self.dialers[client]
        begun = dialer.world.now.astimezone(dialer.world.zone).replace(minute=0, second=0, tzinfo=None)
        legs = [leg for leg in legs_of(dialer, dialer.world.now) if leg.call_time_local < begun]
        shown = Counter(_alike_leg(leg) for leg in legs if _day(leg) >= since)
        stored = Counter(map(_alike_row, self.rows(f"SELECT * FROM vicidial.calls WHERE client_id = '{client}'")))
        return (shown - stored).total()

    def findings(self, since: date = date.min) -> Findings:
        """Compare the table with the dialers, from this local day on."""
        truth = {
            client: [leg for leg in legs_of(dialer, dialer.world.now) if _day(leg) >= since]
            for client, dialer in self.dialers.items()
        }
        rows = self.rows(f"SELECT * FROM vicidial.calls WHERE call_date >= '{since}'")
        return compare(rows, truth, {client: _hidden(dialer) for client, dialer in self.dialers.items()})


def _day(leg: Leg) -> date:
    return leg.call_time_local.date()


def _alike_leg(leg: Leg) -> tuple[object, ...]:
    return leg.direction, leg.call_time_local, leg.campaign_id, leg.phone or None


def _alike_row(row: Row) -> tuple[object, ...]:
    return row["direction"], row["call_time_local"], row["ingroup"] or row["dialer_campaign"], row["phone"]


def _hidden(dialer: SimulatedDialer) -> set[tuple[object, ...]]:
    return {
        (leg.direction, leg.uniqueid, leg.call_time_local, leg.campaign_id)
        for leg in dialer.world.legs_at()
        if leg.hidden is not None
    }
