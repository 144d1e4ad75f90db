"""`main.py check`, one host: its clients are tried one after the other, each with two requests at most.

What it costs the dialer is what matters: one failed login per account, none with a password that was refused before.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import logs
from campaign_processor import redacted, refuse_unnamed
from config import Settings
from data_fetcher import Dialer
from dialers.accounts import Account, is_of
from dialers.versions import DialerVersion, clock_troubles
from errors import (
    AccountLocked,
    AddressBlocked,
    CertificateInvalid,
    DialerTimeout,
    DialerUnreachable,
    LoginRejected,
    LoginUnclear,
    NotPermitted,
    RedirectRefused,
    ReportUnknown,
    SyncError,
    TwoFactorRequired,
)
from messages import Credential, Finding, RefusedAccount, SkippedRow, Window
from reports import REPORTS
from schedules.days import local_day, local_hour
from utils import one_line, utc_now

OF_THE_LOGIN = (LoginRejected, LoginUnclear, AccountLocked, TwoFactorRequired, AddressBlocked)
OF_THE_HOST = (DialerUnreachable, DialerTimeout)
"""What every further request to that origin would end with as well."""
RETRY_ADVICE = (
    "Correct the password in its row and import it, `python main.py clients import FILE.csv`. If the account was"
    " repaired on the dialer instead:"
    " `python main.py check --retry --client {0}`, or `python main.py clients retry {0}`."
)


class HostCheck:
    """Tries the clients of one host in one thread; what is known of the host is not asked for again."""

    def __init__(
        self, refusals: Sequence[RefusedAccount], settings: Settings, *, hasty: Settings, run_id: str, download: Path,
        give_up: Callable[[], bool],
    ) -> None:  # fmt: skip
        """``hasty`` is for requests without a password: none of the few tries at it is spent."""
        self._refusals = refusals
        self._hasty = hasty
        self._settings = settings
        self._run_id = run_id
        self._download = download
        self._give_up = give_up
        self._introductions: dict[tuple[str, bool], DialerVersion | SyncError] = {}
        self._gone: dict[str, SyncError] = {}

    def check(self, sources: Sequence[Credential], found: dict[str, Future[list[Finding]]]) -> None:
        for source in sources:
            logs.hide(source.password)
            try:
                findings = list(self._of(source))
            except Exception as exc:  # noqa: BLE001 - a client's trouble stays with the client
                findings = [replace(about(source, "check"), ok=False, detail=redacted(exc))]
            found[source.source_key].set_result(findings)

    def _of(self, source: Credential) -> Iterator[Finding]:
        """One thing after another; what depends on one that failed is left out."""
        with self._dialer(source, self._settings) as dialer:
            try:
                told = self._introduction(source)
            except CertificateInvalid as exc:
                yield _well(source, "reachable", f"{source.host} accepts connections")
                yield _failed(source, "TLS", exc)
                return
            except SyncError as exc:
                yield _failed(source, "reachable", exc)
                return
            yield _well(source, "reachable", f"{source.host} answers")
            yield _encryption(source)
            if isinstance(told, RedirectRefused):
                yield _failed(source, "VICIdial", told)  # before a password goes there
            elif isinstance(told, DialerVersion):
                yield _well(source, "VICIdial", f"build {told.build:06}")
                yield from _clock(source, told)
                yield from self._login_and_report(source, dialer, told)
            else:
                yield from self._without_version(source, dialer)

    def _dialer(self, source: Credential, settings: Settings) -> Dialer:
        until = utc_now() + self._hasty.request_timeout  # for a connection, which a run may have
        return Dialer(source, settings, self._run_id, cancelled=self._give_up, until=until)

    def _introduction(self, source: Credential) -> DialerVersion | SyncError:
        """Asked once for all rows with the same address."""
        if (gone := self._gone.get(source.origin)) is not None:
            raise gone
        key = source.dialer_url, source.verify_tls
        if key not in self._introductions:
            try:
                with self._dialer(source, self._hasty) as dialer:
                    self._introductions[key] = dialer.introduction()
            except OF_THE_HOST as exc:
                self._gone[source.origin] = exc
                raise
        return self._introductions[key]

    def _without_version(self, source: Credential, dialer: Dialer) -> Iterator[Finding]:
        """Some forbid that page and no other; only where the report is not there either is it the wrong place."""
        first, *rest = self._login_and_report(source, dialer, None)
        if not first.ok and first.name == about(source, "report").name:
            yield replace(first, name=about(source, "VICIdial").name)
            return
        yield _doubtful(source, "VICIdial", "it does not tell its build", "Allow non_agent_api.php?function=version.")
        advice = f"Make sure yourself that its clock runs in {source.timezone}, the Timezone of its row."
        yield _doubtful(source, "clock", "it does not tell its time", advice)
        yield first
        yield from rest

    def _login_and_report(self, source: Credential, dialer: Dialer, version: DialerVersion | None) -> Iterator[Finding]:
        well, failed = partial(_well, source), partial(_failed, source)
        since = self._refused_since(source)
        if since is not None:
            detail = f"user {source.username!r} is not tried: {source.host} refused this password {since}"
            yield replace(about(source, "login"), ok=False, detail=detail, advice=RETRY_ADVICE.format(source.argument))
            return
        try:
            if version is not None:
                refuse_unnamed(source, version)
            told = self._report(source, dialer, version)
        except OF_THE_LOGIN as exc:
            yield failed("login", exc)
            return
        except NotPermitted as exc:
            yield well("login", f"user {source.username!r} may log in")
            yield failed("rights", exc)
            return
        except SyncError as exc:
            if isinstance(exc, OF_THE_HOST):
                self._gone[source.origin] = exc
            yield failed("report", exc)
            return
        yield well("login", f"user {source.username!r} may log in")
        yield well("rights", f"it may read {source.report}")
        yield failed("report", told) if isinstance(told, SyncError) else well("report", told)

    def _refused_since(self, source: Credential) -> str | None:
        """As the warehouse or this DATA_DIR knows, by an earlier run or for another row of the same account."""
        known = [refusal.refused_at for refusal in self._refusals if is_of(refusal, source)]
        noted = Account(self._settings.data_dir / "accounts", source, self._run_id).refused_since
        first = min([*known, *([noted] if noted else [])], default=None)
        return None if first is None else f"at {first:%Y-%m-%d %H:%M} UTC"

    def _report(self, source: Credential, dialer: Dialer, version: DialerVersion | None) -> str | ReportUnknown:
        """Ask for the hour that the dialer's clock shows; the answer's columns are looked at, its rows are not kept."""
        report = REPORTS[source.report]
        now = utc_now()
        local = now + version.utc_offset if version else None
        day = local.date() if local else local_day(now, source.timezone)
        hour = local.hour if local else local_hour(now, source.timezone)
        window = Window(day=day, first_hour=hour, last_hour=hour, since=now, until=now)
        detail = report.details(version.build if version else None)[0]
        try:
            if not dialer.download(report.PAGE, report.form(source, window, detail), self._download):
                return f"{source.report} is there; it has no calls of this hour, and so shows no columns"
            shown = report.shows(self._download)
        finally:
            self._download.unlink(missing_ok=True)
        if shown is None:
            return ReportUnknown(source.host, "an export with another header row")
        return f"{source.report} has the columns that are needed"


def _well(source: Credential, thing: str, detail: str) -> Finding:
    return replace(about(source, thing), detail=detail)


def _doubtful(source: Credential, thing: str, detail: str, advice: str) -> Finding:
    return replace(about(source, thing), detail=detail, advice=advice)


def _failed(source: Credential, thing: str, exc: SyncError) -> Finding:
    happened, advice = (text.format(*exc.args) for text in (exc.happened, exc.advice))
    return replace(about(source, thing), ok=False, detail=happened, advice=advice)


def _encryption(source: Credential) -> Finding:
    if source.dialer_url.startswith("http:"):
        return _well(source, "TLS", "none, since the URL of its row says http: the password can be read on its way")
    if not source.verify_tls:
        return _doubtful(
            source, "TLS", "the certificate is not verified: VerifyTLS of its row is no",
            "Anybody on the way could take the dialer's place; remove VerifyTLS once the certificate is in order.",
        )  # fmt: skip
    return _well(source, "TLS", "the certificate was verified")


def _clock(source: Credential, version: DialerVersion) -> Iterator[Finding]:
    troubles = list(clock_troubles(version, source, utc_now()))
    for trouble in troubles:
        yield replace(about(source, "clock"), ok=False, detail=trouble.happened, advice=trouble.advice)
    if not troubles:
        hours = version.utc_offset / timedelta(hours=1)
        yield _well(source, "clock", f"right, and {hours:+g} hours from UTC now, as {source.timezone} is")


def about(row: Credential | SkippedRow, thing: str) -> Finding:
    """A finding that is well as long as nothing else is said."""
    name = f"{one_line(row.client_name) or '(no client)'} ({one_line(row.campaign)}): {thing}"
    return Finding(
        name=name, ok=True, detail="", campaign=row.campaign, client_id=row.client_id, client_name=row.client_name
    )
