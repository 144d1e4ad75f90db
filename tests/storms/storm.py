"""A daemon in a storm: its processes, its warehouse and its dialers fail at chosen moments, and calls go on.

After a last quiet cycle the calls table must equal the dialers' calls. A seed makes a storm repeatable, as far as
processes allow.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from simulated_dialer import Leg
from tests.acceptance.programs import ZONE, Program, ProgramOnBigQuery
from tests.bigquery.emulators import Emulator
from tests.bigquery.proxy import FaultProxy
from tests.storms import plans
from tests.storms.daemons import GRACE_SECONDS, UNUSABLE, Daemon, again_after
from tests.storms.plans import Event, plan_events
from tests.storms.reports import Report
from tests.storms.truth import Clockwork, Findings, Row, ahead, compare, history_faults, legs_of
from tests.storms.watching import Log, Watch
from tests.storms.wire import Wire
from tests.storms.worlds import LAG, dialers_of_a_storm, misbehave, move_on

QUIET_CYCLES = 4
EVENTS_UNTIL_CALM = 50
CALM_SECONDS = 90.0
COME_UP_SECONDS = 60.0
SETTINGS = {
    "LOOKBACK_HOURS": "24", "SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS),
    "RETRY_SECONDS": "4", "HTTP_TIMEOUT": "2", "BATCH_SIZE": "40", "DB_BATCH_SIZE": "1",
    "BIGQUERY_REQUEST_TIMEOUT": "3", "BIGQUERY_JOB_TIMEOUT": "6", "BIGQUERY_RETRY_SECONDS": "15",
    "BIGQUERY_COMMIT_SECONDS": "0.5",
}  # fmt: skip
HOLD = """
import duckdb, sys, time
deadline = time.monotonic() + 10
while time.monotonic() < deadline:
    try:
        db = duckdb.connect(sys.argv[1], read_only=True)
    except duckdb.Error:
        time.sleep(0.01)
    else:
        time.sleep(float(sys.argv[2]))
        break
"""


class Storm:
    """One run of events over a daemon and its dialers.

    An event waits at most ``patience`` seconds for its phase. Of each ``burst`` only the first one waits.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        emulator: Emulator | None,
        *,
        dialers: int = 3,
        patience: float = 10.0,
        burst: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._seed, self._emulator, self._count = folder, seed, emulator, dialers
        self._patience, self._burst = patience, burst
        if emulator is None:
            self._program = Program(folder, **SETTINGS, CYCLE_INTERVAL_MINUTES="0.05")
        else:
            self._program = ProgramOnBigQuery(folder, emulator, **SETTINGS, CYCLE_INTERVAL_MINUTES="0.1")
        self._readers: list[subprocess.Popen[bytes]] = []
        self._last_event = 0.0
        self.report = Report()

    def run(self, events: int) -> Report:
        """Run the events, then quiet cycles, then the comparison."""
        began = time.monotonic()
        with ExitStack() as stack:
            self._prepare(stack, events)
            imported = self._program.import_clients(*[
                (f"Campaign{clock.client}", clock.dialer.url, clock.client) for clock in self._clocks
            ])  # fmt: skip
            assert imported.code == 0, imported.text
            known = self._program.run("--single")  # a password that has never worked is tried twice, then after an hour
            assert known.code == 0, known.text
            self._begin()
            names = [name for name in (plans.ON_BIGQUERY if self._emulator else plans.ON_DUCKDB) if _can_happen(name)]
            for number, event in enumerate(plan_events(self._seed, events, names), 1):
                self._happens(event, LAG / (events + 1), self._patience if number % self._burst == 0 else 0)
                if number % EVENTS_UNTIL_CALM == 0:
                    self._calm_down()
            self._end_quietly()
        self.report.seconds = time.monotonic() - began
        return self.report

    def _prepare(self, stack: ExitStack, events: int) -> None:
        self._clocks = stack.enter_context(dialers_of_a_storm(self._seed, self._count, events))
        self._wire: Wire | None = None
        if self._emulator is not None:
            proxy = stack.enter_context(FaultProxy(self._emulator.url))
            self._program.environment["BIGQUERY_EMULATOR_HOST"] = proxy.url
            self._wire = Wire(proxy)
        path = self._folder / "daemon.log"
        own_codes = {UNUSABLE} if self._emulator else set[int]()  # a warehouse that is away when it starts
        self._daemon = Daemon(self._program, path, self.report, own_codes)
        stack.callback(self._daemon.log.close)
        log = Log(path, self._count)
        stack.callback(log.close)
        self._watch = Watch(self._program.data, self._daemon, self._clocks, log, self._wire, log.forget)
        stack.callback(self._daemon.kill)

    def _begin(self) -> None:
        """Begin a burst. A killed worker counts as one out of memory, so its campaign runs alone for a day. Undo this.

        In the end no two campaigns would run at a time any more. The program may lose that file.
        """
        (self._program.data / "short-of-memory.json").unlink(missing_ok=True)
        shutil.rmtree(self._program.data / "hosts", ignore_errors=True)
        self._watch.log.forget()
        self._daemon.start()

    def _happens(self, event: Event, clock_moves_by: timedelta, patience: float) -> None:
        self._watch.wait_for({event.phase}, patience)
        if event.name == plans.SECOND:  # nobody is refused by one that has not come up yet
            self._watch.wait_for(set(plans.PHASES[1:]), COME_UP_SECONDS)
        if event.name in plans.SIGNALS:
            self._watch.wait_for_a_word(COME_UP_SECONDS)
        time.sleep(event.delay_seconds)
        self._note_recovery()
        move_on(self._clocks, clock_moves_by)
        phase = self._watch.phase(event.phase)
        self._last_event = time.monotonic()
        self._daemon.note(f"{event.name} {phase}, wished {event.phase}")
        self._strike(event, phase)
        self.report.hits[event.name][phase] += 1

    def _strike(self, event: Event, phase: str) -> None:
        if event.name == plans.KILL_PARENT:
            self._daemon.kill()
            self._look_for_state_ahead()
            self._begin()
        elif event.name in plans.SIGNALS:
            self._daemon.end_in_order(event.name, phase, again_after=again_after(event.name, event.how))
            self._look_for_state_ahead()
            self._begin()
        elif event.name == plans.KILL_WORKER:
            with suppress(psutil.NoSuchProcess):
                if workers := self._daemon.workers():
                    workers[int(event.which * len(workers))].kill()
        elif event.name == plans.KILL_EMULATOR:
            self._kill_emulator(event.how)
        elif event.name == plans.SECOND:
            self._daemon.try_a_second(self._second(same_folder=event.which < 0.5), phase)
        elif event.name == plans.READER:
            self._hold_file(1 + 4 * event.how)
        elif event.name in plans.OF_DIALERS:
            misbehave(self._clocks, event)
        elif self._wire is not None and event.name in plans.OF_BIGQUERY:
            self._wire.expect(event)

    def _kill_emulator(self, how: float) -> None:
        assert self._emulator is not None
        self._emulator.kill()
        time.sleep(how)
        self._emulator.restart()
        self._look_for_state_ahead()

    def _second(self, *, same_folder: bool) -> Program:
        """Return a second program on the same warehouse, with the same DATA_DIR or its own."""
        second = Program(self._folder)
        second.environment = dict(self._program.environment)
        if self._emulator is not None:  # its own way to BigQuery, so that it uses up none of the faults
            second.environment["BIGQUERY_EMULATOR_HOST"] = self._emulator.url
        if not same_folder:
            second.data = self._folder / "second"
            second.environment |= {"DATA_DIR": str(second.data)}
            second.environment |= {"DUCKDB_PATH": str(self._program.data / "calls.duckdb")}
        return second

    def _hold_file(self, seconds: float) -> None:
        command = [sys.executable, "-c", HOLD, str(self._program.data / "calls.duckdb"), f"{seconds:.2f}"]
        self._readers = [reader for reader in self._readers if reader.poll() is None]
        self._readers.append(subprocess.Popen(command))

    def _note_recovery(self) -> None:
        """Note the time since the last event, if every campaign has been committed since."""
        whole = [moment for moment in self._watch.log.whole_cycles if moment > self._last_event]
        if self._last_event and whole:
            self.report.recoveries.append(whole[0] - self._last_event)

    def _calm_down(self) -> None:
        """Wait for its recovery."""
        self._end_misbehaviour()
        began = time.monotonic()
        if self._watch.wait_for_whole_cycle(CALM_SECONDS):
            self.report.recovered_undisturbed.append(time.monotonic() - began)
        else:
            self.report.problems.append(f"no whole cycle within {CALM_SECONDS} s without an event")

    def _end_misbehaviour(self) -> None:
        for clock in self._clocks:
            clock.dialer.behave()
        if self._wire is not None:
            self._wire.calm()
        for reader in self._readers:
            reader.wait()

    def _look_for_state_ahead(self) -> None:
        """Compare state with rows. State is read first, because a late script in BigQuery may add rows."""
        hours, marks = (self._rows(name) for name in ("hours", "watermarks"))
        found = self._ahead(self._rows("calls"), hours, marks)
        self.report.looks += 1
        self.report.ahead += found.ahead
        self.report.findings.examples += found.examples

    def _ahead(self, calls: list[Row], hours: list[Row], marks: list[Row]) -> Findings:
        by_client = {clock.client: clock for clock in self._clocks}
        clocks = {row["source_key"]: by_client[row["client_id"]] for row in marks}
        return ahead(calls, [hour for hour in hours if hour["source_key"] in clocks], clocks)

    def _rows(self, table: str) -> list[Row]:
        return self._program.rows(f"SELECT * FROM vicidial.{table}")

    def _end_quietly(self) -> None:
        self._calm_down()  # a dialer that failed several times rests, and is asked again by now
        self._daemon.kill()
        for _ in range(QUIET_CYCLES):
            done = self._program.run("--single", CYCLE_INTERVAL_MINUTES="5")
            self._daemon.log.write(done.text)
            self.report.quiet_codes.append(done.code)
            if done.code == 0:
                break
        self._program.run("--single", CYCLE_INTERVAL_MINUTES="5")
        calls, examples = self._rows("calls"), self.report.findings.examples
        truth = {clock.client: self._recent(clock) for clock in self._clocks}
        wanted = {client: {leg.call_time_local.date() for leg in legs} for client, legs in truth.items()}
        recent = [row for row in calls if row["call_date"] in wanted[row["client_id"]]]
        self.report.findings = compare(recent, truth, {clock.client: clock.hidden() for clock in self._clocks})
        self.report.findings.examples += examples
        self.report.ahead += self._ahead(calls, self._rows("hours"), self._rows("watermarks")).ahead
        self.report.history_faults = history_faults(calls, self._rows("runs"), self._rows("ledger"))
        temporary = [path for path in (self._program.data / "temporary").rglob("*") if path.is_file()]
        self.report.leftovers = [str(path) for path in [*self._program.leftovers(), *temporary]]
        self.report.leftovers += self._daemon.survivors() + self._staging_for_ever()

    @staticmethod
    def _recent(clock: Clockwork) -> list[Leg]:
        """Return rows of the days certain to be read by a first load."""
        today = datetime.now(ZoneInfo(ZONE)).date()
        legs = legs_of(clock.dialer, clock.dialer.world.now)
        return [leg for leg in legs if leg.call_time_local.date() >= today - timedelta(days=1)]

    def _staging_for_ever(self) -> list[str]:
        if self._emulator is None or not isinstance(self._program, ProgramOnBigQuery):
            return []
        client = self._emulator.client()
        tables = [client.get_table(item.reference) for item in client.list_tables(self._program.dataset)]
        staging = [table for table in tables if table.table_id.startswith("staging_")]
        self.report.staging_tables = len(staging)
        return [table.table_id for table in staging if table.expires is None]


def _can_happen(name: str) -> bool:
    """Return whether an event is possible here. Windows cannot send SIGTERM or Ctrl+C to another process."""
    return os.name == "posix" or name not in plans.SIGNALS
