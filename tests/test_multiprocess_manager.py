"""The pool with real processes: each job has one outcome after any end of its worker, and no neighbour suffers."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore] # stubs are a package of their own
import pytest

from config import Settings
from messages import CampaignJob, CampaignOutcome, SealedWindow, SourceIdentity
from multiprocess_manager import run_jobs
from tests.pool_work import LINE, NOON, PASSWORD, act, job, wait_for

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        max_campaign_processes=2,
        process_timeout=timedelta(seconds=30),
        shutdown_grace=timedelta(seconds=1),
        data_dir=tmp_path,
    )


def sealed_by(lost: CampaignJob) -> tuple[SealedWindow, ...]:
    """Return one window in place of the spool. Its records name its owner."""
    source, window = lost.clients[0].source, lost.clients[0].windows[0]
    return (
        SealedWindow(
            source=SourceIdentity(source.key, lost.campaign, "C1", "Client"), report=source.report,
            timezone="UTC", window=window, read_at=NOON,
        ),
    )  # fmt: skip


def run(
    campaigns: list[str],
    settings: Settings,
    *,
    stop: threading.Event | None = None,
    recover: Callable[[CampaignJob], tuple[SealedWindow, ...]] = sealed_by,
) -> dict[str, CampaignOutcome]:
    """Return outcomes by campaign. Each job must have exactly one."""
    ready = run_jobs([job(name) for name in campaigns], act, settings, recover=recover, stop=stop)
    outcomes = list(chain.from_iterable(ready))
    assert sorted(outcome.campaign for outcome in outcomes) == sorted(campaigns)
    assert not workers()
    return {outcome.campaign: outcome for outcome in outcomes}


def workers() -> list[psutil.Process]:
    """Return live children of this process, without the resource tracker."""
    children = psutil.Process().children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_a_killed_worker_costs_its_campaign_only(settings: Settings) -> None:
    outcomes = run(["Stuck victim", "Killer", "Normal 1", "Normal 2", "Normal 3"], settings)
    victim = outcomes.pop("Stuck victim")
    assert victim.label == "worker died"
    assert "Stuck victim" in str(victim.failure)
    assert victim.sealed == sealed_by(job("Stuck victim"))
    if os.name == "posix":
        assert "SIGKILL" in str(victim.failure)
        assert victim.short_of_memory
    assert all(outcome.failure is None and not outcome.sealed for outcome in outcomes.values())
    assert not any(outcome.short_of_memory for outcome in outcomes.values())


def test_who_runs_alone_comes_last_with_nobody_beside_it(settings: Settings) -> None:
    names = ["Normal A", "Normal B", "Normal 1", "Normal 2", "Normal 3"]
    jobs = [job(name, alone=name in names[:2]) for name in names]
    list(run_jobs(jobs, act, settings, recover=sealed_by))
    times = {
        name: [float((settings.data_dir / f"{name}.{what}").read_text().split()[1]) for what in ("start", "end")]
        for name in names
    }
    (first, _), (second, last) = sorted(times[name] for name in names[:2])
    assert first >= max(times[name][1] for name in names[2:])
    assert second >= first + 0.3
    assert last - second >= 0.3
    overlapping = sorted(times[name] for name in names[2:])
    assert overlapping[1][0] < overlapping[0][1]  # the others did not wait for each other


def test_what_is_ready_waits_until_it_is_due(settings: Settings) -> None:
    names = [f"Normal {number}" for number in range(4)]
    asked: list[int] = []

    def due(ready: Sequence[CampaignOutcome], waited: timedelta) -> bool:
        assert waited >= timedelta()
        asked.append(len(ready))
        return False

    groups = list(run_jobs([job(name) for name in names], act, settings, recover=sealed_by, due=due))
    assert [len(group) for group in groups] == [4]
    assert max(asked) >= 1
    groups = list(run_jobs([job(name) for name in names], act, settings, recover=sealed_by, due=lambda _, __: True))
    assert sum(len(group) for group in groups) == 4
    assert len(groups) > 1


def test_what_is_ready_waits_no_longer_than_it_should_for_a_slow_neighbour(settings: Settings) -> None:
    stop, soon = threading.Event(), timedelta(seconds=0.3)
    pool = run_jobs(
        [job("Stuck"), job("Normal 1")], act, settings, recover=sealed_by, stop=stop, due=lambda _, wait: wait > soon
    )
    assert [outcome.campaign for outcome in next(pool)] == ["Normal 1"]
    stop.set()
    assert [outcome.campaign for group in pool for outcome in group] == ["Stuck"]


def test_a_timeout_ends_that_worker_only(settings: Settings) -> None:
    brief = Settings(max_campaign_processes=2, process_timeout=timedelta(seconds=1.5), data_dir=settings.data_dir)
    queued = [f"Normal {number}" for number in range(6)]  # together longer than the limit: it counts from the start
    outcomes = run(["Stuck", *queued], brief)
    assert outcomes["Stuck"].label == "timed out"
    assert "PROCESS_TIMEOUT" in str(outcomes["Stuck"].failure)
    assert outcomes["Stuck"].sealed
    assert [outcomes[name].label for name in queued] == ["completed"] * 6
    assert not psutil.pid_exists(int((settings.data_dir / "Stuck.start").read_text().split()[0]))


def test_every_way_to_fail_is_an_outcome_with_a_reason(settings: Settings) -> None:
    ways = ["Exit0", "Exit7", "SystemExit", "Error", "Refused", "Unpicklable", "Mistaken", "Normal"]
    outcomes = run(ways, settings)
    labels = {name: outcome.label for name, outcome in outcomes.items()}
    assert labels == {
        "Exit0": "worker died",
        "Exit7": "worker died",
        "SystemExit": "failed",
        "Error": "failed",
        "Refused": "login rejected",
        "Unpicklable": "failed",
        "Mistaken": "failed",
        "Normal": "completed",
    }
    assert "exit code 7" in str(outcomes["Exit7"].failure)
    assert "exit code 0" in str(outcomes["Exit0"].failure)
    assert "RuntimeError in pool_work.py, line" in str(outcomes["Error"].failure)
    assert "refused the login of user 'api'" in str(outcomes["Refused"].failure)
    assert all(PASSWORD not in str(outcome.failure) for outcome in outcomes.values())
    assert all(outcome.sealed for name, outcome in outcomes.items() if name != "Normal")


def test_work_that_cannot_be_pickled_is_an_outcome(settings: Settings) -> None:
    def local(_: CampaignJob, __: Settings) -> CampaignOutcome:
        raise NotImplementedError

    ((outcome,),) = run_jobs([job("Normal")], local, settings, recover=sealed_by)
    assert outcome.label == "failed"


def test_a_recovery_that_fails_leaves_the_outcome(settings: Settings) -> None:
    def broken(_: CampaignJob) -> tuple[SealedWindow, ...]:
        raise OSError("disk")

    outcomes = run(["Exit7", "Normal"], settings, recover=broken)
    assert (outcomes["Exit7"].label, outcomes["Exit7"].sealed) == ("worker died", ())


def test_the_largest_starts_first_and_never_more_than_the_maximum(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    jobs = [job(f"Normal {hours}", hours) for hours in (3, 1, 6, 2, 5, 4)]
    list(run_jobs(jobs, act, settings, recover=sealed_by))
    started = [line for line in caplog.messages if line.startswith("Starting worker")]
    assert [line.split(" (")[0] for line in started] == [
        f"Starting worker for campaign: Normal {hours}" for hours in (6, 5, 4, 3, 2, 1)
    ]
    assert started[0].endswith("(1/2)")
    assert started[1].endswith("(2/2)")
    assert most_at_once(settings.data_dir) == 2


def most_at_once(folder: Path) -> int:
    stamps = [(float(file.read_text().split()[1]), 1) for file in folder.glob("*.start")]
    stamps += [(float(file.read_text().split()[1]), -1) for file in folder.glob("*.end")]
    running, most = 0, 0
    for _, change in sorted(stamps):
        running += change
        most = max(most, running)
    return most


def test_the_pool_goes_on_while_the_caller_commits(settings: Settings) -> None:
    ready = run_jobs([job(f"Normal {n}") for n in range(5)], act, settings, recover=sealed_by)
    first = next(ready)
    for n in range(5):
        wait_for(settings.data_dir / f"Normal {n}.end")
    assert len(first) + sum(map(len, ready)) == 5


def test_a_caller_that_goes_away_leaves_no_worker(settings: Settings) -> None:
    outcomes = run_jobs([job("Normal"), job("Stuck"), job("Stuck 2")], act, settings, recover=sealed_by)
    assert [outcome.campaign for outcome in next(outcomes)] == ["Normal"]
    outcomes.close()
    assert not workers()


def test_stop_lets_running_work_finish_and_starts_nothing(settings: Settings) -> None:
    stop = threading.Event()

    def stop_when_running() -> None:
        for name in ("Patient", "Stuck"):
            wait_for(settings.data_dir / f"{name}.start")
        stop.set()

    threading.Thread(target=stop_when_running).start()
    outcomes = run(["Patient", "Stuck", "Normal"], settings, stop=stop)
    labels = {name: outcome.label for name, outcome in outcomes.items()}
    assert labels == {"Patient": "completed", "Stuck": "stopped", "Normal": "not started"}
    assert outcomes["Stuck"].sealed


def test_stop_takes_no_longer_than_the_grace(settings: Settings) -> None:
    stop = threading.Event()
    outcomes = run_jobs([job("Normal"), job("Stuck")], act, settings, recover=sealed_by, stop=stop)
    next(outcomes)
    wait_for(settings.data_dir / "Stuck.start")
    stop.set()
    begun = time.monotonic()
    assert [outcome.label for ready in outcomes for outcome in ready] == ["stopped"]
    assert time.monotonic() - begun < 1 + 2


def test_nothing_starts_once_stopped(settings: Settings) -> None:
    stop = threading.Event()
    stop.set()
    assert [outcome.label for outcome in run(["Normal 1", "Normal 2"], settings, stop=stop).values()] == [
        "not started"
    ] * 2
    assert not list(settings.data_dir.iterdir())


def test_no_jobs_no_outcomes(settings: Settings) -> None:
    assert run([], settings) == {}


def test_lines_of_workers_arrive_whole_with_their_campaign(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    run(["Speaking 1", "DyingSpeaker", "Speaking 2"], settings)
    whole = {f"[{name}] {LINE % number}" for name in ("Speaking 1", "Speaking 2") for number in range(200)}
    dying = f"[DyingSpeaker] {LINE % 999}"
    said = [line for line in caplog.messages if line.startswith("[")]
    assert whole <= set(said)
    assert dying in said
    assert set(said) == whole | {dying, "[Speaking 1] the password is ***", "[Speaking 2] the password is ***"}
    assert PASSWORD not in caplog.text


def test_a_worker_computes_on_one_core(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    run(["Threads"], settings)
    assert (settings.data_dir / "threads").read_text() == "1"
    assert "OMP_NUM_THREADS" not in os.environ


def test_workers_of_a_killed_parent_end_within_seconds(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-m", "tests.pool_work", str(tmp_path)], cwd=ROOT)
    pids = [int(wait_for(tmp_path / f"Stuck {number}.start").split()[0]) for number in (1, 2)]
    orphans = [psutil.Process(pid) for pid in pids]
    parent.kill()
    parent.wait()
    assert psutil.wait_procs(orphans, timeout=5)[1] == []


@pytest.mark.skipif(os.name != "posix", reason="limits of the operating system are set the POSIX way")
def test_no_files_left_is_an_outcome_per_job(settings: Settings) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    jobs = [job("Normal 1"), job("Normal 2")]
    outcomes = run_jobs(jobs, act, settings, recover=sealed_by)
    gc.collect()  # a file of an earlier test that closed meanwhile would leave room
    fillers = [os.open(os.devnull, os.O_RDONLY)]
    while fillers[-1] < max(int(path.name) for path in Path("/dev/fd").iterdir()) - 1:
        fillers.append(os.open(os.devnull, os.O_RDONLY))  # in each gap, since the limit is one of numbers
    resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 3, limits[1]))
    try:
        labels = [outcome.label for ready in outcomes for outcome in ready]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for filler in fillers:
            os.close(filler)
    assert labels == ["worker died"] * 2
