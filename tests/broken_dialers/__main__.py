"""python -m tests.broken_dialers --kind clocks --events 300 --seed 1: a long story, and its final comparison."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.broken_dialers.long_stories import KINDS, run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = run(options.kind, options.seed, options.events, Path(folder))
    sys.stdout.write(f"{options.kind}, seed {options.seed}\n{report}\n")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
