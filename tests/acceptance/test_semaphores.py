"""A machine without POSIX semaphores (no /dev/shm, as in some containers) reads all the same, and says so."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Dialers
from tests.acceptance.programs import ROOT, Program

NONE_TO_BE_HAD = """
#include <errno.h>
#include <semaphore.h>
sem_t *sem_open(const char *name, int flags, ...) { errno = ENOSYS; return SEM_FAILED; }
"""


@pytest.fixture
def preloaded(tmp_path: Path) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or not compiler:
        pytest.skip("needs a C compiler to take the semaphores away")
    (tmp_path / "none.c").write_text(NONE_TO_BE_HAD, encoding="utf-8")
    library = tmp_path / "none.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "none.c"], check=True)
    return str(library)


def test_a_machine_without_semaphores_reads_and_is_named(program: Program, dialers: Dialers, preloaded: str) -> None:
    program.add_clients(("Sales", dialers().url, "1"))
    done = program.run("--single", LD_PRELOAD=preloaded)
    assert done.code == 0, done.text
    assert program.calls()
    assert "no POSIX semaphores" in done.text
    assert "/dev/shm" in done.text
    assert "/dev/shm" in program.run("check", LD_PRELOAD=preloaded).text


def test_the_self_test_names_them(program: Program, preloaded: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "test_multiprocessing.py"], env=program.environment | {"LD_PRELOAD": preloaded},
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "✗" in line and "semaphores" in line]
    assert "9 of 10 checks passed" in done.stdout
