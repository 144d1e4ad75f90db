"""python -m tests.storms.soak --cycles 200: many short cycles, and a check for growth.

Every cycle is sampled ten times a second from outside. Memory counts with its peak in a cycle. Open files, threads,
child processes and files of DATA_DIR count with their minimum, because the needs of a cycle come and go.
Cycles without records are not compared: on a busy machine the interval may end before a worker is up.
"""

import argparse
import contextlib
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import duckdb
import psutil

from simulated_dialer import Account, SimulatedDialer, World
from tests.acceptance.programs import PASSWORD, USER, ZONE, Program, ProgramOnBigQuery
from tests.bigquery.emulators import Emulator
from tests.storms.cycles import Cycles

LAG = timedelta(hours=6)
"""Initial lag of the dialers' clocks. Each cycle moves them on."""
CLIENTS = 4
ROWS_EVERY = 10
FOLDERS = ("spool", "downloads", "temporary", "accounts", "slots")
SETTINGS = {
    "CYCLE_INTERVAL_MINUTES": "0.1", "MAX_CAMPAIGN_PROCESSES": "2", "LOOKBACK_HOURS": "1", "SETTLE_DAYS": "1",
    "BIGQUERY_COMMIT_SECONDS": "1",
}  # fmt: skip
TABLES = ("calls", "hours", "runs", "ledger", "quarantine", "watermarks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment, or a whole cycle. Sizes are in MB of 10^6 bytes, ``duckdb_mb`` is the DuckDB file alone."""

    parent_mb: float
    worker_mb: float
    open_files: int
    worker_open_files: int
    threads: int
    worker_threads: int
    children: int
    spool: int
    downloads: int
    temporary: int
    accounts: int
    slots: int
    other_files: int
    other_mb: float
    duckdb_mb: float
    rows: int = 0
    records: int = 0
    """Records read by the cycle."""


PEAKS = {"parent_mb", "worker_mb", "worker_open_files", "worker_threads", "duckdb_mb"}
"""Measures counting with their maximum in a cycle. Others count with their minimum."""
MAY_GROW = {"rows", "duckdb_mb", "records"}
NOISE = {
    "parent_mb": (1.05, 3.0), "worker_mb": (1.05, 5.0), "other_mb": (1.05, 0.1), "bytes_per_row": (1.05, 1.0),
    "worker_open_files": (1.0, 2.0), "worker_threads": (1.0, 1.0), "open_files": (1.0, 1.0),
}  # fmt: skip
"""Allowed growth of a measure: a factor and an addend. Others may not grow. A parent keeps a second connection to
BigQuery after a simultaneous request of its lease, and never a third.
"""


class Soak:
    """A daemon over dialers with advancing clocks."""

    def __init__(self, folder: Path, emulator: Emulator | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._emulator = emulator
        self._program = ProgramOnBigQuery(folder, emulator, **SETTINGS) if emulator else Program(folder, **SETTINGS)
        self._moments: list[Sample] = []
        self._rows = 0

    def run(self, cycles: int) -> list[Sample]:
        """Return one sample per cycle."""
        samples: list[Sample] = []
        with contextlib.ExitStack() as stack:
            worlds = [self._dialer(stack, number) for number in range(CLIENTS)]
            with Cycles(self._program) as daemon:
                process = psutil.Process(daemon.pid)
                for cycle in range(1, cycles + 1):
                    self._moments.clear()
                    daemon.wait_for(cycle, seconds=300, meanwhile=lambda: self._look(process))
                    if cycle % ROWS_EVERY == 0 or cycle == 1:
                        self._rows = self._count()
                    samples.append(replace(_whole(self._moments), rows=self._rows, records=daemon.records))
                    for world in worlds:
                        world.now += LAG / (cycles + 1)
        return samples

    def _dialer(self, stack: contextlib.ExitStack, number: int) -> World:
        begin = datetime.now(UTC) - LAG
        first = begin.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
        world = World(number + 1, first, 3, ZONE, calls_per_hour=[40] * 24)
        world.now = begin
        world.tells_real_time = True
        dialer = stack.enter_context(SimulatedDialer(world, accounts=[Account(USER, PASSWORD)]))
        imported = self._program.import_clients((f"Campaign{number % 2}", dialer.url, str(number)))
        assert imported.code == 0, imported.text
        return world

    def _look(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):  # a worker or file that is just going
            workers = process.children(recursive=True)
            counts: Counter[str] = Counter()
            sizes: Counter[str] = Counter()
            for path in self._program.data.rglob("*"):
                if path.is_file():
                    name = path.relative_to(self._program.data).parts[0]
                    kind = name if name in FOLDERS else "duckdb" if name.startswith("calls.duckdb") else "other"
                    counts[kind] += 1
                    sizes[kind] += path.stat().st_size
            self._moments.append(
                Sample(
                    parent_mb=process.memory_info().rss / 1e6,
                    worker_mb=max((worker.memory_info().rss / 1e6 for worker in workers), default=0.0),
                    open_files=_open_files(process),
                    worker_open_files=max(map(_open_files, workers), default=0),
                    threads=process.num_threads(),
                    worker_threads=max((worker.num_threads() for worker in workers), default=0),
                    children=len(workers),
                    **{name: counts[name] for name in FOLDERS},
                    other_files=counts["other"],
                    other_mb=(sizes.total() - sizes["duckdb"]) / 1e6,
                    duckdb_mb=sizes["duckdb"] / 1e6,
                )
            )

    def _count(self) -> int:
        """Count the rows of all tables. The file may be busy for a moment."""
        query = " UNION ALL ".join(f"SELECT count(*) AS n FROM vicidial.{table}" for table in TABLES)
        deadline = time.monotonic() + 30
        while True:
            try:
                return sum(row["n"] for row in self._program.rows(query))
            except duckdb.IOException:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def _open_files(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()


def _whole(moments: Sequence[Sample]) -> Sample:
    """Combine the samples of one cycle."""
    assert moments, "a cycle was over before anybody looked"
    seen = {field.name: [getattr(moment, field.name) for moment in moments] for field in fields(Sample)}
    return Sample(**{name: max(found) if name in PEAKS else min(found) for name, found in seen.items()})


def measures(sample: Sample) -> dict[str, float]:
    """Return the compared measures by name."""
    found = {field.name: float(getattr(sample, field.name)) for field in fields(Sample)}
    return found | {"bytes_per_row": sample.duckdb_mb * 1e6 / sample.rows if sample.rows else 0.0}


def growing(samples: Sequence[Sample]) -> list[str]:
    """Return measures larger in the last third than in the first one, by their medians, after a tenth of warm-up."""
    warm = [sample for sample in samples[len(samples) // 10 :] if sample.records]
    if not warm:
        return ["no cycle has read anything: is the machine too busy for so short an interval?"]
    third = max(len(warm) // 3, 1)
    found = []
    for name in measures(warm[0]).keys() - MAY_GROW:
        early, late = (median(measures(sample)[name] for sample in part) for part in (warm[:third], warm[-third:]))
        factor, noise = NOISE.get(name, (1.0, 0.0))
        if late > early * factor + noise:
            found.append(f"{name} grows from {early:,.1f} to {late:,.1f}")
    return sorted(found)


def table(samples: Sequence[Sample]) -> str:
    """Render medians of the first, middle and last tenth of the cycles with records."""
    samples = [sample for sample in samples if sample.records] or samples
    tenth = max(len(samples) // 10, 1)
    middle = (len(samples) - tenth) // 2
    parts = (samples[:tenth], samples[middle : middle + tenth], samples[-tenth:])
    lines = ["| median per cycle | first tenth | middle tenth | last tenth |", "| --- | --- | --- | --- |"]
    for name in measures(samples[0]):
        cells = (median(measures(sample)[name] for sample in part) for part in parts)
        lines.append(f"| {name} | {' | '.join(f'{cell:,.1f}' for cell in cells)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--warehouse", choices=("duckdb", "bigquery"), default="duckdb")
    parser.add_argument("--folder", type=Path, help="kept, with samples.csv; a temporary one if not given")
    options = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        emulator = Emulator(folder / "bigquery") if options.warehouse == "bigquery" else None
        if emulator is not None:
            stack.callback(emulator.stop)
            emulator.start()
        samples = Soak(folder / "program", emulator).run(options.cycles)
        with (folder / "samples.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(measures(samples[0]))
            rows.writerows(measures(sample).values() for sample in samples)
    grows = growing(samples)
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{options.warehouse}, {options.cycles} cycles in {seconds:.0f} s, of which"
        f" {sum(not sample.records for sample in samples)} have read nothing\n{table(samples)}\n"
    )
    sys.stdout.write("\n".join(grows or ["Nothing grows."]) + "\n")
    return 1 if grows else 0


if __name__ == "__main__":
    sys.exit(main())
