"""Run simulated dialers until standard input closes, or until SIGTERM or Ctrl+C.

Prints one line of JSON with their addresses once all of them answer, and nothing else.
"""

import argparse
import contextlib
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from simulated_dialer.accounts import Account
from simulated_dialer.clocks import Clock
from simulated_dialer.dialers import LATEST_BUILD, SimulatedDialer
from simulated_dialer.worlds import World

_DAYS_TO_COME = 60  # for a dialer that is left running; a day costs nothing until its clock gets there
_EXAMPLES = """\
examples:
  python -m simulated_dialer
  python -m simulated_dialer --count 6 --seed 11 --calls-per-hour 60 --now 2026-03-02T20:00:00Z
  python -m simulated_dialer --ports 8081,8082 --timezone Europe/Berlin --build 160122-1430 --speed 60

While it runs, each dialer also answers at its address without "vicidial/":
  GET  /_simulated/seen        counters as JSON
  POST /_simulated/now         an ISO time with offset sets the clock
  POST /_simulated/misbehave   for instance {"truncate": 0.5, "requests": 1}; POST /_simulated/behave ends it

exit codes: 0 ended as asked, 2 wrong arguments
"""

HIGHEST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    ended = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda _number, _frame: ended.set())
    with contextlib.ExitStack() as stack:
        try:
            dialers = [stack.enter_context(dialer) for dialer in _dialers(options)]
        except OSError as error:
            parser.error(f"a port cannot be used: {error.strerror}")
        line = json.dumps({"dialers": [_describe(dialer) for dialer in dialers]})
        print(line, flush=True)  # noqa: T201 - the one line that the caller waits for
        threading.Thread(target=_wait_for_end_of_input, args=(ended,), daemon=True).start()
        # Windows delivers Ctrl+C only between two waits.
        while not ended.wait(0.5):
            pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulated_dialer",
        description="VICIdial dialers on 127.0.0.1 with made-up calls, for trying things out without a real one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--count", type=int, default=1, help="how many dialers (default 1; --ports may ask for more)")
    add("--ports", type=_ports, default=(), metavar="P,P", help="their ports; 0 or none takes a free one")
    add("--seed", type=int, default=1, help="the first dialer's world; the next ones are seed+1, … (default 1)")
    add("--timezone", type=_zone, default="America/New_York", help="the dialers' local time (default %(default)s)")
    add("--build", default=LATEST_BUILD, help="the VICIdial build they behave like (default %(default)s)")
    add("--now", type=_moment, help="their clock at the start, ISO time with offset (default: the real time)")
    add("--speed", type=float, help="how fast the clock runs: 0 stands (default with --now), 1 is real (default)")
    add("--days", type=int, default=2, help="days of calls, up to and with the day of --now (default 2)")
    add("--calls-per-hour", type=float, default=60.0, help="calls an hour from 8 to 21 (default 60)")
    add("--inbound-share", type=float, default=0.25, help="the part of them that callers start (default 0.25)")
    add(
        "--accounts",
        type=_accounts,
        default="report:secret",
        metavar="U:P,U:P",
        help="logins, all of level 8. These are fake: never a real password here (default %(default)s)",
    )
    return parser


def _dialers(options: argparse.Namespace) -> list[SimulatedDialer]:
    ports = list(options.ports) + [0] * (options.count - len(options.ports))
    now: datetime = options.now or datetime.now(UTC)
    speed = options.speed if options.speed is not None else float(options.now is None)
    zone: ZoneInfo = options.timezone
    first_day = now.astimezone(zone).date() - timedelta(days=options.days - 1)
    dialers = []
    for number, port in enumerate(ports):
        world = World(
            options.seed + number,
            first_day,
            options.days + _DAYS_TO_COME,
            zone.key,
            calls_per_hour=options.calls_per_hour,
            inbound_share=options.inbound_share,
        )
        world.clock = Clock(now, speed)
        dialers.append(SimulatedDialer(world, options.build, options.accounts, port=port))
    return dialers


def _describe(dialer: SimulatedDialer) -> dict[str, object]:
    return {
        "url": dialer.url,
        "port": dialer.port,
        "seed": dialer.world.seed,
        "campaigns": list(dialer.world.centre.campaigns),
        "ingroups": list(dialer.world.centre.ingroups),
        "timezone": dialer.world.timezone,
    }


def _wait_for_end_of_input(ended: threading.Event) -> None:
    """Wait for the parent to close the pipe, by its death at the latest. A terminal, or no input at all, never ends."""
    if sys.stdin is None or not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return
    with contextlib.suppress(OSError):
        # Not sys.stdin.buffer: its lock, held by this thread when a signal ends us, would abort the interpreter.
        while os.read(sys.stdin.fileno(), 4096):
            pass
    ended.set()


def _ports(text: str) -> tuple[int, ...]:
    ports = tuple(int(port) for port in text.split(","))
    if not all(0 <= port <= HIGHEST_PORT for port in ports):
        raise argparse.ArgumentTypeError(f"ports are numbers from 0 to {HIGHEST_PORT}")
    return ports


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"no time zone is called {text!r}") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} says no offset; end it with Z or +00:00")
    return moment


def _accounts(text: str) -> list[Account]:
    pairs = [pair.partition(":") for pair in text.split(",")]
    if not all(user and password for user, _, password in pairs):
        raise argparse.ArgumentTypeError("accounts are user:password, separated by commas")
    return [Account(user, password) for user, _, password in pairs]


if __name__ == "__main__":
    sys.exit(main())
