"""The wire between a daemon and BigQuery: it sees every request, and lets some fail."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.bigquery.faults import Exchange, Fault, cut_after, cut_before, endless, refused, running_for_ever, silent
from tests.bigquery.proxy import SUBMISSIONS, FaultProxy
from tests.bigquery.request_kinds import Seen
from tests.storms import plans
from tests.storms.plans import Event

FAULTS: dict[str, Callable[[], Fault]] = {
    plans.LIMITED: lambda: refused(403, "rateLimitExceeded", "Exceeded rate limits: too many requests."),
    plans.QUOTA: lambda: refused(403, "quotaExceeded", "Quota exceeded: too many load jobs."),
    plans.UNAVAILABLE: lambda: refused(503, "backendError", "Visibility check was unavailable."),
    plans.ABORTED: lambda: refused(400, "invalidQuery", "Transaction is aborted due to concurrent update."),
    plans.CUT_BEFORE: cut_before,
    plans.CUT_AFTER: cut_after,
    plans.SILENT: silent,
    plans.ENDLESS: endless,
    plans.RUNNING: running_for_ever,
}
FURTHEST = 8
"""A fault hits one of this number of next requests or, half the time, the next script of a commit."""
OF_A_COMMIT = ("load_", "commit_")
OF_THE_SCRIPT = ("commit_", "fence_", "ledger_", "counts_")


@dataclass
class _Waiting:
    """An event, and the number of requests before its target."""

    left: int
    event: Event


class Wire:
    """The proxy's one fault, met by every request."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._running: set[str] = set()
        self._last: Seen | None = None
        self.is_after_commit = False
        """True from the drop of the staging table to the next commit or cycle."""
        self.calm()

    def expect(self, event: Event) -> None:
        """Let one of the next requests fail. Waiting earlier requests are disconnected."""
        self._proxy.release()
        with self._lock:
            self._waiting.append(_Waiting(0 if _is_for_a_script(event) else int(event.how * FURTHEST), event))

    def calm(self) -> None:
        """End all faults."""
        with self._lock:
            self._waiting.clear()
            self._running.clear()
        self._proxy.clear()
        self._proxy.inject(self._pass, lambda _: True, None)
        self._proxy.release()

    @property
    def is_in_commit(self) -> bool:
        """Return whether the last request sent a script, or asked for its state."""
        return self._last is not None and (self._last.job_id or "").startswith(OF_THE_SCRIPT)

    def begin_cycle(self) -> None:
        self._last, self.is_after_commit = None, False

    def _pass(self, exchange: Exchange) -> None:
        seen = exchange.seen
        with self._lock:
            self._last = seen
            if seen.kind == "delete_table" or (seen.job_id or "").startswith(OF_A_COMMIT):
                self.is_after_commit = seen.kind == "delete_table"
            fault = self._fault_for(seen)
        if fault is None:
            exchange.reply(exchange.forward())
        else:
            fault(exchange)

    def _fault_for(self, seen: Seen) -> Fault | None:
        if seen.job_id in self._running:
            return running_for_ever()
        for waiting in self._waiting:
            if not _may_be_struck(waiting.event, seen):
                continue
            waiting.left -= 1
            if waiting.left < 0:
                self._waiting.remove(waiting)
                if waiting.event.name == plans.RUNNING and seen.job_id:
                    self._running.add(seen.job_id)
                return FAULTS[waiting.event.name]()
        return None


def _is_for_a_script(event: Event) -> bool:
    return event.which < 0.5


def _may_be_struck(event: Event, seen: Seen) -> bool:
    """Return whether an event can hit a request. A job without an end begins at its submission."""
    if _is_for_a_script(event):
        return seen.kind == "query" and (seen.job_id or "").startswith("commit_")
    return event.name != plans.RUNNING or seen.kind in SUBMISSIONS
