"""From a request to a reply: first the login, then the page, then its misbehaviours.

Rendered files are cached by request and by the revision of the world.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from simulated_dialer import call_exports
from simulated_dialer import user_stats as stats
from simulated_dialer.accounts import EXPORT_CALLS, USER_STATS, Accounts, Refusal, missing_right, page_refusal
from simulated_dialer.builds import Build
from simulated_dialer.misbehaviours import Misbehaviour
from simulated_dialer.non_agent_api import api_answer
from simulated_dialer.replies import FixedBody, Reply, download, empty_500, message
from simulated_dialer.requests import Request
from simulated_dialer.restrictions import Sight
from simulated_dialer.worlds import World

EXPORT_PAGE, STATS_PAGE, API_PAGE = "call_report_export.php", "user_stats.php", "non_agent_api.php"
_CACHE_BYTES = 64 << 20


class Answers:
    """The pages of one dialer."""

    def __init__(
        self, world: World, build: Build, accounts: Accounts, php: int, *, export_build: Build, tells_version: bool
    ) -> None:
        self.world, self.build, self.php = world, build, php
        self._export_build, self._tells_version = export_build, tells_version
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
        """Return the reply, with the misbehaviours of its content. Those of its transport belong to the server."""
        if wrong.redirect_to is not None:
            return Reply(status=302, headers=(("Location", wrong.redirect_to),), body=b"moved\n")
        if wrong.status is not None:
            return _plain_status(wrong.status, wrong.retry_after)
        if request.page not in {*self._pages, API_PAGE}:
            return Reply(status=404, body=b"<html><body><h1>Not Found</h1></body></html>\n")
        if wrong.database_down:
            return empty_500() if self.php >= 8 else message("MySQL connect ERROR:  Connection refused")
        return self._page(request, wrong)

    def _page(self, request: Request, wrong: Misbehaviour) -> Reply:
        moment = self.world.now + timedelta(seconds=wrong.clock_offset)
        page = self._pages.get(request.page)
        if page is None:
            if not self._tells_version:
                return empty_500()
            told = self.world.told_now + timedelta(seconds=wrong.clock_offset)
            zone = ZoneInfo(wrong.php_timezone) if wrong.php_timezone else self.world.zone
            return api_answer(request, self._accounts, self.build, told, zone, ip_block=wrong.ip_block)
        account = self._accounts.enter(request.login, self.world.now, ip_block=wrong.ip_block)
        if isinstance(account, Refusal):
            return page_refusal(account, self.build, report=page.report, address=request.address)
        return missing_right(account, page.report) or self._file(request, page, moment, wrong, account.sight)

    def _file(self, request: Request, page: "_Page", moment: datetime, wrong: Misbehaviour, sight: Sight) -> Reply:
        local_now = moment.astimezone(self.world.zone)
        filename = f"{page.file_prefix}_{local_now:%Y%m%d-%H%M%S}{page.file_suffix}"
        fixed = self._find_fixed_body(request)
        if fixed is not None:
            source = fixed.source
            # A small body in memory can be cut and spoilt like a rendered one.
            whole = source if isinstance(source, bytes) and fixed.repeat == 1 and not fixed.head else None
            reply = download(fixed.pieces if whole is None else whole, filename)
        else:
            key = (request.page, request.parameters, sight, self.world.revision)
            reply = self._kept.get(key) or self._kept.put(key, page.render(request, local_now, sight))
        return _spoil(reply, wrong, page.record_end)

    def _find_fixed_body(self, request: Request) -> FixedBody | None:
        candidates = self._fixed.get(request.page, ())
        return next((body for body in candidates if all(request.one(k) == v for k, v in body.when)), None)

    def _call_export(self, request: Request, local_now: datetime, sight: Sight) -> Reply:
        return call_exports.call_export(request, self.world, self._export_build, local_now, sight, php=self.php)

    def _user_stats(self, request: Request, local_now: datetime, sight: Sight) -> Reply:
        return stats.user_stats(request, self.world, self.build, local_now, sight, php=self.php)


@dataclass(frozen=True, slots=True)
class _Page:
    """A report page: its name among the rights, the name of its files, and its renderer."""

    report: str
    file_prefix: str
    file_suffix: str
    record_end: bytes
    render: Callable[[Request, datetime, Sight], Reply]


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
        return empty_500()
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Reply(status=status, headers=headers, body=b"<html><body>try again later</body></html>\n")


def _spoil(reply: Reply, wrong: Misbehaviour, record_end: bytes) -> Reply:
    """Damage an export as PHP or MySQL would. Messages stay unchanged."""
    if not reply.is_export() or not isinstance(reply.body, bytes):
        return reply
    memory = wrong.rows_before_memory_is_out
    if memory is not None and reply.body.count(record_end) > memory:
        return empty_500()
    if wrong.rows_before_silence is not None and reply.body.count(record_end) > wrong.rows_before_silence:
        return replace(reply, never=True)
    body = wrong.truncate_body(reply.body, record_end)
    if wrong.display_errors:
        return Reply(body=wrong.with_warnings(body, record_end), chunked=True)
    if wrong.endless:
        return replace(reply, body=lambda: wrong.repeat_body(body))
    return replace(reply, body=body)
