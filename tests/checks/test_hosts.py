"""What a check costs a dialer: the time it is given where a try at a password is spent, and where none is."""

from concurrent.futures import Future
from pathlib import Path

from checks.hosts import HostCheck
from messages import Finding
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import API, EXPORT, REPORT, quick, small_world, source


def things(folder: Path, dialer: SimulatedDialer) -> dict[str, bool]:
    hasty = quick(folder, http_timeout=0.3, request_timeout=0.3, retry_total=0)
    found: Future[list[Finding]] = Future()
    who = source(dialer)
    check = HostCheck([], quick(folder), hasty=hasty, run_id="run", download=folder / "download", give_up=lambda: False)
    check.check([who], {who.key: found})
    return {finding.name.rpartition(": ")[2]: finding.ok for finding in found.result(0)}


def test_a_slow_login_is_waited_for_as_a_cycle_would_and_a_slow_version_is_not(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as dialer:
        dialer.misbehave(latency=0.6, pages=(EXPORT,))
        assert things(tmp_path, dialer).items() >= {"login": True, "report": True}.items()
        dialer.misbehave(latency=0.6, pages=(API,))
        assert things(tmp_path, dialer) == {"reachable": False}
