"""A daemon in a storm: it, its workers and its warehouse are killed at random moments while the dialers go on.

Whatever happens, after a last quiet cycle the calls table must equal the dialers' truth. Seeded, so that a storm that
found something can be run again as far as processes allow.
"""

import contextlib
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from simulated_dialer import Account, Leg, SimulatedDialer, World
from tests.acceptance.running import PASSWORD, USER, ZONE, Program, ProgramOnBigQuery
from tests.bigquery.running import Emulator
from tests.storms.truth import Clockwork, Findings, ahead, compare, legs_of

LAG = timedelta(hours=8)
"""How far the dialers' clocks are behind when the storm begins; they catch up with every event."""
QUIET_CYCLES = 4
SETTINGS = {
    "CYCLE_INTERVAL_MINUTES": "0.1", "LOOKBACK_HOURS": "24", "SHUTDOWN_GRACE_SECONDS": "5", "RETRY_SECONDS": "5",
    "BIGQUERY_REQUEST_TIMEOUT": "5", "BIGQUERY_JOB_TIMEOUT": "10", "BIGQUERY_RETRY_SECONDS": "20",
    "BIGQUERY_COMMIT_SECONDS": "1",
}  # fmt: skip


@dataclass
class Report:
    """What a storm did, and what it left."""

    events: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    ahead: int = 0
    leftovers: list[str] = field(default_factory=list)
    recovery_seconds: float = 0.0
    exit_codes: Counter[int] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        return not (self.findings.wrong or self.ahead or self.leftovers)

    def __str__(self) -> str:
        found = self.findings
        return "\n".join(
            [
                f"events: {dict(self.events)}; hit while: {dict(self.phases)}",
                f"rows {found.rows}: lost {found.lost}, doubled {found.doubled}, stale {found.stale}, strangers"
                f" {found.strangers}, state ahead of rows {self.ahead}",
                f"quiet cycles ended with {dict(self.exit_codes)}; time to recover {self.recovery_seconds:.1f} s",
                f"left over: {self.leftovers or 'nothing'}",
                *found.examples[:20],
            ]
        )


class Storm:
    """One run of events over a daemon and its dialers."""

    def __init__(self, folder: Path, seed: int, emulator: Emulator | None, dialers: int = 3) -> None:
        self._chance = random.Random(seed)
        self._emulator = emulator
        folder.mkdir(parents=True, exist_ok=True)
        self._program = ProgramOnBigQuery(folder, emulator, **SETTINGS) if emulator else Program(folder, **SETTINGS)
        self._daemon: subprocess.Popen[str] | None = None
        self._seed, self._count = seed, dialers
        self._clocks: list[Clockwork] = []
        self._log = (folder / "daemon.log").open("w", encoding="utf-8")
        self.report = Report()

    def run(self, events: int) -> Report:
        """The events, then quiet cycles, then the comparison."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._log.close)
            self._start_dialers(stack, events)
            stack.callback(self._kill_daemon)
            imported = self._program.import_clients(*[
                (f"Campaign{clock.client}", clock.dialer.url, clock.client) for clock in self._clocks
            ])  # fmt: skip
            assert imported.code == 0, imported.text
            self._start_daemon()
            happens: dict[str, Callable[[], None]] = {"parent": self._kill_parent, "worker": self._kill_worker}
            if self._emulator is not None:
                happens["emulator"] = self._kill_emulator
            for number in range(events):
                time.sleep(self._chance.uniform(0.2, 7.0))
                self._move_on(LAG / (events + 1))
                name = self._chance.choice(sorted(happens))
                self.report.events[name] += 1
                happens[name]()
                if number % 10 == 9:
                    self._look_for_state_ahead()
            self._kill_daemon()
            self._end_quietly()
        return self.report

    def _start_dialers(self, stack: contextlib.ExitStack, events: int) -> None:
        begin = datetime.now(UTC) - LAG - timedelta(seconds=events)
        first = begin.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
        for number in range(self._count):
            world = World(self._seed * 100 + number, first, 4, ZONE, calls_per_hour=[20] * 24)
            world.now = begin
            dialer = stack.enter_context(SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]))
            clock = Clockwork(str(number + 1), dialer)
            clock.set_to(begin)
            self._clocks.append(clock)

    def _move_on(self, by: timedelta) -> None:
        for clock in self._clocks:
            clock.set_to(clock.dialer.world.now + by)

    def _start_daemon(self) -> None:
        """As a service manager would: at once, always the same command."""
        self._daemon = self._program.start(output=self._log)

    def _kill_daemon(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def _kill_parent(self) -> None:
        self.report.phases[self._phase()] += 1
        self._kill_daemon()
        self._start_daemon()

    def _kill_worker(self) -> None:
        self.report.phases[self._phase()] += 1
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = list(self._workers())
            if workers:
                self._chance.choice(workers).kill()

    def _kill_emulator(self) -> None:
        assert self._emulator is not None
        self.report.phases[self._phase()] += 1
        self._emulator.kill()
        time.sleep(self._chance.uniform(0, 2))
        self._emulator.restart()

    def _workers(self) -> Iterator[psutil.Process]:
        if self._daemon is not None and self._daemon.poll() is None:
            yield from psutil.Process(self._daemon.pid).children(recursive=True)

    def _phase(self) -> str:
        """What the daemon is at, seen from outside: its workers read, or the parent has the spool to itself."""
        data = self._program.data
        with contextlib.suppress(OSError):
            if any((data / "downloads").rglob("*")):
                return "download"
            if any((data / "temporary").glob("*.parquet")):
                return "commit"
            if any((data / "spool").rglob("*.parquet")):
                return "spooled"
        return "between"

    def _look_for_state_ahead(self) -> None:
        """With the daemon dead, so that both tables are of one moment."""
        self._kill_daemon()
        if self._emulator is not None:
            time.sleep(1.0)  # a script that is under way ends
        with contextlib.suppress(Exception):  # the tables may not be there yet
            self.report.ahead += self._state_ahead().ahead
        self._start_daemon()

    def _state_ahead(self) -> Findings:
        hours = self._program.rows("SELECT * FROM vicidial.hours")
        calls = self._program.rows("SELECT * FROM vicidial.calls")
        marks = {row["source_key"]: row["client_id"] for row in self._program.rows("SELECT * FROM vicidial.watermarks")}
        by_client = {clock.client: clock for clock in self._clocks}
        clocks = {key: by_client[client] for key, client in marks.items()}
        found = ahead(calls, [hour for hour in hours if hour["source_key"] in clocks], clocks)
        self.report.findings.examples += found.examples
        return found

    def _end_quietly(self) -> None:
        began = time.monotonic()
        for _ in range(QUIET_CYCLES):
            done = self._program.run("--single", CYCLE_INTERVAL_MINUTES="5")
            self._log.write(done.text)
            self.report.exit_codes[done.code] += 1
            if done.code == 0:
                break
        self.report.recovery_seconds = time.monotonic() - began
        self._program.run("--single", CYCLE_INTERVAL_MINUTES="5")
        calls = self._program.rows("SELECT * FROM vicidial.calls")
        truth = {clock.client: self._recent(clock) for clock in self._clocks}
        wanted = {client: {leg.call_time_local.date() for leg in legs} for client, legs in truth.items()}
        recent = [row for row in calls if row["call_date"] in wanted[row["client_id"]]]
        self.report.findings = compare(recent, truth)
        self.report.ahead += self._state_ahead().ahead
        self.report.leftovers = [str(path) for path in self._program.leftovers()] + self._staging_for_ever()

    @staticmethod
    def _recent(clock: Clockwork) -> list[Leg]:
        """Of the days that a first load reads for certain."""
        today = datetime.now(ZoneInfo(ZONE)).date()
        legs = legs_of(clock.dialer, clock.dialer.world.now)
        return [leg for leg in legs if leg.call_time_local.date() >= today - timedelta(days=1)]

    def _staging_for_ever(self) -> list[str]:
        if self._emulator is None or not isinstance(self._program, ProgramOnBigQuery):
            return []
        client = self._emulator.client()
        tables = [client.get_table(item.reference) for item in client.list_tables(self._program.dataset)]
        return [t.table_id for t in tables if t.table_id.startswith("staging_") and t.expires is None]
