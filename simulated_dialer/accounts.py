"""Accounts with their rights, and the lock-out after failed logins.

The order of the checks and every text are as observed. A locked account is refused with the right password too. A
refusal repeats the password.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulated_dialer.builds import Build
from simulated_dialer.replies import Reply, message, refusal_page
from simulated_dialer.requests import Login
from simulated_dialer.restrictions import EVERYTHING, Sight

FAILURES_BEFORE_LOCK = 10
LOCKED_FOR = timedelta(minutes=15)
USER_STATS, EXPORT_CALLS = "User Stats", "Export Calls Report"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rights:
    level: int = 8
    active: bool = True
    view_reports: bool = True
    export_reports: bool = True
    allowed_reports: tuple[str, ...] = ("ALL REPORTS",)
    needs_second_factor: bool = False
    api_access: bool = True
    minutes_since_login: int | None = 1
    sight: Sight = EVERYTHING


@dataclass(frozen=True, slots=True)
class Account(_Rights):
    """A login with its rights.

    ``minutes_since_login`` is the age of the last successful login when the dialer starts; None is never. It
    matters to the lock: an account that nobody used for 15 minutes starts counting anew instead of locking.
    """

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class _Attempts:
    failures: int
    last_login: datetime | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason of a refused login. ``code`` is its word in the message."""

    code: str
    user: str
    password: str = field(repr=False)

    def sentence(self, address: str = "") -> str:
        if self.code == "LOCK":
            return f"Too many login attempts, try again in 15 minutes: |{self.user}|LOCK|"
        if self.code == "IPBLOCK":
            return f"Your IP Address is not allowed: {address}: |{self.user}|IPBLOCK|"
        return f"Login incorrect, please try again: |{self.user}|{self.password}|{self.code}|"


class Accounts:
    """All accounts of a dialer with their failure counters. Safe for many threads."""

    def __init__(
        self, accounts: Iterable[Account], build: Build, now: datetime, *, strips: bool = True, any_script: bool = False
    ) -> None:
        self._build = build
        self._forbidden = re.compile(r"[^-_\w]" if any_script else r"[^-_0-9A-Za-z]") if strips else None
        self._accounts = {account.user: account for account in accounts}
        self._attempts = {
            account.user: _Attempts(0, _minutes_before(now, account.minutes_since_login))
            for account in self._accounts.values()
        }
        self._failures: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def failed_logins(self) -> dict[str, int]:
        """Return the refused logins by user since the start. Unknown users are included, locked ones are not."""
        with self._lock:
            return dict(self._failures)

    def change(self, account: Account) -> None:
        """Give a known user another password or other rights. Its failures stay counted."""
        with self._lock:
            self._accounts[account.user] = account

    def enter(self, login: Login | None, now: datetime, *, level: int = 7, ip_block: bool = False) -> Account | Refusal:
        """Return the account of a login, or the reason of its refusal. Count the failure."""
        user, password = self._strip_login(login)
        if not user or not password:
            return Refusal("BAD", user, password)
        with self._lock:
            account, attempts = self._accounts.get(user), self._attempts.get(user)
            if attempts and self._is_locked(attempts, now):
                return Refusal("LOCK", user, password)
            if account is None or attempts is None or not self._matches(account, password, level):
                self._failures[user] += 1
                if attempts:
                    _count_failure(attempts, now)
                return Refusal("BAD", user, password)
            attempts.failures, attempts.last_login = 0, now
        if ip_block:
            return Refusal("IPBLOCK", user, password)
        if account.needs_second_factor:
            return Refusal("2FA", user, password)
        return account

    def _is_locked(self, attempts: _Attempts, now: datetime) -> bool:
        if not self._build.has_lockout or attempts.failures < FAILURES_BEFORE_LOCK:
            return False
        return attempts.last_login is not None and now - attempts.last_login < LOCKED_FOR

    def _matches(self, account: Account, password: str, level: int) -> bool:
        return account.active and account.level >= level and password == self._strip(account.password)

    def _strip_login(self, login: Login | None) -> tuple[str, str]:
        return (self._strip(login.user), self._strip(login.password)) if login else ("", "")

    def _strip(self, text: str) -> str:
        return self._forbidden.sub("", text) if self._forbidden else text


def page_refusal(refusal: Refusal, build: Build, *, report: str, address: str) -> Reply:
    """Return a report page's reply to a refused login. The two pages differ in details."""
    if not build.has_lockout:
        if report == EXPORT_CALLS:
            return message(f"Invalid Username/Password or no export report permission: |{refusal.user}|")
        return refusal_page(f"Invalid Username/Password: |{refusal.user}|{refusal.password}|")
    if refusal.code == "2FA" and report == USER_STATS:
        return message('Your session is expired. <a href="admin.php">Click here to log in</a>.', charset="utf-8")
    if refusal.code in {"LOCK", "IPBLOCK"}:
        return message(refusal.sentence("" if report == USER_STATS else address), charset="utf-8")
    return refusal_page(refusal.sentence())


def missing_right(account: Account, report: str) -> Reply | None:
    """Return a page's reply to an account without the right for it. None if no right is missing."""
    if not account.view_reports:
        return message(f"You are not allowed to view reports: |{account.user}|GOOD|", charset="utf-8")
    if report == EXPORT_CALLS and not account.export_reports:
        return message(f"You do not have permissions for export reports: |{account.user}|", charset="utf-8")
    if not {"ALL REPORTS", report} & set(account.allowed_reports):
        return refusal_page(f"You are not allowed to view this report: |{account.user}|{report}|")
    return None


def _count_failure(attempts: _Attempts, now: datetime) -> None:
    if attempts.failures < FAILURES_BEFORE_LOCK:
        attempts.failures += 1
    else:
        attempts.failures, attempts.last_login = 1, now


def _minutes_before(now: datetime, minutes: int | None) -> datetime | None:
    return None if minutes is None else now - timedelta(minutes=minutes)
