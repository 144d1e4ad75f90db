"""python -m tests.storms --warehouse bigquery --events 1000 --seed 1: a storm, then the comparison with the truth."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.bigquery.emulators import Emulator
from tests.storms.storm import Storm


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", choices=("duckdb", "bigquery"), default="duckdb")
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="kept afterwards; a temporary one if not given")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it is left running
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # an ordinary stream here
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        emulator = Emulator(folder / "bigquery") if options.warehouse == "bigquery" else None
        if emulator is not None:
            emulator.start()
        try:
            report = Storm(folder / "program", options.seed, emulator).run(options.events)
        finally:
            if emulator is not None:
                emulator.stop()
    sys.stdout.write(f"{options.warehouse}, seed {options.seed}\n{report}\n")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
