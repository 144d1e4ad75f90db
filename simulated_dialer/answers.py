"""From a request to a reply: login first, then the page, then whatever is told to go wrong with it.

Rendered files are kept, by what was asked and by the revision of the world, so that asking again costs nothing.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from simulated_dialer import call_exports
from simulated_dialer import user_stats as stats
from simulated_dialer.accounts import EXPORT_CALLS, USER_STATS, Accounts, Refusal, missing_right, page_refusal
from simulated_dialer.builds import Build
from simulated_dialer.misbehaviours import Misbehaviour
from simulated_dialer.non_agent_api import api_answer
from simulated_dialer.replies import FixedBody, Reply, died, download, message
from simulated_dialer.requests import Request
from simulated_dialer.worlds import World

EXPORT_PAGE, STATS_PAGE, API_PAGE = "call_report_export.php", "user_stats.php", "non_agent_api.php"
_CACHE_BYTES = 64 << 20


class Answers:
    """The pages of one dialer."""

    def __init__(self, world: World, build: Build, accounts: Accounts, php: int) -> None:
        self.world, self.build, self.php = world, build, php
        self._accounts = accounts
        self._fixed: dict[str, list[FixedBody]] = {}
        self._kept = _KeptReplies()
        self._pages = {
            EXPORT_PAGE: _Page(EXPORT_CALLS, "EXPORT_CALL_REPORT", ".txt", call_exports.RECORD_END, self._call_export),
            STATS_PAGE: _Page(USER_STATS, "user_stats", ".csv", stats.RECORD_END, self._user_stats),
        }

    def fix(self, page: str, body: FixedBody) -> None:
        if isinstance(body.source, Path):
            body.source.stat()  # a missing file is the caller's mistake, to be told now and not to a client
        self._fixed.setdefault(page, []).insert(0, body)

    def unfix(self, page: str | None = None) -> None:
        if page is None:
            self._fixed = {}
        else:
            self._fixed.pop(page, None)

    def answer(self, request: Request, wrong: Misbehaviour) -> Reply:
        """The reply, with those misbehaviours that change what is said; how it is sent is the server's part."""
        if wrong.redirect_to is not None:
            return Reply(status=302, headers=(("Location", wrong.redirect_to),), body=b"moved\n")
        if wrong.status is not None:
            return _plain_status(wrong.status, wrong.retry_after)
        if request.page not in {*self._pages, API_PAGE}:
            return Reply(status=404, body=b"<html><body><h1>Not Found</h1></body></html>\n")
        if wrong.database_down:
            return died() if self.php >= 8 else message("MySQL connect ERROR:  Connection refused")
        return self._page(request, wrong)

    def _page(self, request: Request, wrong: Misbehaviour) -> Reply:
        moment = self.world.now + timedelta(seconds=wrong.clock_offset)
        page = self._pages.get(request.page)
        if page is None:
            told = self.world.told_now + timedelta(seconds=wrong.clock_offset)
            return api_answer(request, self._accounts, self.build, told, self.world.zone, ip_block=wrong.ip_block)
        account = self._accounts.enter(request.login, self.world.now, ip_block=wrong.ip_block)
        if isinstance(account, Refusal):
            return page_refusal(account, self.build, report=page.report, address=request.address)
        return missing_right(account, page.report) or self._file(request, page, moment, wrong)

    def _file(self, request: Request, page: "_Page", moment: datetime, wrong: Misbehaviour) -> Reply:
        local_now = moment.astimezone(self.world.zone)
        filename = f"{page.file_prefix}_{local_now:%Y%m%d-%H%M%S}{page.file_suffix}"
        fixed = self._fixed_for(request)
        if fixed is not None:
            source = fixed.source
            # A small body in memory can be cut and spoilt like a rendered one.
            whole = source if isinstance(source, bytes) and fixed.repeat == 1 and not fixed.head else None
            reply = download(fixed.pieces if whole is None else whole, filename)
        else:
            key = (request.page, request.parameters, self.world.revision)
            reply = self._kept.get(key) or self._kept.put(key, page.render(request, local_now))
        return _spoilt(reply, wrong, page.record_end)

    def _fixed_for(self, request: Request) -> FixedBody | None:
        candidates = self._fixed.get(request.page, ())
        return next((body for body in candidates if all(request.one(k) == v for k, v in body.when)), None)

    def _call_export(self, request: Request, local_now: datetime) -> Reply:
        return call_exports.call_export(request, self.world, self.build, local_now)

    def _user_stats(self, request: Request, local_now: datetime) -> Reply:
        return stats.user_stats(request, self.world, self.build, local_now, php=self.php)


@dataclass(frozen=True, slots=True)
class _Page:
    """A report page: its name among the rights, how its files are called, and what makes one."""

    report: str
    file_prefix: str
    file_suffix: str
    record_end: bytes
    render: Callable[[Request, datetime], Reply]


class _KeptReplies:
    """The latest rendered replies, up to a number of bytes."""

    def __init__(self) -> None:
        self._replies: OrderedDict[object, Reply] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: object) -> Reply | None:
        with self._lock:
            if key in self._replies:
                self._replies.move_to_end(key)
            return self._replies.get(key)

    def put(self, key: object, reply: Reply) -> Reply:
        with self._lock:
            if key not in self._replies:
                self._replies[key] = reply
                self._bytes += _size(reply)
            while self._bytes > _CACHE_BYTES and len(self._replies) > 1:
                self._bytes -= _size(self._replies.popitem(last=False)[1])
        return reply


def _size(reply: Reply) -> int:
    return len(reply.body) if isinstance(reply.body, bytes) else 0


def _plain_status(status: int, retry_after: int | None) -> Reply:
    if status == 500:
        return died()
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Reply(status=status, headers=headers, body=b"<html><body>try again later</body></html>\n")


def _spoilt(reply: Reply, wrong: Misbehaviour, record_end: bytes) -> Reply:
    """An export after what PHP or MySQL did to it; messages stay as they are."""
    if not reply.is_export() or not isinstance(reply.body, bytes):
        return reply
    memory = wrong.rows_before_memory_is_out
    if memory is not None and reply.body.count(record_end) > memory:
        return died()
    body = wrong.truncated(reply.body, record_end)
    if wrong.display_errors:
        return Reply(body=wrong.with_warnings(body, record_end), chunked=True)
    if wrong.endless:
        return replace(reply, body=lambda: wrong.repeated(body))
    return replace(reply, body=body)
