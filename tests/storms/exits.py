"""Shutdown in the middle of each phase: its time, and its leftovers.

A phase is a scene for the program: misbehaving dialers, a held file, a job without an end.
"""

import argparse
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil

from simulated_dialer import Account, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program, ProgramOnBigQuery
from tests.bigquery.emulators import Emulator
from tests.bigquery.faults import Fault, running_for_ever, silent
from tests.bigquery.proxy import FaultProxy
from tests.bigquery.request_kinds import Seen
from tests.storms.truth import compare, legs_of

ROOT = Path(__file__).resolve().parents[2]
EXPORT = "call_report_export.php"
MOST_AFTER_GRACE = 5.0
MOST_UNTIL_SAID = 1.0
HOLD = """
import duckdb, sys, time
db = duckdb.connect(sys.argv[1], read_only=True)
print("held", flush=True)
time.sleep(600)
"""
PATIENT = {
    "HTTP_TIMEOUT": "120", "REQUEST_TIMEOUT": "600", "RETRY_SECONDS": "120", "BIGQUERY_REQUEST_TIMEOUT": "120",
    "BIGQUERY_COMMIT_SECONDS": "0",
}  # fmt: skip
"""Long limits, so no request ends in time because of its own limit."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase. ``arrange`` runs before the program starts, ``reached`` tells its arrival."""

    name: str
    warehouses: tuple[str, ...]
    arrange: Callable[["Scene"], None]
    reached: Callable[["Scene"], object]
    arguments: tuple[str, ...] = ("--single",)
    settings: dict[str, str] = field(default_factory=dict)
    calls_per_hour: float = 4
    whole_group: bool = False
    """Send the signal to every process of the group, like a terminal."""
    finished_is_kept: bool = False
    """True if a campaign read to its end before must be committed."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Measurements of one exit. ``wrong`` is empty if everything is right."""

    phase: str
    warehouse: str
    signal: str
    grace: float
    said: float
    seconds: float
    code: int
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        what = "nothing" if not self.wrong else "; ".join(self.wrong)
        return (
            f"| {self.phase} | {self.warehouse} | {self.signal} | {self.grace:g} | {self.said:.2f} |"
            f" {self.seconds:.2f} | {self.code} | {what} |"
        )


TABLE_HEAD = """| phase | warehouse | signal | grace, s | said, s | ended, s | exit code | left over or wrong |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


class Scene:
    """One program with two dialers. Its processes are a session of their own."""

    def __init__(self, folder: Path, phase: Phase, grace: float, emulator: Emulator | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = PATIENT | {"SHUTDOWN_GRACE_SECONDS": f"{grace:g}", "LOG_LEVEL": "DEBUG"} | phase.settings
        self.phase, self.grace = phase, grace
        self.program = ProgramOnBigQuery(folder, emulator, **settings) if emulator else Program(folder, **settings)
        self.proxy: FaultProxy | None = None
        self.lines: list[tuple[float, str]] = []
        self.held = contextlib.ExitStack()
        self.reader: subprocess.Popen[bytes] | None = None
        self.gone: int | None = None
        """The port of a stopped dialer."""
        self.process: Any = None  # subprocess.Popen[str], from start on

    def __enter__(self) -> "Scene":
        now = datetime.now(UTC) - timedelta(minutes=5)
        first = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
        worlds = [
            World(seed, first, 2, ZONE, calls_per_hour=[rate] * 24)
            for seed, rate in ((1, 4), (2, self.phase.calls_per_hour))
        ]
        self.dialers = [SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]) for world in worlds]
        for dialer in self.dialers:
            dialer.world.now = now
            dialer.world.tells_real_time = True
            self.held.enter_context(dialer)
        if isinstance(self.program, ProgramOnBigQuery):
            self.proxy = self.held.enter_context(FaultProxy(self.program.emulator.url))
        imported = self.program.import_clients(*self.rows())
        assert imported.code == 0, imported.text
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            for process in self.processes():
                process.kill()
            self.process.wait()
            self._reading.join()
        self.held.close()

    def rows(self) -> list[tuple[str, str, str]]:
        return [("Done", self.dialers[0].url, "1"), ("Slow", self.dialers[1].url, "2")]

    def start(self) -> None:
        """Start the program, through the proxy if there is one."""
        address = {"BIGQUERY_EMULATOR_HOST": self.proxy.url} if self.proxy else {}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), *self.phase.arguments], cwd=self.program.folder,
            env=self.program.environment | address, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append((time.monotonic(), line))

    @property
    def text(self) -> str:
        return "".join(line for _, line in self.lines)

    def said(self, words: str) -> bool:
        return words in self.text

    def has_committed(self) -> bool:
        """Return whether a campaign is in the table."""
        with contextlib.suppress(Exception):  # the file is being written, or the table is not there yet
            return bool(self.program.rows("SELECT 1 FROM vicidial.runs WHERE source_key <> ''"))
        return False

    def workers(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return []

    def processes(self) -> list[psutil.Process]:
        """Return all processes of its session, orphans included."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def leftovers(self) -> list[str]:
        names = ("spool", "downloads", "temporary")
        return [str(path) for name in names for path in (self.program.data / name).rglob("*") if path.is_file()]

    def behave(self) -> None:
        """End all misbehaviour before the next start."""
        for dialer in self.dialers:
            dialer.behave()
        if self.dialers[1].port == self.gone:
            self.dialers[1] = self.held.enter_context(
                SimulatedDialer(self.dialers[1].world, accounts=[Account(USER, PASSWORD)], port=self.gone)
            )
        if self.proxy is not None:
            self.proxy.clear()
            self.proxy.release()

    def hold_the_file(self) -> None:
        """Hold the file like an analyst's session, until the end of the scene or :meth:`let_go`."""
        path = self.program.data / "calls.duckdb"
        self.reader = reader = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
        self.held.callback(reader.communicate)
        self.held.callback(self.let_go)
        assert reader.stdout
        assert reader.stdout.readline() == b"held\n"

    def let_go(self) -> None:
        if self.reader is not None:
            self.reader.kill()
            self.reader.wait()

    def lost(self) -> list[str]:
        """Return missing, double and stale rows of the table, compared with both dialers."""
        today = datetime.now(ZoneInfo(ZONE)).date()
        truth = {
            client: [
                leg for leg in legs_of(dialer, dialer.world.now) if leg.call_time_local.date() >= today - timedelta(1)
            ]
            for client, dialer in zip(("1", "2"), self.dialers, strict=True)
        }
        found = compare(self.program.rows("SELECT * FROM vicidial.calls"), truth)
        wrong = found.lost + found.doubled + found.stale + found.unexpected
        return [
            f"{found.lost} lost, {found.doubled} doubled, {found.stale} stale, {found.unexpected} unexpected"
        ] * bool(wrong)


def measure(scene: Scene, number: signal.Signals, *, twice: bool = False) -> Exit:
    """Bring the program into the phase, stop it, and look for leftovers. Then start it again."""
    phase = scene.phase
    phase.arrange(scene)
    scene.start()
    _wait_for(scene, lambda: phase.reached(scene))
    begun = time.monotonic()
    for _ in range(1 + twice):
        (os.killpg if phase.whole_group else os.kill)(scene.process.pid, number)
        time.sleep(0.3 * twice)
    with contextlib.suppress(subprocess.TimeoutExpired):
        scene.process.wait(scene.grace + 30)
    seconds = time.monotonic() - begun
    wrong = list(_find_leftovers(scene, twice=twice))
    scene._reading.join(5)
    said = next((at - begun for at, line in scene.lines if at >= begun and "Stopping" in line), float("inf"))
    most = 1.5 if twice else scene.grace + MOST_AFTER_GRACE
    wrong += [f"{seconds:.1f} s"] * (seconds > most) + [f"said after {said:.1f} s"] * (said > MOST_UNTIL_SAID)
    wrong += [f"exit code {scene.process.returncode}"] * (scene.process.returncode != 128 + number)
    wrong += ["a traceback"] * (scene.said("Traceback") or (not twice and scene.said("resource_tracker")))
    wrong += ["no last line"] * (not twice and not scene.said("Stopped, "))
    if phase.finished_is_kept and not twice:
        with contextlib.suppress(Exception):
            wrong += ["finished is not committed"] * (not _clients(scene))
    wrong += _next_start(scene)
    return Exit(
        phase.name + (" (twice)" if twice else ""), "bigquery" if scene.proxy else "duckdb", number.name, scene.grace,
        said, seconds, scene.process.returncode, tuple(wrong),
    )  # fmt: skip


def _clients(scene: Scene) -> set[str]:
    return {row["client_id"] for row in scene.program.rows("SELECT DISTINCT client_id FROM vicidial.calls")} & {"1"}


def _find_leftovers(scene: Scene, *, twice: bool) -> Iterator[str]:
    psutil.wait_procs(scene.processes(), timeout=5 if twice else 1)  # workers see that it is gone, and then end
    processes = scene.processes()
    if processes:
        yield f"{len(processes)} processes"
    if not twice and scene.leftovers():
        yield f"{len(scene.leftovers())} files"


def _next_start(scene: Scene) -> list[str]:
    """Start again. The lease must be free, leftovers reported, and everything read exactly once."""
    scene.behave()
    scene.let_go()
    left = bool(scene.leftovers())
    again = scene.program.run("--single", LOG_LEVEL="INFO")
    wrong = [f"next exit code {again.code}"] * (again.code != 0)
    wrong += ["clearing up was not said"] * (left != ("that a run left behind" in again.text))
    return wrong + [f"next: {each}" for each in scene.lost()] + ["next left files"] * bool(scene.leftovers())


def _wait_for(scene: Scene, fact: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert scene.process.poll() is None, scene.text
        assert time.monotonic() < end, scene.text
        time.sleep(0.02)


def _nothing(_: Scene) -> None:
    pass


def _slow(**wrong: object) -> Callable[[Scene], None]:
    return lambda scene: scene.dialers[1].misbehave(**wrong)


def _silence_bigquery(fault: Callable[[], Fault]) -> Callable[[Scene], None]:
    """Swallow the answer to each commit's script. Later requests are answered."""

    def arrange(scene: Scene) -> None:
        assert scene.proxy is not None
        scene.proxy.inject(fault(), _of_a_commit, None)

    return arrange


def _of_a_commit(seen: Seen) -> bool:
    return (seen.job_id or "").startswith("commit_") and seen.kind != "cancel"


def _unreachable(scene: Scene) -> None:
    scene.gone = scene.dialers[1].port
    scene.dialers[1].stop()


def _hold_after_a_first_run(scene: Scene) -> None:
    first = scene.program.run("--single")
    assert first.code == 0, first.text
    scene.hold_the_file()


def _waits_half_a_second(scene: Scene) -> bool:
    """Wait until the first worker is in the middle of its imports."""
    return any(time.monotonic() > at + 0.4 for at, line in scene.lines if "Starting worker" in line)


def _downloads(scene: Scene) -> bool:
    return bool(scene.dialers[1].seen.requests_by_page.get(EXPORT)) and scene.has_committed()


def _parses(scene: Scene) -> bool:
    """Return whether a large answer is being parsed: some rows are typed, and its file is still there."""
    typed = Counter(path.name.split("-calls-")[0] for path in (scene.program.data / "spool").rglob("*-calls-*.parquet"))
    answers = [path.stem for path in (scene.program.data / "downloads").glob("*.download")]
    return any(count > 1 and answer.endswith(name) for name, count in typed.items() for answer in answers)


def _commits_alone(scene: Scene) -> bool:
    """Return whether only the commit is left: the workers are gone, and the large spool is there."""
    return not scene.workers() and any((scene.program.data / "spool").rglob("*.parquet"))


def _commit_was_sent(scene: Scene) -> bool:
    return scene.proxy is not None and any(_of_a_commit(seen) for seen in scene.proxy.seen)


BOTH = ("duckdb", "bigquery")
LARGE = 1500.0
ASKED_AGAIN = "is asked again in"
PHASES = [
    Phase("workers starting", BOTH, _nothing, _waits_half_a_second, whole_group=True),
    Phase("a download that trickles", BOTH, _slow(trickle=True, pages=(EXPORT,)), _downloads, finished_is_kept=True),
    Phase("a dialer that is silent", BOTH, _slow(hang=True, pages=(EXPORT,)), _downloads, finished_is_kept=True),
    Phase("a retry wait, 503", BOTH, _slow(status=503, retry_after=60), lambda scene: scene.said(ASKED_AGAIN)),
    Phase("a retry wait, unreachable", BOTH, _unreachable, lambda scene: scene.said(ASKED_AGAIN)),
    Phase("a parse", BOTH, _nothing, _parses, settings={"BATCH_SIZE": "100"}, calls_per_hour=LARGE),
    Phase("a commit", ("duckdb",), _nothing, _commits_alone, calls_per_hour=LARGE),
    Phase("a commit whose job runs for ever", ("bigquery",), _silence_bigquery(running_for_ever), _commit_was_sent),
    Phase("a commit without an answer", ("bigquery",), _silence_bigquery(silent), _commit_was_sent),
    Phase(
        "the sleep between cycles", BOTH, _nothing, lambda scene: scene.said("Next cycle starts at"),
        arguments=(), finished_is_kept=True,
    ),
    Phase(
        "the wait for a locked file", ("duckdb",), _hold_after_a_first_run, lambda scene: scene.said("waiting until"),
    ),
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grace", type=float, default=3.0, help="SHUTDOWN_GRACE_SECONDS")
    parser.add_argument("--phase", help="only phases whose names contain this")
    parser.add_argument("--warehouse", choices=BOTH)
    parser.add_argument("--twice", action="store_true", help="ask twice: it ends at once")
    options = parser.parse_args()
    wrong = 0
    sys.stdout.write(f"{TABLE_HEAD}\n")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        emulator: Emulator | None = None
        if options.warehouse != "duckdb":
            emulator = Emulator(Path(folder) / "bigquery")
            emulator.start()
            stack.callback(emulator.stop)
        chosen = [phase for phase in PHASES if (options.phase or "") in phase.name]
        for number, (phase, kind, asked) in enumerate(itertools.product(chosen, BOTH, (signal.SIGINT, signal.SIGTERM))):
            if kind not in phase.warehouses or kind != (options.warehouse or kind):
                continue
            on = emulator if kind == "bigquery" else None
            with Scene(Path(folder) / str(number), phase, options.grace, on) as scene:
                measured = measure(scene, asked, twice=options.twice)
            wrong += bool(measured.wrong)
            sys.stdout.write(f"{measured}\n")
            sys.stdout.flush()
            if measured.wrong:
                sys.stderr.write(scene.text[-3000:])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
