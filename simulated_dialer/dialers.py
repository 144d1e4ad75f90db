"""A running simulated dialer: a world, accounts and a build behind a port of 127.0.0.1."""

import threading
from collections.abc import Iterable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulated_dialer.accounts import Account, Accounts
from simulated_dialer.answers import Answers
from simulated_dialer.builds import Build
from simulated_dialer.clocks import Clock
from simulated_dialer.controls import Control
from simulated_dialer.counters import Counters, Seen
from simulated_dialer.misbehaviours import Misbehaviour, Misbehaviours
from simulated_dialer.replies import FixedBody, Reply
from simulated_dialer.requests import Request
from simulated_dialer.server import DialerServer
from simulated_dialer.worlds import World

LATEST_BUILD = "250720-1841"


class SimulatedDialer:
    """A dialer. It answers while it is open (``with``, or `start` and `stop`).

    Args:
        build: decides what the dialer can do, and which faults it has.
        export_build: of the export's script, where it is older than the rest.
        tells_version: False for a dialer whose ``version`` dies with an empty HTTP 500, as some of 2020 do on PHP 8.
        php: 7 or 8; the one that such a build usually runs on, unless given. On 8, user_stats.php dies for users
            without an agent log.
        port: 0 takes a free one.
        strips_logins: users and passwords lose everything but ``-_0-9A-Za-z`` before they are compared;
            with ``any_script`` letters of any script stay.
    """

    def __init__(
        self,
        world: World,
        build: str = LATEST_BUILD,
        accounts: Iterable[Account] = (),
        *,
        export_build: str | None = None,
        tells_version: bool = True,
        php: int | None = None,
        port: int = 0,
        strips_logins: bool = True,
        any_script: bool = False,
    ) -> None:
        self.world = world
        self.build = Build.from_stamp(build)
        self._accounts = Accounts(accounts, self.build, world.now, strips=strips_logins, any_script=any_script)
        self._php = php or self.build.php
        self._answers = Answers(
            world, self.build, self._accounts, self._php,
            export_build=Build.from_stamp(export_build or build), tells_version=tells_version,
        )  # fmt: skip
        self._wrong = Misbehaviours()
        self._counters = Counters()
        self._server = DialerServer(port, self._counters, self._answer, Control(self).answer)
        self._thread: threading.Thread | None = None
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/vicidial/"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=f"dialer-{self.port}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and hang up on everybody."""
        if self._thread is not None:
            self._server.stop()
            self._thread.join()
            self._thread = None
        else:
            self._server.server_close()

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def seen(self) -> Seen:
        """Return a snapshot of all requests so far."""
        return self._counters.snapshot(self._accounts.failed_logins)

    @property
    def requests_now(self) -> int:
        """Return the number of requests in progress. It is cheaper than ``seen``."""
        return self._counters.answering

    @property
    def will_misbehave(self) -> bool:
        """Return whether a misbehaviour is left for later requests."""
        return self._wrong.are_left()

    def misbehave(self, **wrong: Any) -> None:
        """Go wrong in the ways of `Misbehaviour` (its fields by name). A later call wins over an earlier one."""
        self._wrong.add(Misbehaviour(**wrong))

    def behave(self) -> None:
        """End all misbehaviour for later requests."""
        self._wrong.clear()

    def change_account(self, account: Account) -> None:
        """Give a user another password or other rights, like an administrator. Failed logins stay counted."""
        self._accounts.change(account)

    def answer_with(
        self,
        page: str,
        body: bytes | Path,
        *,
        head: bytes = b"",
        repeat: int = 1,
        when: dict[str, str] | None = None,
    ) -> None:
        """Send this body as the file of ``page`` to each allowed login.

        Args:
            body: the bytes, or a file that is read anew for each answer.
            head: sent once before the body, for instance the header row.
            repeat: how often the body is sent, so that a million rows need no more memory than a thousand.
            when: parameters that a request must have; others get what they got before.
        """
        fixed = FixedBody(source=body, head=head, repeat=repeat, when=tuple((when or {}).items()))
        self._answers.fix(page, fixed)

    def answer_itself(self, page: str | None = None) -> None:
        """Forget the bodies of `answer_with`, of one page or of all."""
        self._answers.unfix(page)

    def _answer(self, request: Request) -> tuple[Reply, Misbehaviour, str, str]:
        wrong = self._wrong.next_for(request.page)
        reply = self._answers.answer(request, wrong)
        moment = self.world.now + timedelta(seconds=wrong.clock_offset)
        return reply, wrong, format_datetime(moment, usegmt=True), f"{self._php}.2.36" if self._php == 8 else "7.4.33"
