"""Requests of a cycle to BigQuery, and memory of its parent, counted between the program and an emulator.

python -m benchmarks.bigquery_runs                     1, 10 and 100 campaigns: requests, jobs and statements of a cycle
python -m benchmarks.bigquery_runs --changed 200000    so many rows, then the same changed: memory of the parent

The time is the emulator's and says nothing about Google's.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.whole_runs import ROOT, dialers, environment, measure, write_clients_file
from simulated_dialer import SimulatedDialer
from tests.bigquery.emulators import Emulator
from tests.bigquery.proxy import FaultProxy

READS = {"get_table", "get_dataset", "rows", "get_job", "results"}


def run(emulator: Emulator, campaigns: int, open_dialers: Sequence[SimulatedDialer], *, changed: bool) -> None:
    dataset = emulator.new_dataset()
    with tempfile.TemporaryDirectory() as temporary, FaultProxy(emulator.url) as proxy:
        folder = Path(temporary)
        settings = environment(
            folder, WAREHOUSE="bigquery", BIGQUERY_EMULATOR_HOST=proxy.url, PROJECT_ID=emulator.project,
            DATASET_ID=dataset, LOOKBACK_HOURS="48",
        )  # fmt: skip
        importing = [
            sys.executable,
            "main.py",
            "clients",
            "import",
            str(write_clients_file(folder, open_dialers, campaigns, campaigns)),
        ]
        subprocess.run(importing, cwd=ROOT, env=settings, check=True, stdout=subprocess.DEVNULL)
        for name in ("first load", "all rows changed" if changed else "again, nothing new"):
            if name == "all rows changed":
                emulator.rows(f"UPDATE {dataset}.calls SET row_hash = 'changed' WHERE call_date > '2000-01-01'")
            proxy.clear()
            cost = measure([sys.executable, "main.py", "--single"], settings)
            kinds = Counter(seen.kind for seen in proxy.seen)
            updated = emulator.rows(f"SELECT SUM(inserted) AS i, SUM(updated) AS u FROM {dataset}.runs")[0]
            print(f"{campaigns:4} campaigns, {name:20} {cost}")
            print(f"     {proxy.jobs} jobs, {sum(kinds.values())} requests, rows inserted/updated so far: {updated}")
            print(f"     {dict(sorted(kinds.items()))}")
            print(f"     statements of the commit that ran: {statements(emulator, proxy)}", flush=True)


def statements(emulator: Emulator, proxy: FaultProxy) -> dict[str, int]:
    """Return the statement types of the children of every commit's script."""
    client = emulator.client()
    commits = {seen.job_id for seen in proxy.seen if seen.job_id and seen.job_id.startswith("commit_")}
    found: Counter[str] = Counter()
    for job_id in commits:
        found.update(str(child.statement_type) for child in client.list_jobs(parent_job=job_id))
    return dict(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changed", type=int, default=0, help="rows that are loaded, and then changed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(Path(folder))
        emulator.start()
        try:
            if options.changed:
                with dialers(10, options.changed // 20) as open_dialers:
                    run(emulator, 20, open_dialers, changed=True)
                return
            with dialers(10, 100) as open_dialers:
                for campaigns in (1, 10, 100):
                    run(emulator, campaigns, open_dialers, changed=False)
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
