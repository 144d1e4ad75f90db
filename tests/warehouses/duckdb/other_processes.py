"""Other processes in the tests: they hold a file, hold a lease, or commit until they are killed.

``python -m tests.warehouses.duckdb.other_processes WHAT DATA_DIR``; says "ready" when it has begun.
"""

import sys
import time
from pathlib import Path

import duckdb

from config import Settings
from database import open_warehouse
from tests.warehouses.spool_files import Batches, Spool, call, digest, outcome
from utils import write_durably


def hold(data_dir: Path, *, read_only: bool) -> None:
    with duckdb.connect(str(data_dir / "calls.duckdb"), read_only=read_only) as db:
        db.execute("SELECT 1")
        _begun()
        time.sleep(600)


def hold_lease(data_dir: Path) -> None:
    with open_warehouse(Settings(warehouse="duckdb", data_dir=data_dir)).lease():
        _begun()
        time.sleep(600)


def commit_on_and_on(data_dir: Path, first: int) -> None:
    """Commit batch after batch. Batch n has ten calls of second n. The file "acknowledged" names the last one."""
    warehouse = open_warehouse(Settings(warehouse="duckdb", data_dir=data_dir))
    spool = Spool(data_dir / f"spool-{first}")
    for number in range(first, first + 1000):
        calls = [call(number, nth=nth, phone=f"{number}-{nth}") for nth in range(10)]
        warehouse.commit(Batches(number=number).of(outcome(spool.sealed(*calls))))
        write_durably(data_dir / "acknowledged", str(number).encode("ascii"))
        if number == first:
            _begun()


def write_without_room(data_dir: Path) -> None:
    """A limit on the size of files, as a full disk would set it."""
    import resource

    spool = Spool(data_dir / "spool")
    window = spool.sealed(*[call(number, agent_name=digest(number) * 9) for number in range(30_000)])
    room = (data_dir / "calls.duckdb").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        open_warehouse(Settings(warehouse="duckdb", data_dir=data_dir)).commit(Batches().of(outcome(window)))
    except Exception as exc:  # noqa: BLE001 - the test wants to know which
        print(type(exc).__name__, exc, flush=True)  # noqa: T201


def _begun() -> None:
    print("ready", flush=True)  # noqa: T201


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what in ("reader", "writer"):
        hold(folder, read_only=what == "reader")
    elif what == "lease":
        hold_lease(folder)
    elif what == "full":
        write_without_room(folder)
    else:
        commit_on_and_on(folder, int(what))
