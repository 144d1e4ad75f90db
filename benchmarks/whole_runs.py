"""Measurements of `main.py --single` from outside: wall and processor time, peak memory of the process tree.

python -m benchmarks.whole_runs                      400,000 rows of 40 clients in 8 campaigns, first load and again
python -m benchmarks.whole_runs --million            one answer of 1,000,000 records: a worker's memory
python -m benchmarks.whole_runs --batch-sizes        the first load with different BATCH_SIZE, in turn
python -m benchmarks.whole_runs --against CHECKOUT   a first load of 13,000 calls by CHECKOUT and this one, in turn
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import psutil

from simulated_dialer import Account, SimulatedDialer, World

ROOT = Path(__file__).resolve().parent.parent
ZONE = "America/New_York"
CAMPAIGNS, CLIENTS, RECORDS = 8, 40, 10_000
BUSY_DAY = 13_000
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one command. Memory is in MB. Shared pages are counted once (PSS) if the system reports them."""

    wall_seconds: float
    cpu_seconds: float
    peak_tree_mb: float
    peak_parent_mb: float
    peak_worker_mb: float
    exit_code: int

    def __str__(self) -> str:
        return (
            f"{self.wall_seconds:6.1f} s wall  {self.cpu_seconds:6.1f} s cpu  {self.peak_tree_mb:6.0f} MB tree"
            f"  {self.peak_parent_mb:6.0f} MB parent  {self.peak_worker_mb:6.0f} MB largest worker"
            f"  exit {self.exit_code}"
        )


def measure(command: list[str], environment: Mapping[str, str], checkout: Path = ROOT) -> Cost:
    """Run a command of a checkout, and measure its process tree."""
    before = os.times()
    started = time.monotonic()
    process = psutil.Popen(
        command, cwd=checkout, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    tree_mb = parent_mb = worker_mb = 0.0
    while process.poll() is None:
        sizes = [_megabytes(one) for one in (process, *_children(process))]
        tree_mb, parent_mb = max(tree_mb, sum(sizes)), max(parent_mb, sizes[0])
        worker_mb = max(worker_mb, *sizes[1:], 0.0)
        time.sleep(SAMPLE_SECONDS)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - started, cpu, tree_mb, parent_mb, worker_mb, process.returncode)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _megabytes(process: psutil.Process) -> float:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup")
    try:
        if rollup.exists():
            return int(rollup.read_text().split("Pss:")[1].split()[0]) / 1000
        return float(process.memory_info().rss) / 1e6
    except (psutil.Error, OSError, IndexError):
        return 0.0


@contextmanager
def dialers(count: int, records: int) -> Iterator[list[SimulatedDialer]]:
    """Open dialers with the same calls of yesterday. They cache their answers."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    day = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    world = World(5, day, 1, ZONE, calls_per_hour=records / 13 * 0.97)
    world.tells_real_time = True
    open_dialers = [SimulatedDialer(world, accounts=[Account("report", "benchmark")]) for _ in range(count)]
    try:
        for dialer in open_dialers:
            dialer.start()
        yield open_dialers
    finally:
        for dialer in open_dialers:
            dialer.stop()


def write_clients_file(
    folder: Path, open_dialers: Sequence[SimulatedDialer], clients: int, campaigns: int = CAMPAIGNS
) -> Path:
    """Write the clients file. Clients alternate between dialers and campaigns."""
    path = folder / "clients.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Campaign", "URL", "Username", "Password", "ClientName", "ClientID", "Timezone"])
        for number in range(clients):
            url = open_dialers[number % len(open_dialers)].url
            campaign = f"Campaign{number % campaigns + 1}"
            rows.writerow([campaign, url, "report", "benchmark", f"Client {number}", str(1000 + number), ZONE])
    return path


def environment(folder: Path, **settings: str) -> dict[str, str]:
    return {**os.environ, "DATA_DIR": str(folder / "data"), "FIRST_RUN_DAYS": "1", **settings}


def run_cycles(names: list[str], open_dialers: list[SimulatedDialer], clients: int, **settings: str) -> None:
    """Run one cycle per name, beginning with a new warehouse."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings_of_run = environment(folder, **settings)
        importing = [
            sys.executable,
            "main.py",
            "clients",
            "import",
            str(write_clients_file(folder, open_dialers, clients)),
        ]
        subprocess.run(importing, cwd=ROOT, env=settings_of_run, check=True, stdout=subprocess.DEVNULL)
        for name in names:
            print(f"{name:28} {measure([sys.executable, 'main.py', '--single'], settings_of_run)}", flush=True)


def first_load(open_dialers: Sequence[SimulatedDialer], checkout: Path) -> Cost:
    """Read one client into a new warehouse with the program of a checkout."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = environment(folder)
        importing = [sys.executable, "main.py", "clients", "import", str(write_clients_file(folder, open_dialers, 1))]
        subprocess.run(importing, cwd=checkout, env=settings, check=True, stdout=subprocess.DEVNULL)
        return measure([sys.executable, "main.py", "--single"], settings, checkout)


def compare(other: Path, rounds: int) -> None:
    """Time both checkouts in turn, and compare the medians. Other load of the machine hits both."""
    costs: dict[Path, list[Cost]] = {other.resolve(): [], ROOT: []}
    with dialers(1, BUSY_DAY) as open_dialers:
        for number in range(rounds + 1):
            for checkout, measures in costs.items():
                cost = first_load(open_dialers, checkout)
                print(f"{number or 'answers made':>12}  {checkout.name:20} {cost}", flush=True)
                if number:  # in the first round the dialer makes its answers
                    measures.append(cost)
    for name in ("wall_seconds", "cpu_seconds"):
        before, now = (median(getattr(cost, name) for cost in measures) for measures in costs.values())
        print(f"{name}: medians {before:.2f} and {now:.2f}, {now / before:.2f} times as long")


def write_million_records(folder: Path, world: World) -> Path:
    """Write an answer of 1,000,000 records: those of a day, repeated with other uniqueids."""
    with SimulatedDialer(world, accounts=[Account("report", "benchmark")]) as dialer:
        body = _export(dialer, world)
    header, *records = body.split(b"\r\n")[:-1]
    at = header.split(b"\t").index(b"uniqueid")
    split = [record.split(b"\t") for record in records if record.count(b"\t") == header.count(b"\t")]
    path = folder / "million.txt"
    with path.open("wb") as file:
        file.write(header + b"\r\n")
        for number in range(1_000_000):
            fields = split[number % len(split)]
            file.write(b"\t".join([*fields[:at], b"%s%d" % (fields[at], number), *fields[at + 1 :]]) + b"\r\n")
    return path


def _export(dialer: SimulatedDialer, world: World) -> bytes:
    import requests  # noqa: PLC0415 - only this benchmark asks by itself

    form = {"run_export": "1", "header_row": "YES", "export_fields": "EXTENDED_2", "campaign[]": "---ALL---"}
    form |= {"group[]": "---ALL---", "query_date": world.start.isoformat(), "end_date": world.start.isoformat()}
    form |= {"rec_fields": "NONE", "custom_fields": "NO", "call_notes": "NO"}
    url = dialer.url + "call_report_export.php"
    return requests.post(url, data=form, auth=("report", "benchmark"), timeout=120).content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--batch-sizes", action="store_true")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="another checkout, for instance an older one")
    parser.add_argument("--rounds", type=int, default=7, help="of --against")
    parser.add_argument("--records", type=int, default=RECORDS, help="per client")
    options = parser.parse_args()
    if options.against:
        compare(options.against, options.rounds)
        return
    with tempfile.TemporaryDirectory() as folder, dialers(20, options.records) as open_dialers:
        if options.million:
            path = write_million_records(Path(folder), open_dialers[0].world)
            day = open_dialers[0].world.start.isoformat()
            open_dialers[0].answer_with("call_report_export.php", path, when={"query_date": day})
            run_cycles(["first load, 1,000,000"], open_dialers[:1], 1)
            return
        run_cycles(["(the dialers make their answers)"], open_dialers, CLIENTS)
        if options.batch_sizes:
            for size in ("100", "1000", "5000", "10000", "20000", "50000", "100000"):
                run_cycles([f"BATCH_SIZE={size}"], open_dialers, CLIENTS, BATCH_SIZE=size)
        else:
            run_cycles(["first load", "again, nothing new", "again, nothing new"], open_dialers, CLIENTS)


if __name__ == "__main__":
    main()
