"""python -m tests.storms.fairness: the load of the program on its dialers, as counted by them, and its fairness.

Three figures: connections at once with fifty clients on one host, failed logins over many cycles with wrong, changed
and locked accounts, and delays of other clients by a hanging dialer.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import requests

from simulated_dialer import Account, SimulatedDialer, World
from tests.acceptance.programs import HEADER, PASSWORD, USER, ZONE, Program

Row = tuple[str, SimulatedDialer, str, str, str]
"""Campaign, dialer, user, password, client."""
FAILURES_THAT_LOCK = 10


def dialer_of(stack: ExitStack, seed: int, *accounts: Account, calls_per_hour: float = 1) -> SimulatedDialer:
    """Return a dialer with yesterday's and today's calls. Its clock stands still."""
    now = datetime.now(UTC)
    first = now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)
    world = World(seed, first, 2, ZONE, calls_per_hour=[calls_per_hour] * 24)
    world.now = now
    world.tells_real_time = True
    return stack.enter_context(SimulatedDialer(world, accounts=accounts or [Account(USER, PASSWORD)]))


def import_rows(program: Program, rows: Iterable[Row]) -> None:
    path = program.folder / "clients.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for campaign, dialer, user, password, client in rows:
            writer.writerow([campaign, dialer.url, user, password, f"Client {client}", client, ZONE])
    done = program.run("clients", "import", str(path))
    assert done.code == 0, done.text


def new_program(folder: Path, **settings: str) -> Program:
    folder.mkdir(parents=True, exist_ok=True)
    return Program(folder, **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Connections of many clients of one dialer."""

    allowed: int
    most: int
    clients: int
    requests: int
    missing: int
    seconds: float

    @property
    def is_fair(self) -> bool:
        return self.most <= self.allowed and not self.missing

    def __str__(self) -> str:
        return (
            f"| {self.clients} clients, 8 processes | {self.allowed} allowed | {self.most} at once |"
            f" {self.requests} requests | {self.missing} calls missing | {self.seconds:.1f} s |"
        )


def connections(folder: Path, allowed: int, *, clients: int = 50, campaigns: int = 10) -> Connections:
    """Run one cycle of clients on one host."""
    limit = {"MAX_CAMPAIGN_PROCESSES": "8", "MAX_CONNECTIONS_PER_HOST": str(allowed)}
    program = new_program(folder, **limit, HTTP_TIMEOUT="60")
    with ExitStack() as stack:
        dialer = dialer_of(stack, allowed)
        import_rows(program, [(f"C{n % campaigns}", dialer, USER, PASSWORD, str(n)) for n in range(clients)])
        dialer.misbehave(latency=0.02)
        began = time.monotonic()
        done = program.run("--single")
        seconds = time.monotonic() - began
        assert done.code == 0, done.text
        shown = {leg.uniqueid for leg in dialer.world.legs_at() if leg.hidden is None}
        stored = Counter(row["uniqueid"] for row in program.calls())
        return Connections(
            allowed=allowed, most=dialer.seen.most_connections_at_once, clients=clients, seconds=seconds,
            requests=dialer.seen.requests, missing=sum(max(clients - stored[uniqueid], 0) for uniqueid in shown),
        )  # fmt: skip


@dataclass(slots=True)
class Logins:
    """Failed logins by user as counted by the dialers, without those of others, and stored wrong passwords."""

    cycles: int
    read: int = 0
    """Cycles with a client with a right password read."""
    failed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    locked: list[str] = field(default_factory=list)
    """Accounts refusing the right password in the end, except the one locked by others."""

    @property
    def is_fair(self) -> bool:
        return self.failed == self.wrong and not self.locked and self.read == self.cycles

    def __str__(self) -> str:
        lines = [
            f"| {user} | {self.wrong[user]} wrong passwords stored | {self.failed[user]} failed logins |"
            f" {self.asked[user]} requests with a login |"
            for user in sorted(self.asked)
        ]
        return "\n".join([*lines, f"{self.read} of {self.cycles} cycles read; locked by us: {self.locked or 'nobody'}"])


def logins(folder: Path, cycles: int) -> Logins:
    """Run cycles with mistyped passwords, and passwords changed on a dialer."""
    program = new_program(folder, MAX_CAMPAIGN_PROCESSES="2", RETRY_SECONDS="1")
    found = Logins(cycles)
    with ExitStack() as stack:
        users = ("right", "wrong", "mistyped", "moved", "locked")
        one, two = (dialer_of(stack, n, *(Account(user, f"{user}-0") for user in users)) for n in (1, 2))
        for _ in range(FAILURES_THAT_LOCK):
            _enters(two, "locked", "of-somebody-else")
        mistyped, administered, stored = "mistyped-wrong-0", "moved-0", "moved-0"
        found.wrong.update({"right": 1, "wrong": 1, "mistyped": 1})
        step = max(2, -(-cycles // (FAILURES_THAT_LOCK - 2)))  # a dialer locks after ten, whoever mistypes them
        for cycle in range(1, cycles + 1):
            changes = cycle == 1
            if cycle > 1 and cycle % step == 1:
                mistyped, changes = f"mistyped-wrong-{cycle}", True
                found.wrong["mistyped"] += 1
            if cycle % 6 == 3:
                administered = f"moved-{cycle}"
                two.change_account(Account("moved", administered))
                found.wrong["moved"] += 1
            if cycle % 6 == 5:
                stored, changes = administered, True
            if changes:
                import_rows(
                    program,
                    [
                        ("A", one, "right", "right-0", "1"), ("B", one, "right", "right-0", "2"),
                        ("C", one, "right", "not-right", "3"), ("A", one, "wrong", "not-wrong", "4"),
                        ("B", one, "wrong", "not-wrong", "5"), ("A", one, "mistyped", mistyped, "6"),
                        ("C", one, "mistyped", mistyped, "7"), ("B", two, "moved", stored, "8"),
                        ("C", two, "moved", stored, "9"), ("A", two, "locked", "locked-0", "10"),
                    ],
                )  # fmt: skip
            program.run("--single")
        found.failed.update(one.seen.failed_logins)
        found.failed.update(two.seen.failed_logins)
        found.failed["locked"] -= FAILURES_THAT_LOCK
        found.failed = +found.failed
        found.asked.update(seen.user for dialer in (one, two) for seen in dialer.seen.log if seen.user)
        found.asked["locked"] -= FAILURES_THAT_LOCK
        right = {(one, user): f"{user}-0" for user in ("right", "wrong", "mistyped")} | {(two, "moved"): administered}
        found.locked = [user for (dialer, user), password in right.items() if not _enters(dialer, user, password)]
    query = "SELECT count(*) AS n FROM vicidial.runs WHERE client_id = '1' AND label = 'completed'"
    found.read = program.rows(query)[0]["n"]
    return found


def _enters(dialer: SimulatedDialer, user: str, password: str) -> bool:
    """Return whether a person can log in with this password."""
    page = dialer.url + "user_stats.php"
    answer = requests.post(page, data={"user": "1001"}, auth=(user, password), timeout=30)
    return f"|{user}|" not in answer.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """Clients of a hanging dialer in two campaigns, with others' clients after them and in a third one."""

    clients: int
    page: str
    limit_seconds: float
    """Time limit of one request, retries included."""
    usual_seconds: float
    seconds: float
    together_seconds: float
    apart_seconds: float
    """Seconds from the start of the cycle to the commit of others' clients, in a campaign with it and in their own."""
    requests: int
    unread: int
    """Unread clients of other dialers."""

    @property
    def is_fair(self) -> bool:
        return not self.unread and self.seconds < 2 * self.usual_seconds + self.limit_seconds

    def __str__(self) -> str:
        return (
            f"| {self.clients} clients of a dialer that hangs ({self.page}) | one request may cost"
            f" {self.limit_seconds:g} s | it saw {self.requests} requests | others committed after"
            f" {self.apart_seconds:.1f} s, in a campaign with it after {self.together_seconds:.1f} s, {self.unread} not"
            f" read | cycle {self.seconds:.1f} s, without trouble {self.usual_seconds:.1f} s |"
        )


def hanging(folder: Path, *, clients: int = 50, timeout: int = 5, page: str = "") -> Hanging:
    """Run a usual cycle, and one with a dialer accepting requests (of one page, or of all) without any answer."""
    retries = 1
    times = {"HTTP_TIMEOUT": str(timeout), "RETRY_SECONDS": str(retries)}
    program = new_program(folder, MAX_CAMPAIGN_PROCESSES="3", **times)
    with ExitStack() as stack:
        silent, *others = (dialer_of(stack, n) for n in range(3))
        rows = [(f"Mixed{n % 2}", silent, USER, PASSWORD, f"silent-{n}") for n in range(clients)]
        rows += [(f"Mixed{n % 2}", others[n % 2], USER, PASSWORD, f"together-{n}") for n in range(6)]
        rows += [("Apart", others[n % 2], USER, PASSWORD, f"apart-{n}") for n in range(2)]
        import_rows(program, rows)
        began = time.monotonic()
        assert program.run("--single").code == 0
        usual = time.monotonic() - began
        before = silent.seen.requests
        silent.misbehave(hang=True, pages=(page,) if page else ())
        start = datetime.now(UTC)
        done = program.run("--single")
        seconds = (datetime.now(UTC) - start).total_seconds()
        assert done.code == 1, done.text
        asked = silent.seen.requests - before
    since = f"committed_at > TIMESTAMPTZ '{start.isoformat()}'"
    ends = program.rows(f"SELECT client_id, label, committed_at FROM vicidial.runs WHERE job_id <> '' AND {since}")
    read = {row["client_id"]: row["committed_at"] for row in ends if row["label"] == "completed"}

    def latest(kind: str) -> float:
        return max(((at - start).total_seconds() for client, at in read.items() if client.startswith(kind)), default=0)

    return Hanging(
        clients=clients, page=page or "every page", limit_seconds=timeout + retries, usual_seconds=usual,
        seconds=seconds, together_seconds=latest("together"), apart_seconds=latest("apart"), requests=asked,
        unread=8 - sum(not client.startswith("silent") for client in read),
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["connections", "logins", "hanging"], metavar="WHAT",
                        help="connections, logins, hanging; all if none is named")  # fmt: skip
    parser.add_argument("--cycles", type=int, default=100, help="of the logins")
    options = parser.parse_args()
    wanted = options.what or ["connections", "logins", "hanging"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found: list[Connections | Logins | Hanging] = []

        def tell(one: Connections | Logins | Hanging) -> None:
            found.append(one)
            sys.stdout.write(f"{one}\n")
            sys.stdout.flush()

        if "connections" in wanted:
            for allowed in (1, 2, 3):
                tell(connections(folder / f"connections-{allowed}", allowed))
        if "hanging" in wanted:
            tell(hanging(folder / "hanging"))
        if "logins" in wanted:
            tell(logins(folder / "logins", options.cycles))
    return 0 if all(one.is_fair for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
