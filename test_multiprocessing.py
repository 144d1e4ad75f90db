"""Self-test of worker processes for operators: ``python test_multiprocessing.py`` takes half a minute.

Each check is a pytest test as well. Spawned workers import this file again, so its import must do nothing.
"""

import dataclasses
import io
import multiprocessing
import os
import pickle
import string
import sys
import tempfile
import time
import types
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import errors
import logs
import messages
import standard_streams
from config import Settings
from engine.semaphores import find_missing_semaphores
from messages import CampaignJob, CampaignOutcome, ClientOutcome, Source, SourceIdentity
from multiprocess_manager import run_jobs

TIME_LIMIT = timedelta(seconds=3)
MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SAMPLES: dict[Any, Any] = {
    str: "naïve ✓",
    int: 7,
    float: 0.5,
    bool: True,
    date: date(2026, 1, 31),
    datetime: MOMENT,
    timedelta: timedelta(minutes=5),
}


def work(job: CampaignJob, settings: Settings) -> CampaignOutcome:
    """Do what the campaign's name says. The outcome's notice is the start method of the worker."""
    if job.campaign == "dies":
        os._exit(7)
    if job.campaign == "hangs":
        time.sleep(settings.process_timeout.total_seconds() * 10)
    if job.campaign == "raises":
        raise ZeroDivisionError
    notices = (multiprocessing.get_start_method(),)
    client = ClientOutcome(source=SourceIdentity.of_campaign(job.campaign), notices=notices)
    return CampaignOutcome(job_id=job.job_id, campaign=job.campaign, clients=(client,))


@cache
def pool_outcomes() -> dict[str, CampaignOutcome]:
    """Return outcomes by campaign, of one real pool with every kind of end."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(max_campaign_processes=2, process_timeout=TIME_LIMIT, data_dir=Path(folder))
        jobs = [
            CampaignJob(job_id=name, run_id="self-test", campaign=name, clients=(), no_new_window_after=MOMENT)
            for name in ("hangs", "dies", "raises", "works")
        ]
        ready = run_jobs(jobs, work, settings, recover=lambda _: ())
        return {outcome.campaign: outcome for outcome in chain.from_iterable(ready)}


def test_a_worker_is_spawned_and_returns_its_outcome() -> None:
    outcome = pool_outcomes()["works"]
    assert outcome.failure is None, outcome.failure
    assert outcome.clients[0].notices == ("spawn",), outcome.clients[0].notices


def test_an_exception_in_a_worker_is_reported() -> None:
    outcome = pool_outcomes()["raises"]
    assert outcome.label == "failed", outcome.label
    assert "ZeroDivisionError" in str(outcome.failure), outcome.failure


def test_a_worker_that_dies_is_noticed() -> None:
    outcome = pool_outcomes()["dies"]
    assert outcome.label == "worker died", outcome.label
    assert "exit code 7" in str(outcome.failure), outcome.failure


def test_a_worker_that_hangs_is_ended() -> None:
    outcome = pool_outcomes()["hangs"]
    assert outcome.label == "timed out", outcome.label


def test_every_record_crosses_to_a_worker() -> None:
    records = [sample(kind) for kind in vars(messages).values() if dataclasses.is_dataclass(kind)]
    assert len(records) > 10, "records of messages were not found"
    for record in records:
        assert pickle.loads(pickle.dumps(record)) == record, type(record).__name__
    assert "hunter2" not in repr(dataclasses.replace(sample(Source), password="hunter2"))


def test_every_error_crosses_from_a_worker() -> None:
    for kind in subclasses(errors.SyncError):
        problem = kind(*sample_arguments(f"{kind.happened} {kind.advice}"))
        copy = pickle.loads(pickle.dumps(problem))
        assert (type(copy), str(copy), copy.args) == (kind, str(problem), problem.args), kind.__name__


def test_the_temporary_folder_can_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        probe(Path(folder))


def test_the_data_folder_can_be_written() -> None:
    folder = Settings.from_env(os.environ).data_dir
    while not folder.exists():  # what is missing will be made; the self-test makes nothing
        folder = folder.parent
    probe(folder)


def test_the_machine_has_semaphores() -> None:
    doubt = find_missing_semaphores()
    assert doubt is None, doubt.happened if doubt else ""


def test_the_console_takes_every_line() -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding=sys.stdout.encoding or "ascii", errors="replace")
    console.write(f"{mark(passed=True)} ✓ ✗ – …")
    console.flush()


def sample(kind: Any) -> Any:
    """Build a value of that type. Every field of a dataclass is filled by its annotation."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: sample(hints[field.name]) for field in dataclasses.fields(kind)})
    if isinstance(kind, types.UnionType):
        return sample(next(part for part in typing.get_args(kind) if part is not types.NoneType))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if typing.get_origin(kind) is frozenset:
        return frozenset(sample(part) for part in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return tuple(sample(part) for part in typing.get_args(kind) if part is not Ellipsis)
    return SAMPLES[kind]


def sample_arguments(text: str) -> list[object]:
    """Build the arguments of a format string: numbers for fields with a format, else texts."""
    fields = {int(name): spec for _, name, spec, _ in string.Formatter().parse(text) if name}
    return [1.5 if fields.get(index) else f"text {index}" for index in range(max(fields, default=0) + 1)]


def subclasses(kind: type[errors.SyncError]) -> Iterator[type[errors.SyncError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


def probe(folder: Path) -> None:
    """Write a file there, read it back and remove it."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".self-test-")
    file = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write("✓")
        assert file.read_text(encoding="utf-8") == "✓", f"{folder} does not keep what is written to it"
    finally:
        file.unlink()


def mark(*, passed: bool) -> str:
    """Return ✓ or ✗, or words for a console without such signs."""
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "[ok]" if passed else "[failed]"
    return "✓" if passed else "✗"


WORKERS = "Start Python from a folder on the path it is installed to, and let antivirus software admit python.exe."
CHECKS: tuple[tuple[str, Callable[[], None], str], ...] = (
    ("A worker is spawned and returns its outcome", test_a_worker_is_spawned_and_returns_its_outcome, WORKERS),
    ("An exception in a worker is reported", test_an_exception_in_a_worker_is_reported, WORKERS),
    ("A worker that dies is noticed", test_a_worker_that_dies_is_noticed, WORKERS),
    ("A worker that hangs is ended", test_a_worker_that_hangs_is_ended, "May this user end its own processes?"),
    ("Every record crosses to a worker", test_every_record_crosses_to_a_worker, "Install the program again."),
    ("Every error crosses from a worker", test_every_error_crosses_from_a_worker, "Install the program again."),
    ("The temporary folder can be written", test_the_temporary_folder_can_be_written, "Set TMPDIR (Windows: TEMP)."),
    ("DATA_DIR can be written", test_the_data_folder_can_be_written, "Set DATA_DIR to a folder this user may write."),
    ("There are semaphores", test_the_machine_has_semaphores, "Mount /dev/shm; campaigns are read without it, too."),
    ("The console takes every line", test_the_console_takes_every_line, "Set PYTHONIOENCODING=utf-8."),
)


def main() -> int:
    """Run the checks and print a line for each. Return 0 if all hold, else 1."""
    standard_streams.replace_missing_streams()
    logs.set_up("ERROR")
    failed = 0
    for title, check, advice in CHECKS:
        try:
            check()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the operator is told and the next check runs
            failed += 1
            print(f"{mark(passed=False)} {title}: {type(problem).__name__}: {problem}\n    {advice}", flush=True)
        else:
            print(f"{mark(passed=True)} {title}", flush=True)
    where = f"Python {sys.version.split()[0]}, {sys.platform}, console {sys.stdout.encoding}"
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed ({where}).")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
