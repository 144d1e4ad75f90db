"""Run a program and write down the peak size of its largest process: peak_size.py REPORT PROGRAM ARGUMENTS.

It is a process of its own, because a process only learns the largest of all its children ever.
"""

import subprocess
import sys
from pathlib import Path


def largest_child_kb() -> int:
    """Return the peak resident size of the largest ended child, in KB. On Windows it is 0."""
    if sys.platform == "win32":
        return 0
    import resource

    size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return size >> 10 if sys.platform == "darwin" else size


if __name__ == "__main__":
    code = subprocess.run([sys.executable, *sys.argv[2:]], check=False).returncode
    Path(sys.argv[1]).write_text(str(largest_child_kb()), encoding="utf-8")
    sys.exit(code)
