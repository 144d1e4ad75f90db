"""Installation of the BigQuery emulator, once, in a folder of its own beside the code.

It is kept out of the virtual environment: its metadata asks for a newer Python and older libraries than ours, and
it registers a pytest plugin. What it needs to run is in requirements-dev.txt.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

VERSION = "0.4.0"
CACHE = Path(__file__).resolve().parents[2] / ".bigquery-emulator"


def installed_emulator(cache: Path = CACHE) -> Path:
    """Return the folder of the emulator's package. The first call of all runs downloads it.

    Raises:
        RuntimeError: pip could not install it; the message is what pip said.
    """
    name = f"local-bigquery-{VERSION}-py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / name
    if folder.exists():
        return folder
    cache.mkdir(exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not folder.exists():
            partial = cache / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)  # of an installation that was killed
            _install(partial)
            partial.rename(folder)
    return folder


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    command += ["--ignore-requires-python", "--target", str(folder), f"local-bigquery=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        raise RuntimeError(f"The BigQuery emulator could not be installed:\n{done.stdout}{done.stderr}")
